// The link somebody came by: #/r/ROOM?invite=CODE or #/r/ROOM?token=JWT.

export interface Link {
  room: string;
  invite: string | null;
  token: string | null;
}

export function readLink(hash: string): Link | null {
  const found = /^#\/r\/([^/?#]+)(?:\?(.*))?$/.exec(hash);
  if (!found?.[1]) return null;
  const query = new URLSearchParams(found[2] ?? "");
  return {
    room: decodeURIComponent(found[1]),
    invite: query.get("invite"),
    token: query.get("token"),
  };
}

export function inviteLink(room: string, invite: string): string {
  return `${location.origin}/#/r/${encodeURIComponent(room)}?invite=${encodeURIComponent(invite)}`;
}

/** Take a token out of the address bar, where it would be shared with the screen. */
export function hideToken(link: Link): void {
  if (link.token) history.replaceState(null, "", `#/r/${encodeURIComponent(link.room)}`);
}
