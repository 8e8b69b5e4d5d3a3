// The API as this page asks it, and the refusals it may meet.
import { type Auth, type Chalk, chalk } from "@parley/client";

export { answer, ParleyError as Refused, Unreachable } from "@parley/client";

/** Whoever waits sees that they do: what is asked again for long is asked again by them. */
const PATIENCE = { attempts: 2, withinMs: 2_000 };

/** `auth`: whose token goes with each request. Throws `Refused` and `Unreachable`. */
export function api(auth?: Auth): Chalk {
  return chalk(location.origin, auth, PATIENCE);
}
