// Parley's three APIs, typed by their documents.
import createClient, { type Client } from "openapi-fetch";
import type { Auth } from "./auth.js";
import type { components as ChalkComponents, paths as ChalkPaths } from "./generated/chalk.js";
import type { components as ChroomComponents, paths as ChroomPaths } from "./generated/chroom.js";
import type { components as KcsComponents, paths as KcsPaths } from "./generated/kcs.js";
import { PATIENCE, persistent, type Patience } from "./persist.js";

export { apiKey, clientCredentials, tokens, userOf } from "./auth.js";
export type { Auth, Pair, User } from "./auth.js";
export { ParleyError, Unreachable } from "./errors.js";
export type { Patience } from "./persist.js";

export type Chalk = Client<ChalkPaths, "application/json">;
export type Kcs = Client<KcsPaths, "application/json">;
export type Chroom = Client<ChroomPaths, "application/json">;
/** What each API reads and answers, by the names of its document. */
export type ChalkSchemas = ChalkComponents["schemas"];
export type KcsSchemas = KcsComponents["schemas"];
export type ChroomSchemas = ChroomComponents["schemas"];

// `base` is the server's address without a prefix; without `auth` a client may ask only what
// nobody need say who they are for. What is not said of patience is as `PATIENCE` has it.

export function chalk(base: string, auth?: Auth, patience: Partial<Patience> = {}): Chalk {
  return speaking<ChalkPaths>(`${base}/api/v1`, auth, patience);
}

export function kcs(base: string, auth?: Auth, patience: Partial<Patience> = {}): Kcs {
  return speaking<KcsPaths>(`${base}/api/meeting`, auth, patience);
}

export function chroom(base: string, auth?: Auth, patience: Partial<Patience> = {}): Chroom {
  return speaking<ChroomPaths>(`${base}/api`, auth, patience);
}

function speaking<Paths extends object>(
  baseUrl: string,
  auth: Auth | undefined,
  patience: Partial<Patience>,
): Client<Paths, "application/json"> {
  // Looked up at each request, so that a test or a page may put its own in the place of `fetch`.
  const send = (request: Request) => fetch(request);
  const asked = persistent(auth, { ...PATIENCE, ...patience }, send);
  return createClient<Paths, "application/json">({ baseUrl, fetch: asked });
}

/** The answer itself: `const room = await answer(api.GET("/rooms/{room_id}", …))`. */
export async function answer<T>(asked: Promise<{ data?: T }>): Promise<T> {
  // A refusal has been thrown by now; of 204 there is nothing to tell.
  return (await asked).data as T;
}
