// What a request may come to instead of an answer.

/** The server said no. */
export class ParleyError extends Error {
  constructor(
    readonly status: number,
    /** For programs: one word for each reason. */
    readonly code: string,
    /** For people. */
    message: string,
    /** Under which the server's log has the request. */
    readonly requestId: string | null = null,
    /** When the server says that asking again makes sense. */
    readonly retryAfterMs: number | null = null,
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

interface Said {
  error?: string;
  message?: string;
  code?: string;
  request_id?: string;
  error_description?: string;
}

/** A refusal in any of the three forms, or of something between us and the server. */
export async function refusal(response: Response): Promise<ParleyError> {
  const said = (await response.json().catch(() => null)) as Said | null;
  const after = Number(response.headers.get("Retry-After") ?? NaN);
  return new ParleyError(
    response.status,
    said?.code ?? said?.error ?? "UNKNOWN",
    said?.message ?? said?.error_description ?? said?.error ?? response.statusText,
    said?.request_id ?? response.headers.get("X-Request-Id"),
    Number.isFinite(after) ? after * 1000 : null,
  );
}
