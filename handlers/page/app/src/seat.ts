// One's place in a room: the tokens that prove it, kept for as long as the tab is open.
import { answer, api } from "./api";
import { uuid } from "./ids";
import type { Link } from "./link";
import { hideToken } from "./link";
import type { Role, Room } from "./wire";

const REFRESH_AHEAD_MS = 60_000;
/** A token that came in a link cannot be refreshed, only used until it expires. */
const NO_REFRESH = "";

interface Kept {
  room: string;
  access: string;
  refresh: string;
  /** By which invitation the seat was taken; null: by a token in the link. */
  invite: string | null;
  /** In the meeting when last heard of: a reload goes straight back in. */
  present: boolean;
  micOn: boolean;
  cameraOn: boolean;
}

interface Claims {
  kind?: string;
  sub?: string;
  display_name?: string;
  role?: string;
  exp?: number;
}

export class Seat {
  /** Asks as whoever sits here. */
  readonly api = api(() => this.token());
  private refreshing: Promise<void> | null = null;

  private constructor(private kept: Kept) {}

  /** The seat of this tab that the link leads to, if there is one already. */
  static find(link: Link): Seat | null {
    const kept = load(link.room);
    if (link.token && link.token !== kept?.access) {
      return new Seat({
        room: link.room,
        access: link.token,
        refresh: NO_REFRESH,
        invite: null,
        present: false,
        micOn: true,
        cameraOn: true,
      });
    }
    return kept && (!link.invite || link.invite === kept.invite) ? new Seat(kept) : null;
  }

  /** Sit down under this name. Throws `Refused` and `Unreachable`. */
  static async take(link: Link, name: string): Promise<Seat> {
    const body = { invite: link.invite ?? "", display_name: name };
    const attempt = new Attempt(link, name);
    const headers = { "Idempotency-Key": attempt.key };
    const joined = await answer(api().POST("/join-token/exchange", { body, headers }));
    attempt.succeeded();
    return new Seat({
      room: link.room,
      access: joined.access_token,
      refresh: joined.refresh_token,
      invite: link.invite,
      present: false,
      micOn: true,
      cameraOn: true,
    });
  }

  get room(): string {
    return this.kept.room;
  }

  get invite(): string | null {
    return this.kept.invite;
  }

  get name(): string {
    return this.claims.display_name ?? "";
  }

  get role(): Role {
    return ["host", "co_host", "admin", "teacher"].includes(this.claims.role ?? "")
      ? "host"
      : "participant";
  }

  get wasPresent(): boolean {
    return this.kept.present;
  }

  get wished(): { micOn: boolean; cameraOn: boolean } {
    return { micOn: this.kept.micOn, cameraOn: this.kept.cameraOn };
  }

  /** Keep for a reload, and leave no token in the address bar. */
  remember(link: Link, change: Partial<Pick<Kept, "present" | "micOn" | "cameraOn">>): void {
    this.kept = { ...this.kept, ...change };
    sessionStorage.setItem(key(this.room), JSON.stringify(this.kept));
    hideToken(link);
  }

  static forget(room: string): void {
    sessionStorage.removeItem(key(room));
  }

  /** A token that is good for a while yet. Throws `Refused` when there is no getting one. */
  async token(): Promise<string> {
    const expires = (this.claims.exp ?? Infinity) * 1000;
    if (this.kept.refresh && expires - Date.now() < REFRESH_AHEAD_MS) await this.renew();
    return this.kept.access;
  }

  /** Take a new name, if it is another than before. A user's token brings its own. */
  async rename(name: string): Promise<void> {
    const { kind, sub } = this.claims;
    if (kind !== "participant" || !sub || !name || name === this.name) return;
    const path = { room_id: this.room, participant_id: sub };
    const seat = "/rooms/{room_id}/participants/{participant_id}";
    await answer(this.api.PATCH(seat, { params: { path }, body: { display_name: name } }));
    if (this.kept.refresh) await this.renew();
  }

  findRoom(): Promise<Room> {
    return answer(this.api.GET("/rooms/{room_id}", { params: { path: { room_id: this.room } } }));
  }

  private renew(): Promise<void> {
    this.refreshing ??= this.refresh().finally(() => (this.refreshing = null));
    return this.refreshing;
  }

  private async refresh(): Promise<void> {
    const body = { refresh_token: this.kept.refresh };
    const tokens = await answer(api().POST("/auth/refresh", { body }));
    this.kept = { ...this.kept, access: tokens.access_token, refresh: tokens.refresh_token };
    if (load(this.room)) sessionStorage.setItem(key(this.room), JSON.stringify(this.kept));
  }

  private get claims(): Claims {
    const part = this.kept.access.split(".")[1] ?? "";
    try {
      const bytes = Uint8Array.from(
        atob(part.replaceAll("-", "+").replaceAll("_", "/")),
        (char) => char.charCodeAt(0),
      );
      return JSON.parse(new TextDecoder().decode(bytes)) as Claims;
    } catch {
      // No token of ours: the server will say so.
      return {};
    }
  }
}

/**
 * Sitting down by a link under a name. A host's link opens once: whoever did not hear the answer,
 * and asks again in this tab, is told the same one.
 */
class Attempt {
  readonly key: string;
  private readonly kept: string;

  constructor(link: Link, name: string) {
    this.kept = `parley.attempt.${link.invite} ${name}`;
    this.key = sessionStorage.getItem(this.kept) ?? uuid();
    sessionStorage.setItem(this.kept, this.key);
  }

  succeeded(): void {
    sessionStorage.removeItem(this.kept);
  }
}

function key(room: string): string {
  return `parley.seat.${room}`;
}

function load(room: string): Kept | null {
  const text = sessionStorage.getItem(key(room));
  return text ? (JSON.parse(text) as Kept) : null;
}
