// The subscribe connection: m-lines made beforehand, which play one track and then another.

import { signal } from "@preact/signals";
import type { RoomSocket } from "../socket";
import type { Slot, Track } from "../wire";

interface Subscribed {
  connection_id: string;
  answer: string;
  slots: Slot[];
}

type Kind = "audio" | "video";

const AT_FIRST: Record<Kind, number> = { audio: 6, video: 9 };
const AT_MOST: Record<Kind, number> = { audio: 32, video: 25 };
const STEP = 4;

export class Subscriber {
  /** The media each track of the room plays here, by track id. */
  readonly playing = signal<ReadonlyMap<string, MediaStreamTrack>>(new Map());

  private pc: RTCPeerConnection | null = null;
  private connection: string | null = null;
  private slots: Slot[] = [];
  private servers: RTCIceServer[] = [];
  private turn: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly socket: RoomSocket,
    private readonly broken: () => void,
  ) {}

  useServers(servers: RTCIceServer[]): void {
    this.servers = servers;
  }

  get connected(): boolean {
    const state = this.pc?.connectionState;
    return state === "connected" || state === "connecting" || state === "new";
  }

  /** What each audio m-line receives, whichever track that is just now. */
  receivers(kind: Kind): RTCRtpReceiver[] {
    return this.lines(kind).map((line) => line.receiver);
  }

  rebuild(): Promise<void> {
    return this.queue(async () => {
      this.discard();
      const pc = new RTCPeerConnection({ iceServers: this.servers, bundlePolicy: "max-bundle" });
      pc.onconnectionstatechange = () => {
        if (this.pc === pc && pc.connectionState === "failed") this.broken();
      };
      this.pc = pc;
      for (const kind of ["audio", "video"] as const) this.add(kind, AT_FIRST[kind]);
      await this.negotiate();
    });
  }

  /** Ask again what plays where: news of it was missed. */
  refresh(): Promise<void> {
    return this.queue(() => (this.pc ? this.negotiate() : Promise.resolve()));
  }

  /** Make room for all these tracks, as far as we go. */
  fit(tracks: Track[]): Promise<void> {
    return this.queue(async () => {
      if (!this.pc || this.connection === null) return;
      let grown = false;
      for (const kind of ["audio", "video"] as const) {
        const needed = tracks.filter((track) => track.kind === kind).length;
        const have = this.lines(kind).length;
        if (needed > have && have < AT_MOST[kind]) {
          this.add(kind, Math.min(AT_MOST[kind], needed + STEP) - have);
          grown = true;
        }
      }
      if (grown) await this.negotiate();
    });
  }

  take(connection: string, slots: Slot[]): void {
    if (connection !== this.connection) return;
    this.slots = slots;
    this.settle();
  }

  /** The track a media receiver plays now. */
  trackOf(receiver: RTCRtpReceiver): string | null {
    const line = this.pc?.getTransceivers().find((each) => each.receiver === receiver);
    return this.slots.find((slot) => slot.mid === line?.mid)?.track_id ?? null;
  }

  close(): void {
    this.discard();
  }

  private lines(kind: Kind): RTCRtpTransceiver[] {
    const all = this.pc?.getTransceivers() ?? [];
    return all.filter((line) => line.receiver.track.kind === kind);
  }

  private add(kind: Kind, count: number): void {
    for (let n = 0; n < count; n++) this.pc?.addTransceiver(kind, { direction: "recvonly" });
  }

  private async negotiate(): Promise<void> {
    const { pc } = this;
    if (!pc) return;
    await pc.setLocalDescription();
    try {
      const subscribed = await this.socket.ask<Subscribed>("media.subscribe", {
        offer: pc.localDescription?.sdp,
        ...(this.connection === null ? {} : { connection_id: this.connection }),
      });
      if (this.pc !== pc) return;
      await pc.setRemoteDescription({ type: "answer", sdp: subscribed.answer });
      this.connection = subscribed.connection_id;
      this.take(subscribed.connection_id, subscribed.slots);
    } catch (error) {
      this.discard();
      throw error;
    }
  }

  private settle(): void {
    const byMid = new Map(this.pc?.getTransceivers().map((line) => [line.mid, line.receiver.track]));
    const playing = new Map<string, MediaStreamTrack>();
    for (const { mid, track_id } of this.slots) {
      const media = byMid.get(mid);
      if (track_id !== null && media) playing.set(track_id, media);
    }
    this.playing.value = playing;
  }

  private discard(): void {
    this.pc?.close();
    this.pc = null;
    this.connection = null;
    this.slots = [];
    this.settle();
  }

  private queue(work: () => Promise<void>): Promise<void> {
    const done = this.turn.then(work);
    this.turn = done.catch(() => undefined);
    return done;
  }
}
