// Tiles laid out as large as they fit; a shared screen gets most of the room.
import { useEffect, useRef, useState } from "preact/hooks";
import type { Devices } from "../media/devices";
import type { Meeting } from "../meeting";
import { useStore } from "../store";
import { words } from "../words";
import { Copy } from "./icons";
import { Picture } from "./Picture";
import { Tile } from "./Tile";

const GAP_PX = 10;
const SHAPE = 16 / 9;
const NARROWEST_PX = 120;

export function Grid({ meeting, devices }: { meeting: Meeting; devices: Devices }) {
  const { people, tracks, playing, you } = useStore(meeting.store);
  const { ids: speaking } = useStore(meeting.speaking);
  const { mic, camera, micOn, screen } = useStore(devices.store);
  const place = useRef<HTMLDivElement>(null);
  const isDuo = people.length === 2 && you !== null;
  const width = useTileWidth(place, isDuo ? 1 : people.length);

  const shared = tracks.find((track) => track.source === "screen");
  const sharer = people.find((person) => person.id === shared?.participant_id);
  const isOwn = shared !== undefined && shared.participant_id === you?.id;
  const picture = isOwn ? screen?.getVideoTracks()[0] : playing.get(shared?.track_id ?? "");
  const title = isOwn ? words.stage.yourScreen : words.stage.screenOf(sharer?.display_name ?? "");

  // Oneself comes last, as in a round where one looks at the others.
  const round = [...people].sort((a, b) => Number(a.id === you?.id) - Number(b.id === you?.id));
  return (
    <main class={`grid ${shared ? "presenting" : isDuo ? "duo" : ""}`}>
      {shared && (
        <figure class="shared" data-testid="screen">
          {picture && <Picture key={picture.id} track={picture} label={title} />}
          <figcaption>{title}</figcaption>
        </figure>
      )}
      <div
        class="tiles"
        ref={place}
        role="list"
        aria-label={words.stage.people}
        style={{ "--tile": `${width}px` }}
      >
        {round.map((person) => {
          const isYou = person.id === you?.id;
          const theirs = tracks.filter((track) => track.participant_id === person.id);
          const voice = theirs.find((track) => track.source === "microphone");
          const face = theirs.find((track) => track.source === "camera");
          const seen = face && !face.muted ? (playing.get(face.track_id) ?? null) : null;
          return (
            <Tile
              key={person.id}
              person={person}
              isYou={isYou}
              picture={isYou ? camera : seen}
              isMuted={isYou ? !(mic && micOn) : !voice || voice.muted}
              isSpeaking={speaking.has(person.id)}
            />
          );
        })}
      </div>
      {people.length === 1 && you && (
        <p class="alone">
          {words.stage.alone}
          {meeting.mayInvite && (
            <button type="button" class="secondary" onClick={() => void meeting.copyLink()}>
              <Copy />
              {words.people.copy}
            </button>
          )}
        </p>
      )}
    </main>
  );
}

/** The width at which `count` tiles fill the place best. */
function useTileWidth(place: { current: HTMLDivElement | null }, count: number): number {
  const [width, setWidth] = useState(320);
  useEffect(() => {
    const box = place.current;
    if (!box) return;
    const fit = () => setWidth(bestWidth(box.clientWidth, box.clientHeight, count));
    const observer = new ResizeObserver(fit);
    observer.observe(box);
    fit();
    return () => observer.disconnect();
  }, [count]);
  return width;
}

function bestWidth(width: number, height: number, count: number): number {
  let best = NARROWEST_PX;
  for (let columns = 1; columns <= count; columns++) {
    const rows = Math.ceil(count / columns);
    const byWidth = (width - GAP_PX * (columns - 1)) / columns;
    const byHeight = ((height - GAP_PX * (rows - 1)) / rows) * SHAPE;
    best = Math.max(best, Math.min(byWidth, byHeight));
  }
  return Math.floor(best);
}
