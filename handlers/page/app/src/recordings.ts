// A room's recordings and transcripts, asked for until they are complete.
import { answer, Refused } from "./api";
import type { Seat } from "./seat";
import { Store } from "./store";
import type { Captions, Recording, Transcript } from "./wire";

const SOON_MS = 2_000;
const LATER_MS = 10_000;
/** How long news is expected after the last: of a recording that was just made, of a transcript. */
const PATIENCE_MS = 20_000;
const LINK_GOOD_MS = 50 * 60_000;

export interface Kept {
  recording: Recording;
  transcript: Transcript | null;
  /** Where it can be played; null until it can. */
  url: string | null;
}

export interface RecordingsState {
  kept: Kept[];
  /** Whether to go on expecting what is not there. */
  waiting: boolean;
  unreachable: boolean;
  denied: boolean;
}

export class Recordings {
  readonly store = new Store<RecordingsState>({
    kept: [],
    waiting: true,
    unreachable: false,
    denied: false,
  });
  private readonly links = new Map<string, { url: string; at: number }>();
  private changedAt = Date.now();
  private timer = 0;
  private closed = false;

  constructor(private readonly seat: Seat) {
    void this.look();
  }

  close(): void {
    this.closed = true;
    clearTimeout(this.timer);
  }

  /** The transcript as a file of this format. */
  captions(recording: string, format: Captions): Promise<string> {
    const params = { path: { recording_id: recording }, query: { format } };
    const transcript = "/recordings/{recording_id}/transcript";
    return answer(this.seat.api.GET(transcript, { params, parseAs: "text" }));
  }

  private async look(): Promise<void> {
    let again = LATER_MS;
    try {
      const before = JSON.stringify(this.store.state.kept);
      const kept = await this.read();
      if (JSON.stringify(kept) !== before) this.changedAt = Date.now();
      const waiting = Date.now() - this.changedAt < PATIENCE_MS;
      this.store.set({ kept, waiting, unreachable: false });
      if (waiting) again = SOON_MS;
      else if (kept.length && kept.every(isComplete)) return;
    } catch (error) {
      if (error instanceof Refused && !error.passes) return this.store.set({ denied: true });
      this.store.set({ unreachable: true });
    }
    if (!this.closed) this.timer = window.setTimeout(() => void this.look(), again);
  }

  private async read(): Promise<Kept[]> {
    const room = this.seat.room;
    const path = { room_id: room };
    const [{ recordings }, { transcripts }] = await Promise.all([
      answer(this.seat.api.GET("/recordings", { params: { query: { limit: 100 } } })),
      answer(this.seat.api.GET("/rooms/{room_id}/post-meeting-transcripts", { params: { path } })),
    ]);
    const ours = recordings.filter((each) => each.room_id === room && each.status !== "deleted");
    return Promise.all(
      ours.map(async (recording) => ({
        recording,
        transcript: transcripts.find((each) => each.recording_id === recording.id) ?? null,
        url: recording.status === "ready" ? await this.link(recording.id) : null,
      })),
    );
  }

  private async link(recording: string): Promise<string | null> {
    const known = this.links.get(recording);
    if (known && Date.now() - known.at < LINK_GOOD_MS) return known.url;
    const params = { path: { recording_id: recording } };
    const { download_url, provider } = await answer(
      this.seat.api.GET("/recordings/{recording_id}/download", { params }),
    );
    if (!download_url) return null;
    const { pathname, search } = new URL(download_url);
    // The server serves its own files at whatever address we reached it by.
    const url = provider === "disk" ? pathname + search : download_url;
    this.links.set(recording, { url, at: Date.now() });
    return url;
  }
}

function isComplete({ recording, transcript }: Kept): boolean {
  if (recording.status === "failed" || recording.status === "archived") return true;
  return transcript?.status === "completed" || transcript?.status === "failed";
}
