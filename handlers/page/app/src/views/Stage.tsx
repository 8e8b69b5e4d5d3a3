// The meeting: everybody's tiles, the controls, chat and people.

import { useSignal } from "@preact/signals";
import type { Meeting } from "../meeting";
import { Chat } from "./Chat";
import { Controls } from "./Controls";
import { Mark } from "./icons";
import { People } from "./People";
import { ScreenTile, Tile } from "./Tile";
import { Sound } from "./Video";

export type Panel = "chat" | "people" | null;

const WIDE = "(min-width: 64rem)";

export function Stage({ meeting }: { meeting: Meeting }) {
  const panel = useSignal<Panel>(matchMedia(WIDE).matches ? "chat" : null);
  const unread = useSignal(0);
  const you = meeting.you.value;
  const people = [...meeting.people.value.values()];
  // Oneself last: what there is to see is the others.
  people.sort((a, b) => Number(a.id === you?.id) - Number(b.id === you?.id) || (a.id < b.id ? -1 : 1));
  const screens = meeting.tracks.value.filter((track) => track.source === "screen" && !track.muted);
  const shared = screens.length > 0;

  return (
    <div class={panel.value ? "room with-panel" : "room"}>
      <header>
        <Mark size={24} />
        <h1>{meeting.name.value || "Joining …"}</h1>
        {meeting.recording.value && (
          <span class="pill red" data-testid="recording-on">
            <i /> Recording
          </span>
        )}
        {meeting.state.value !== "live" && (
          <span class="pill" role="status" data-testid="connection-state">
            {meeting.state.value === "reconnecting" ? "Reconnecting …" : "Connecting …"}
          </span>
        )}
      </header>
      <main class={shared ? "tiles shared" : "tiles"} style={{ "--n": people.length }} data-n={columns(people.length)}>
        {screens.map((track) => (
          <ScreenTile key={track.track_id} meeting={meeting} track={track} />
        ))}
        <div class="grid" style={{ "--columns": columns(people.length) }}>
          {people.map((person) => (
            <Tile key={person.id} meeting={meeting} person={person} own={person.id === you?.id} />
          ))}
        </div>
      </main>
      {panel.value && (
        <aside>
          {panel.value === "chat" ? (
            <Chat meeting={meeting} close={() => (panel.value = null)} />
          ) : (
            <People meeting={meeting} close={() => (panel.value = null)} />
          )}
        </aside>
      )}
      <Controls meeting={meeting} panel={panel} unread={unread} />
      <Sounds meeting={meeting} />
      <div class="notices" aria-live="polite">
        {meeting.notices.value.map((notice) => (
          <button key={notice.id} class="notice" onClick={() => meeting.dismiss(notice.id)}>
            {notice.text}
          </button>
        ))}
      </div>
    </div>
  );
}

/** Every audio track that plays anywhere. */
function Sounds({ meeting }: { meeting: Meeting }) {
  const kinds = new Set(
    meeting.tracks.value
      .filter((track) => track.kind === "audio" && track.participant_id !== meeting.you.value?.id)
      .map((track) => track.track_id),
  );
  const heard = [...meeting.subscriber.playing.value].filter(([track]) => kinds.has(track));
  return (
    <>
      {heard.map(([, media]) => (
        <Sound key={media.id} track={media} />
      ))}
    </>
  );
}

function columns(people: number): number {
  return Math.max(1, Math.ceil(Math.sqrt(people)));
}
