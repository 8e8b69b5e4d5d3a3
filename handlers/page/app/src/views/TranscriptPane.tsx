// Who said what and when; a click plays it.
import { useEffect, useRef } from "preact/hooks";
import type { Kept, Recordings } from "../recordings";
import { clock } from "../time";
import type { Turn } from "../wire";
import { words } from "../words";
import { hue } from "./Avatar";

type Format = keyof typeof words.transcript.formats;
const FORMATS = Object.entries(words.transcript.formats) as [Format, string][];
const MEDIA: Record<Format, string> = {
  vtt: "text/vtt",
  srt: "application/x-subrip",
  txt: "text/plain",
};

interface Props {
  kept: Kept;
  waiting: boolean;
  recordings: Recordings;
  /** Seconds into the recording that are playing now; negative: none. */
  at: number;
  seek: (seconds: number) => void;
}

export function TranscriptPane({ kept, waiting, recordings, at, seek }: Props) {
  const { recording, transcript } = kept;
  const turns = transcript?.status === "completed" ? transcript.transcript_json.segments : [];
  // Between two turns the one before is still marked, so that the mark does not flicker.
  const now = turns.findLastIndex((turn) => turn.start <= at);
  const save = async (format: Format) => {
    const text = await recordings.captions(recording.id, format);
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], { type: MEDIA[format] }));
    link.download = `transcript.${format}`;
    link.click();
    URL.revokeObjectURL(link.href);
  };
  return (
    <section class="transcript" aria-label={words.transcript.title}>
      <header>
        <h3>{words.transcript.title}</h3>
        {turns.length > 0 &&
          FORMATS.map(([format, name]) => (
            <button
              key={format}
              type="button"
              class="quiet"
              onClick={() => void save(format).catch(() => undefined)}
            >
              {name}
            </button>
          ))}
      </header>
      {turns.length === 0 && (
        <p class="quietly" role="status">
          {standing(kept, waiting)}
        </p>
      )}
      <ol>
        {turns.map((turn, n) => (
          <Line key={n} turn={turn} isNow={n === now} seek={seek} />
        ))}
      </ol>
    </section>
  );
}

interface LineProps {
  turn: Turn;
  isNow: boolean;
  seek: (seconds: number) => void;
}

function Line({ turn, isNow, seek }: LineProps) {
  const line = useRef<HTMLLIElement>(null);
  useEffect(() => {
    if (isNow) line.current?.scrollIntoView({ block: "nearest", behavior: "smooth" });
  }, [isNow]);
  return (
    <li ref={line} class={isNow ? "now" : ""} data-testid="transcript-turn">
      <button
        type="button"
        onClick={() => seek(turn.start)}
        title={words.transcript.seek(clock(turn.start))}
        style={{ "--hue": String(hue(turn.speaker_id ?? turn.speaker)) }}
      >
        <time>{clock(turn.start)}</time>
        <b>{turn.speaker}</b>
        <span>{turn.text}</span>
      </button>
    </li>
  );
}

/** What is to be said while there is nothing to read. */
function standing({ recording, transcript }: Kept, waiting: boolean): string {
  switch (transcript?.status) {
    case "completed":
      return words.transcript.silent;
    case "failed":
      return words.transcript.failed;
    case "processing":
      return words.transcript.writing(Math.round(transcript.progress * 100));
  }
  const isOver = recording.status === "failed" || recording.status === "archived";
  const isLate = recording.status === "ready" && !transcript && !waiting;
  return isOver || isLate ? words.transcript.none : words.transcript.waiting;
}
