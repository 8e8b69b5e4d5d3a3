// Requests over HTTP, and the refusals they may meet.

const BASE = "/api/v1";
const WITHIN_MS = 15_000;

/** The server said no. */
export class Refused extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
  ) {
    super(message);
  }

  /** Asking the same again can succeed. */
  get passes(): boolean {
    return this.status >= 500 || this.status === 429;
  }
}

/** Nobody answered. */
export class Unreachable extends Error {}

interface Options {
  method?: string;
  token?: string;
  body?: unknown;
}

/** The answer's JSON. Throws `Refused` or `Unreachable`. */
export async function call<T>(path: string, options: Options = {}): Promise<T> {
  const response = await send(path, options);
  return (await response.json()) as T;
}

/** The answer's text, for formats that are not JSON. Throws as `call`. */
export async function callText(path: string, options: Options = {}): Promise<string> {
  const response = await send(path, options);
  return response.text();
}

async function send(path: string, { method = "GET", token, body }: Options): Promise<Response> {
  const headers: Record<string, string> = {};
  if (token) headers["Authorization"] = `Bearer ${token}`;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  let response: Response;
  try {
    response = await fetch(BASE + path, {
      method,
      headers,
      body: body === undefined ? null : JSON.stringify(body),
      signal: AbortSignal.timeout(WITHIN_MS),
      cache: "no-store",
    });
  } catch (cause) {
    throw new Unreachable(path, { cause });
  }
  if (response.ok) return response;
  const said = (await response.json().catch(() => ({}))) as { error?: string; code?: string };
  throw new Refused(response.status, said.code ?? "UNKNOWN", said.error ?? response.statusText);
}
