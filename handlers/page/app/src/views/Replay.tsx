// One recording: its player, and the transcript that follows it.
import { useRef, useState } from "preact/hooks";
import type { Kept, Recordings } from "../recordings";
import { clock, day } from "../time";
import type { RecordingStatus } from "../wire";
import { words } from "../words";
import { TranscriptPane } from "./TranscriptPane";

interface Props {
  kept: Kept;
  waiting: boolean;
  recordings: Recordings;
}

export function Replay({ kept, waiting, recordings }: Props) {
  const { recording, url } = kept;
  const player = useRef<HTMLVideoElement>(null);
  const [at, setAt] = useState(-1);
  const seek = (seconds: number) => {
    if (!player.current) return;
    player.current.currentTime = seconds;
    player.current.play().catch(() => undefined);
  };
  return (
    <article class="replay">
      <div class="film">
        {url ? (
          <video
            ref={player}
            src={url}
            controls
            playsInline
            preload="metadata"
            data-testid="player"
            aria-label={words.recordings.player}
            onTimeUpdate={(event) => setAt(event.currentTarget.currentTime)}
          />
        ) : (
          <div class={`blank ${recording.status}`} role="status">
            {progress(recording.status)}
          </div>
        )}
        <div class="caption">
          <h2>
            {words.recordings.title(day(recording.started_at))}
            {recording.duration_seconds !== null && (
              <small>{clock(recording.duration_seconds)}</small>
            )}
          </h2>
          {url && (
            <a class="secondary" href={url} download data-testid="download-link">
              {words.recordings.download}
            </a>
          )}
        </div>
      </div>
      <TranscriptPane kept={kept} waiting={waiting} recordings={recordings} at={at} seek={seek} />
    </article>
  );
}

function progress(status: RecordingStatus): string {
  if (status === "recording") return words.recordings.recording;
  return status === "failed" ? words.recordings.failed : words.recordings.processing;
}
