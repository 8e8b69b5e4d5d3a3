// One request, asked until it is answered or patience ends.
import type { Auth } from "./auth.js";
import { ParleyError, refusal, Unreachable } from "./errors.js";

/** How long a request is asked again that may yet succeed. */
export interface Patience {
  attempts: number;
  /** Spent waiting between the attempts, all together. */
  withinMs: number;
  /** The first wait, about; each is twice the one before. A server that names a time is obeyed. */
  firstMs: number;
  /** What one attempt may take. */
  attemptMs: number;
}

export const PATIENCE: Patience = {
  attempts: 5,
  withinMs: 30_000,
  firstMs: 250,
  attemptMs: 15_000,
};

type Fetch = (request: Request) => Promise<Response>;

/** `fetch` that says who asks, throws `ParleyError` and `Unreachable`, and asks again. */
export function persistent(auth: Auth | undefined, patience: Patience, send: Fetch): Fetch {
  return async (request) => {
    const headers = new Headers(request.headers);
    const isRead = request.method === "GET";
    // One key for all attempts: whichever arrives first is carried out, the others learn of it.
    // What nobody need say who they are for takes none, and is not asked twice.
    if (auth && !isRead && !headers.has("Idempotency-Key")) {
      headers.set("Idempotency-Key", fresh());
    }
    const isRepeatable = isRead || headers.has("Idempotency-Key");
    let waitedMs = 0;
    for (let attempt = 1; ; attempt++) {
      const found = await once(request, headers, auth, patience, send);
      if (found instanceof Response) return found;
      const waitMs = found instanceof ParleyError && found.retryAfterMs !== null
        ? found.retryAfterMs
        : patience.firstMs * 2 ** (attempt - 1) * (0.75 + Math.random() / 2);
      waitedMs += waitMs;
      const again = found instanceof ParleyError
        ? found.status === 429 || (found.status === 503 && isRepeatable)
        : isRepeatable && !request.signal.aborted;
      if (!again || attempt >= patience.attempts || waitedMs > patience.withinMs) throw found;
      await new Promise((resolve) => setTimeout(resolve, waitMs));
    }
  };
}

async function once(
  request: Request,
  headers: Headers,
  auth: Auth | undefined,
  patience: Patience,
  send: Fetch,
): Promise<Response | ParleyError | Unreachable> {
  let response: Response;
  try {
    if (auth) headers.set("Authorization", `Bearer ${await auth()}`);
    const signal = AbortSignal.any([request.signal, AbortSignal.timeout(patience.attemptMs)]);
    response = await send(new Request(request.clone(), { headers, signal, cache: "no-store" }));
  } catch (cause) {
    // There was no getting a token: nothing was asked.
    if (cause instanceof ParleyError) throw cause;
    return new Unreachable(request.url, { cause });
  }
  return response.ok ? response : refusal(response);
}

/** 128 random bits. `crypto.randomUUID` is not there on pages that came without TLS. */
function fresh(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
