// The connection we receive on: lines laid ahead, which play whoever there is.
import type { Socket } from "../socket";
import type { Kind, Slot, Track } from "../wire";
import { Connection, Need, preferForwarded } from "./connection";
import { Speakers } from "./speakers";

const AHEAD: Record<Kind, number> = { audio: 6, video: 9 };
/** Lines are added so many at a time when more people come than there are lines for. */
const STEP = 4;
/** A description has at most 64 KiB. */
const MOST: Record<Kind, number> = { audio: 20, video: 20 };

export class Subscriber extends Connection {
  private readonly lines: Record<Kind, RTCRtpTransceiver[]> = { audio: [], video: [] };
  private readonly wanted: Record<Kind, number> = { ...AHEAD };
  private readonly playing = new Map<string, Slot>();
  private exchanging = false;
  private early: Slot[] = [];

  constructor(
    socket: Socket,
    private readonly noticed: () => void,
    private readonly speakers: Speakers,
  ) {
    super(socket, noticed);
  }

  /** What there is to see and hear from others; more lines are laid if it takes them. */
  heard(tracks: readonly Track[]): void {
    let more = false;
    for (const kind of ["audio", "video"] as const) {
      const count = tracks.filter((track) => track.kind === kind).length;
      while (count > this.wanted[kind] && this.wanted[kind] < MOST[kind]) {
        this.wanted[kind] = Math.min(MOST[kind], this.wanted[kind] + STEP);
        more = true;
      }
    }
    if (more && this.pc) {
      this.lay(this.pc);
      this.require(Need.renewal);
    }
  }

  /** Lines play other tracks now. */
  slotsChanged(connection: string, slots: Slot[]): void {
    if (connection !== this.id) return;
    if (this.exchanging) this.early = slots;
    this.play(slots);
  }

  /** The received track on which this track of the room is played. */
  track(trackId: string): MediaStreamTrack | null {
    const slot = [...this.playing.values()].find((each) => each.track_id === trackId);
    return this.line(slot?.mid)?.receiver.track ?? null;
  }

  /** How loud each participant is now, 0 to 1. */
  levels(): Map<string, number> {
    const levels = new Map<string, number>();
    for (const line of this.lines.audio) {
      const owner = line.mid && this.playing.get(line.mid)?.participant_id;
      const level = line.receiver.getSynchronizationSources()[0]?.audioLevel ?? 0;
      if (owner) levels.set(owner, Math.max(level, levels.get(owner) ?? 0));
    }
    return levels;
  }

  override close(): void {
    super.close();
    this.speakers.clear();
  }

  protected override prepare(pc: RTCPeerConnection): void {
    this.lines.audio = [];
    this.lines.video = [];
    this.playing.clear();
    this.speakers.clear();
    this.lay(pc);
  }

  protected override async exchange(
    _: RTCPeerConnection,
    connection_id: string,
    offer: string,
  ): Promise<string> {
    this.exchanging = true;
    this.early = [];
    try {
      const subscribed = await this.socket.ask("media.subscribe", { connection_id, offer });
      this.play(subscribed.slots);
      // What came while we waited is no older than the answer.
      this.play(this.early);
      return subscribed.answer;
    } finally {
      this.exchanging = false;
    }
  }

  private play(slots: Slot[]): void {
    for (const slot of slots) this.playing.set(slot.mid, slot);
    this.noticed();
  }

  private line(mid: string | undefined): RTCRtpTransceiver | undefined {
    return [...this.lines.audio, ...this.lines.video].find((each) => mid && each.mid === mid);
  }

  private lay(pc: RTCPeerConnection): void {
    for (const kind of ["audio", "video"] as const) {
      const lines = this.lines[kind];
      while (lines.length < this.wanted[kind]) {
        const line = pc.addTransceiver(kind, { direction: "recvonly" });
        preferForwarded(line, kind);
        lines.push(line);
        if (kind === "audio") this.speakers.add(line.receiver.track);
      }
    }
  }
}
