// Which of the page's views is shown: the front door, the lobby, the meeting, or what came of it.

import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import * as api from "../api";
import { Meeting, type Why } from "../meeting";
import { place } from "../route";
import { claims, Seat } from "../seat";
import type { RoomSeen } from "../wire";
import { After } from "./After";
import { Door } from "./Door";
import { type Devices, Lobby } from "./Lobby";
import { Stage } from "./Stage";

type View =
  | { at: "door"; error?: string }
  | { at: "waiting" }
  | { at: "lobby"; room: RoomSeen; name: string; seat: (name: string) => Promise<Seat> }
  | { at: "meeting"; meeting: Meeting }
  | { at: "after"; room: RoomSeen; token: () => Promise<string>; why: Why | null };

const view = signal<View>({ at: "waiting" });

export function App() {
  const { room, invite, token } = place.value;
  useEffect(() => {
    void arrive();
  }, [room, invite, token]);

  const shown = view.value;
  switch (shown.at) {
    case "door":
      return <Door error={shown.error} />;
    case "waiting":
      return <main class="centre quiet">One moment …</main>;
    case "lobby":
      return <Lobby room={shown.room.name} name={shown.name} join={(name, own) => join(shown, name, own)} />;
    case "meeting":
      return <Stage meeting={shown.meeting} />;
    case "after":
      return <After room={shown.room} token={shown.token} why={shown.why} again={() => void arrive()} />;
  }
}

/** Find out what the link leads to. */
async function arrive(): Promise<void> {
  const { room, invite, token } = place.value;
  if (view.value.at === "meeting") view.value.meeting.leave();
  if (room === null) {
    view.value = { at: "door" };
    return;
  }
  view.value = { at: "waiting" };
  try {
    view.value = await found(room, invite, token);
  } catch (error) {
    view.value = { at: "door", error: error instanceof Error ? error.message : String(error) };
  }
}

async function found(room: string, invite: string | null, token: string | null): Promise<View> {
  const kept = token === null ? Seat.restored(room) : Seat.fromToken(room, token);
  if (kept) {
    try {
      const seen = await api.room(await kept.token(), room);
      if (seen.status === "ended") {
        return { at: "after", room: seen, token: () => kept.token(), why: null };
      }
      return { at: "lobby", room: seen, name: kept.name, seat: () => Promise.resolve(kept) };
    } catch (error) {
      // A seat that was taken away, or whose tokens have run out. An invitation gives another.
      if (!(error instanceof api.ApiError) || error.status === 0 || invite === null) throw error;
      kept.forget();
    }
  }
  if (invite === null) throw new Error("This link holds no invitation");
  const looked = await api.look(invite);
  const reader = Seat.from(`${room}.reader`, looked, "");
  if (looked.room.status === "ended") {
    return { at: "after", room: looked.room, token: () => reader.token(), why: null };
  }
  const name = String(claims(invite)["display_name"] ?? "");
  return {
    at: "lobby",
    room: looked.room,
    name,
    seat: async (chosen) => Seat.from(room, await api.exchange(invite, chosen), chosen),
  };
}

async function join(lobby: View & { at: "lobby" }, name: string, own: Devices): Promise<void> {
  const seat = await lobby.seat(name);
  const meeting = new Meeting(seat, own, (why) => {
    if (view.value.at !== "meeting" || view.value.meeting !== meeting) return;
    if (why === "removed") seat.forget();
    const status = why === "ended" ? "ended" : "active";
    const room = { ...lobby.room, name: meeting.name.value || lobby.room.name, status } as const;
    view.value = { at: "after", room, token: () => seat.token(), why };
  });
  view.value = { at: "meeting", meeting };
}
