// Who a client is, and how it goes on being that when a token expires.
import { refusal, Unreachable } from "./errors.js";

const AHEAD_MS = 30_000;

/** Gives what goes after `Bearer`: an API key, or a token that is good for a while yet. */
export type Auth = () => string | Promise<string>;

export interface Pair {
  access_token: string;
  refresh_token: string;
  expires_in: number;
}

export interface User {
  user_id: string;
  role?: string;
  display_name?: string;
  room_id?: string;
}

export function apiKey(key: string): Auth {
  return () => key;
}

/** A pair of tokens, as joining gives one; `changed` is told of each that takes its place. */
export function tokens(base: string, pair: Pair, changed?: (pair: Pair) => void): Auth {
  let kept = pair;
  return renewed(pair.access_token, pair.expires_in, async () => {
    const body = JSON.stringify({ refresh_token: kept.refresh_token });
    kept = await post<Pair>(`${base}/api/v1/auth/refresh`, body, {
      "Content-Type": "application/json",
    });
    changed?.(kept);
    return kept;
  });
}

/** One of a tenant's users, by the tenant's key: for backends that act for people. */
export function userOf(base: string, key: string, user: User): Auth {
  const body = JSON.stringify({ api_key: key, ...user });
  return renewed(null, 0, () =>
    post(`${base}/api/v1/auth/token`, body, { "Content-Type": "application/json" }),
  );
}

/** OAuth 2.0 client credentials (RFC 6749, section 4.4). */
export function clientCredentials(base: string, id: string, secret: string, scope?: string): Auth {
  const body = new URLSearchParams({
    grant_type: "client_credentials",
    ...(scope === undefined ? {} : { scope }),
  });
  const basic = btoa(`${encodeURIComponent(id)}:${encodeURIComponent(secret)}`);
  return renewed(null, 0, () =>
    post(`${base}/oauth/token`, body, { Authorization: `Basic ${basic}` }),
  );
}

interface Given {
  access_token: string;
  expires_in: number;
}

function renewed(first: string | null, expiresIn: number, renew: () => Promise<Given>): Auth {
  let token = first;
  let goodUntil = Date.now() + expiresIn * 1000 - AHEAD_MS;
  let renewing: Promise<string> | null = null;
  return () => {
    if (token !== null && Date.now() < goodUntil) return token;
    renewing ??= renew()
      .then((given) => {
        goodUntil = Date.now() + given.expires_in * 1000 - AHEAD_MS;
        return (token = given.access_token);
      })
      .finally(() => (renewing = null));
    return renewing;
  };
}

async function post<T>(
  url: string,
  body: BodyInit,
  headers: Record<string, string>,
): Promise<T> {
  let response: Response;
  try {
    response = await fetch(url, { method: "POST", body, headers, cache: "no-store" });
  } catch (cause) {
    throw new Unreachable(url, { cause });
  }
  if (!response.ok) throw await refusal(response);
  return (await response.json()) as T;
}
