// Where the page stands: `#/r/ROOM?invite=CODE`, `#/r/ROOM?token=JWT`, or the front door.

import { signal } from "@preact/signals";

export interface Place {
  room: string | null;
  invite: string | null;
  token: string | null;
}

export function read(hash: string): Place {
  const [path = "", query = ""] = hash.replace(/^#/, "").split("?", 2);
  const room = /^\/r\/([^/]+)$/.exec(path)?.[1];
  const asked = new URLSearchParams(query);
  return {
    room: room === undefined ? null : decodeURIComponent(room),
    invite: asked.get("invite"),
    token: asked.get("token"),
  };
}

export const place = signal(read(location.hash));

addEventListener("hashchange", () => {
  place.value = read(location.hash);
});

/** What a pasted link leads to, as a hash; null when it is no link of ours. */
export function hashOf(link: string): string | null {
  const at = link.indexOf("#/r/");
  return at < 0 ? null : link.slice(at).trim();
}
