// After the meeting: its recordings, and who said what.

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import * as api from "../api";
import type { Why } from "../meeting";
import type { Recording, RoomSeen, Transcript } from "../wire";
import { Icon, Mark } from "./icons";
import { hue } from "./Tile";

interface Props {
  room: RoomSeen;
  token(): Promise<string>;
  /** How we came to leave; null: we were not in it. */
  why: Why | null;
  again(): void;
}

const LOOK_AGAIN_MS = 2_000;

const WORDS: Record<Why, string> = {
  left: "You left the meeting",
  ended: "The meeting has ended",
  removed: "The host removed you from the meeting",
  refused: "You can no longer enter this meeting",
};

interface Entry {
  recording: Recording;
  transcript: Transcript | null;
}

export function After({ room, token, why, again }: Props) {
  const entries = useSignal<Entry[] | null>(null);
  const error = useSignal<string | null>(null);

  useEffect(() => {
    let timer = 0;
    let gone = false;
    const look = async () => {
      try {
        entries.value = await read(await token());
        error.value = null;
      } catch (failed) {
        error.value = failed instanceof Error ? failed.message : String(failed);
        if (failed instanceof api.ApiError && [401, 403].includes(failed.status)) return;
      }
      if (!gone && !(entries.value ?? []).every(settled)) timer = window.setTimeout(look, LOOK_AGAIN_MS);
      else if (!gone && room.status === "active") timer = window.setTimeout(look, 5 * LOOK_AGAIN_MS);
    };
    void look();
    return () => {
      gone = true;
      clearTimeout(timer);
    };
  }, []);

  const found = entries.value;
  return (
    <main class="after">
      <header>
        <p class="brand">
          <Mark /> Parley
        </p>
        <h1>{room.name}</h1>
        <p class="quiet" data-testid="after-why">
          {why ? WORDS[why] : "This meeting has ended"}.
        </p>
        {room.status === "active" && (why === "left" || why === null) && (
          <button class="primary" data-testid="rejoin-button" onClick={again}>
            Go back
          </button>
        )}
      </header>
      {error.value && <p class="alert">{error.value}.</p>}
      {found === null && !error.value && <p class="quiet">Looking for recordings …</p>}
      {found?.length === 0 && <p class="quiet">Nothing was recorded.</p>}
      {found?.map((entry) => (
        <Record key={entry.recording.id} entry={entry} token={token} />
      ))}
    </main>
  );
}

function Record({ entry, token }: { entry: Entry; token(): Promise<string> }) {
  const { recording, transcript } = entry;
  const playable = recording.status === "ready" || recording.status === "archived";
  const trouble = useSignal<string | null>(null);
  const watch = async () => {
    // Opened at the click: a window that opens after an answer came counts as a pop-up.
    const player = window.open("", "_blank");
    try {
      const { download_url, message } = await api.download(await token(), recording.id);
      if (!download_url) throw new Error(message ?? "There is no file yet");
      if (player) player.location.href = download_url;
      else location.href = download_url;
    } catch (failed) {
      player?.close();
      trouble.value = failed instanceof Error ? failed.message : String(failed);
    }
  };
  return (
    <section class="card recording" data-testid="recording" data-status={recording.status}>
      <h2>
        {new Date(recording.started_at).toLocaleString([], { dateStyle: "medium", timeStyle: "short" })}
        {recording.duration_seconds !== null && (
          <span class="quiet"> · {span(recording.duration_seconds)}</span>
        )}
        {playable && (
          <button class="soft" data-testid="watch-recording" onClick={() => void watch()}>
            <Icon name="play" size={16} /> Watch
          </button>
        )}
      </h2>
      {trouble.value && <p class="alert">{trouble.value}.</p>}
      {!playable && <p class="quiet">{progressOf(recording)}</p>}
      {playable && !transcript && <p class="quiet">There is no transcript yet.</p>}
      {transcript && transcript.status !== "completed" && (
        <p class="quiet">
          {transcript.status === "failed"
            ? `It could not be transcribed: ${transcript.error_message ?? "no reason given"}`
            : `Being transcribed, ${Math.round(transcript.progress * 100)} % …`}
        </p>
      )}
      {transcript?.status === "completed" && <Turns transcript={transcript} />}
    </section>
  );
}

function Turns({ transcript }: { transcript: Transcript }) {
  const turns = transcript.transcript_json.segments;
  if (turns.length === 0) return <p class="quiet">Nobody said anything.</p>;
  return (
    <ol class="turns">
      {turns.map((turn, n) => (
        <li key={n} data-testid="transcript-turn">
          <time>{span(turn.start)}</time>
          <b style={{ "--hue": hue(turn.speaker_id ?? turn.speaker) }}>{turn.speaker}</b>
          <p>{turn.text}</p>
        </li>
      ))}
    </ol>
  );
}

async function read(token: string): Promise<Entry[]> {
  const { recordings } = await api.recordings(token);
  return Promise.all(
    recordings.map(async (recording) => ({ recording, transcript: await transcriptOf(token, recording) })),
  );
}

async function transcriptOf(token: string, recording: Recording): Promise<Transcript | null> {
  try {
    return await api.transcript(token, recording.id);
  } catch (failed) {
    if (failed instanceof api.ApiError && failed.status === 404) return null;
    throw failed;
  }
}

/** Nothing more will come of it. */
function settled({ recording, transcript }: Entry): boolean {
  if (recording.status === "failed") return true;
  if (recording.status === "recording" || recording.status === "processing") return false;
  return transcript?.status === "completed" || transcript?.status === "failed";
}

function progressOf(recording: Recording): string {
  switch (recording.status) {
    case "recording":
      return "Still recording …";
    case "failed":
      return `It could not be made: ${recording.error_message ?? "no reason given"}`;
    default:
      return "Being put together …";
  }
}

function span(seconds: number): string {
  const whole = Math.floor(seconds);
  const parts = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const shown = parts[0] ? parts : parts.slice(1);
  return shown.map((part, n) => (n ? String(part).padStart(2, "0") : String(part))).join(":");
}
