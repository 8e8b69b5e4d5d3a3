// The connection we send on: microphone, camera, and now and then a screen.
import type { Socket } from "../socket";
import type { Kind, Source, Track } from "../wire";
import { Connection, Need, preferForwarded } from "./connection";

/** What everybody has a line for from the start; others are laid when they are first needed. */
const ALWAYS: readonly Source[] = ["microphone", "camera"];
const KINDS: Record<Source, Kind> = {
  microphone: "audio",
  camera: "video",
  screen: "video",
  screen_audio: "audio",
};
const SCREEN_BPS = 2_500_000;
/** So long after we said something of a track, news of it may still be from before. */
const STALE_MS = 1_500;

interface Outlet {
  source: Source;
  track: MediaStreamTrack | null;
  transceiver: RTCRtpTransceiver | null;
  trackId: string | null;
  /** Whether the server forwards nothing of it; null: not known. */
  muted: boolean | null;
}

export class Publisher extends Connection {
  private readonly outlets = new Map<Source, Outlet>();
  private muting = false;
  private saidAt = 0;
  private latest: readonly Track[] = [];
  private later = 0;
  private people = 1;

  constructor(
    socket: Socket,
    changed: () => void,
    /** Somebody else turned off what we send. */
    private readonly turnedOff: (source: Source) => void,
  ) {
    super(socket, changed);
    for (const source of ALWAYS) this.outlet(source);
  }

  /** Send this; null: nothing. A track that is not enabled counts as nothing. */
  put(source: Source, track: MediaStreamTrack | null): void {
    const outlet = this.outlet(source);
    const before = outlet.track;
    outlet.track = track;
    if (track !== before) void outlet.transceiver?.sender.replaceTrack(track);
    if (ALWAYS.includes(source)) {
      void this.sayMuted();
    } else if (this.pc && Boolean(track) !== Boolean(before)) {
      outlet.trackId = null;
      this.lay(this.pc, outlet);
      this.require(Need.renewal);
    }
  }

  /** How many are in the meeting: the more there are, the smaller each is seen. */
  fit(people: number): void {
    this.people = people;
    void this.shape();
  }

  owns(trackId: string): boolean {
    return [...this.outlets.values()].some((outlet) => outlet.trackId === trackId);
  }

  /** The room's tracks as they now stand; ours may have been turned off by a host. */
  heard(tracks: readonly Track[]): void {
    this.latest = tracks;
    clearTimeout(this.later);
    const fresh = this.saidAt + STALE_MS - performance.now();
    if (this.muting || fresh > 0) {
      this.later = window.setTimeout(() => this.heard(this.latest), Math.max(fresh, 100));
      return;
    }
    for (const outlet of this.outlets.values()) {
      const track = tracks.find((each) => each.track_id === outlet.trackId);
      if (track?.muted && outlet.muted === false) {
        outlet.muted = true;
        this.turnedOff(outlet.source);
      }
    }
  }

  override close(): void {
    clearTimeout(this.later);
    super.close();
  }

  protected override prepare(pc: RTCPeerConnection): void {
    for (const outlet of this.outlets.values()) {
      outlet.transceiver = null;
      outlet.trackId = outlet.muted = null;
      this.lay(pc, outlet);
    }
  }

  protected override async exchange(
    _: RTCPeerConnection,
    connection_id: string,
    offer: string,
  ): Promise<string> {
    const tracks = [...this.outlets.values()]
      .filter((outlet) => outlet.transceiver?.direction === "sendonly")
      .map(({ source, transceiver }) => ({ source, mid: transceiver?.mid }));
    const published = await this.socket.ask("media.publish", { connection_id, offer, tracks });
    for (const outlet of this.outlets.values()) {
      const track = published.tracks.find((each) => each.source === outlet.source);
      outlet.trackId = track?.track_id ?? null;
      outlet.muted = track?.muted ?? null;
    }
    return published.answer;
  }

  protected override settled(): void {
    void this.sayMuted();
    void this.shape();
  }

  private outlet(source: Source): Outlet {
    const found = this.outlets.get(source);
    if (found) return found;
    const outlet = { source, track: null, transceiver: null, trackId: null, muted: null };
    this.outlets.set(source, outlet);
    return outlet;
  }

  private lay(pc: RTCPeerConnection, outlet: Outlet): void {
    const needed = ALWAYS.includes(outlet.source) || outlet.track !== null;
    if (outlet.transceiver) {
      outlet.transceiver.direction = needed ? "sendonly" : "inactive";
    } else if (needed) {
      const kind = KINDS[outlet.source];
      outlet.transceiver = pc.addTransceiver(outlet.track ?? kind, { direction: "sendonly" });
      preferForwarded(outlet.transceiver, kind);
    }
  }

  /** Tell the server of each track whether it is on, until it knows. */
  private async sayMuted(): Promise<void> {
    if (this.muting) return;
    this.muting = true;
    try {
      for (;;) {
        const next = [...this.outlets.values()].find(
          (outlet) => outlet.trackId && outlet.muted !== !outlet.track?.enabled,
        );
        if (!next?.trackId) return;
        const muted = !next.track?.enabled;
        const track_id = next.trackId;
        await this.socket.ask("media.mute", { track_id, muted });
        if (next.trackId === track_id) next.muted = muted;
      }
    } catch {
      // Not said: the connection is renewed when the socket is back, and says it then.
      if (this.socket.isUp) this.require(Need.renewal);
    } finally {
      this.muting = false;
      this.saidAt = performance.now();
    }
  }

  private async shape(): Promise<void> {
    for (const [source, bitrate, scale] of [
      ["camera", this.people <= 2 ? 1_500_000 : this.people <= 4 ? 900_000 : 500_000, this.scale],
      ["screen", SCREEN_BPS, 1],
    ] as const) {
      const sender = this.outlets.get(source)?.transceiver?.sender;
      const parameters = sender?.getParameters();
      const encoding = parameters?.encodings[0];
      if (!sender || !parameters || !encoding) continue;
      if (encoding.maxBitrate === bitrate && encoding.scaleResolutionDownBy === scale) continue;
      encoding.maxBitrate = bitrate;
      encoding.scaleResolutionDownBy = scale;
      // Refused while the connection is being negotiated, after which it is tried again.
      await sender.setParameters(parameters).catch(() => undefined);
    }
  }

  private get scale(): number {
    const height = this.outlets.get("camera")?.track?.getSettings().height ?? 0;
    const wanted = this.people <= 2 ? 720 : 360;
    return Math.max(1, height / wanted);
  }
}
