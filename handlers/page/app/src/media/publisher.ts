// The publish connection: one transceiver a source, kept when its track comes and goes.

import type { RoomSocket } from "../socket";
import type { Source, Track } from "../wire";

interface Published {
  connection_id: string;
  answer: string;
  tracks: Track[];
}

const ENCODING: Partial<Record<Source, RTCRtpEncodingParameters>> = {
  camera: { maxBitrate: 700_000, maxFramerate: 24 },
  screen: { maxBitrate: 1_800_000, maxFramerate: 15 },
};

export class Publisher {
  private pc: RTCPeerConnection | null = null;
  private connection: string | null = null;
  private readonly senders = new Map<Source, RTCRtpTransceiver>();
  private ids = new Map<Source, string>();
  private readonly wanted = new Map<Source, MediaStreamTrack>();
  /** What changes the connection happens one after the other. */
  private turn: Promise<unknown> = Promise.resolve();

  private servers: RTCIceServer[] = [];

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

  idOf(source: Source): string | undefined {
    return this.ids.get(source);
  }

  /** Have the next `rebuild` send this track, without sending anything yet. */
  want(source: Source, track: MediaStreamTrack): void {
    this.wanted.set(source, track);
  }

  /** Send this track as the source; null: stop sending it. */
  set(source: Source, track: MediaStreamTrack | null): Promise<void> {
    if (track) this.wanted.set(source, track);
    else this.wanted.delete(source);
    return this.queue(() => this.apply(source));
  }

  /** Say that a source is quiet, or is not any more, without taking its track away. */
  mute(source: Source, muted: boolean): Promise<void> {
    return this.queue(async () => {
      const track_id = this.ids.get(source);
      if (track_id) await this.socket.ask("media.mute", { track_id, muted });
    });
  }

  /** Begin anew: the pod that had the connection is gone, or the network is another one. */
  rebuild(): Promise<void> {
    return this.queue(async () => {
      this.discard();
      const sources = [...this.wanted.keys()];
      if (sources.length === 0) return;
      for (const source of sources) this.add(source);
      await this.negotiate();
    });
  }

  close(): void {
    this.discard();
    this.wanted.clear();
  }

  private async apply(source: Source): Promise<void> {
    const track = this.wanted.get(source) ?? null;
    const transceiver = this.senders.get(source);
    if (transceiver) {
      await transceiver.sender.replaceTrack(track);
      const track_id = this.ids.get(source);
      if (track_id) await this.socket.ask("media.mute", { track_id, muted: track === null });
    } else if (track) {
      this.add(source);
      await this.negotiate();
    }
  }

  private add(source: Source): void {
    const track = this.wanted.get(source);
    if (!track) return;
    const encoding = ENCODING[source];
    const transceiver = this.connectionOf().addTransceiver(track, {
      direction: "sendonly",
      ...(encoding ? { sendEncodings: [encoding] } : {}),
    });
    if (track.kind === "video") preferVp8(transceiver);
    this.senders.set(source, transceiver);
  }

  private connectionOf(): RTCPeerConnection {
    if (this.pc) return this.pc;
    const pc = new RTCPeerConnection({ iceServers: this.servers, bundlePolicy: "max-bundle" });
    pc.onconnectionstatechange = () => {
      if (this.pc === pc && pc.connectionState === "failed") this.broken();
    };
    this.pc = pc;
    return pc;
  }

  private async negotiate(): Promise<void> {
    const pc = this.connectionOf();
    await pc.setLocalDescription();
    const tracks = [...this.senders].flatMap(([source, { mid }]) =>
      mid === null ? [] : [{ mid, source }],
    );
    try {
      const published = await this.socket.ask<Published>("media.publish", {
        // The server answers connectivity checks and makes none: candidates of ours are of no use.
        offer: pc.localDescription?.sdp,
        tracks,
        replace: true,
        ...(this.connection === null ? {} : { connection_id: this.connection }),
      });
      if (this.pc !== pc) return;
      await pc.setRemoteDescription({ type: "answer", sdp: published.answer });
      this.connection = published.connection_id;
      this.ids = new Map(published.tracks.map((track) => [track.source, track.track_id]));
    } catch (error) {
      // Half an offer is of no use to a later one.
      this.discard();
      throw error;
    }
  }

  private discard(): void {
    this.pc?.close();
    this.pc = null;
    this.connection = null;
    this.senders.clear();
    this.ids.clear();
  }

  private queue(work: () => Promise<void>): Promise<void> {
    const done = this.turn.then(work);
    this.turn = done.catch(() => undefined);
    return done;
  }
}

function preferVp8(transceiver: RTCRtpTransceiver): void {
  const known = RTCRtpSender.getCapabilities("video")?.codecs ?? [];
  const rank = (codec: RTCRtpCodec) =>
    codec.mimeType === "video/VP8" ? 0 : codec.mimeType === "video/rtx" ? 1 : 2;
  transceiver.setCodecPreferences([...known].sort((a, b) => rank(a) - rank(b)));
}
