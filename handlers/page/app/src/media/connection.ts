// A media connection that is kept working: negotiated, looked after, and made anew when it must be.
import { Unreachable } from "../api";
import { uuid } from "../ids";
import type { Socket } from "../socket";
import { backoffMs, sleep } from "../time";

/** What a connection may need, the more thorough the greater. */
export const Need = {
  nothing: 0,
  /** The same again, to hear how things stand. */
  renewal: 1,
  /** Another way through the network (ICE restart). */
  restart: 2,
  /** Another connection in its place. */
  fresh: 3,
} as const;
export type Need = (typeof Need)[keyof typeof Need];

const CONNECT_WITHIN_MS = 8_000;
const RECOVER_WITHIN_MS = 1_500;

/** The server answered for another session than the one we have: it knows ours no longer. */
class Replaced extends Error {}

export abstract class Connection {
  protected pc: RTCPeerConnection | null = null;
  protected id = "";
  iceServers: RTCIceServer[] = [];
  private session = "";
  private need: Need = Need.nothing;
  private working = false;
  private attempt = 0;
  private closed = false;
  private timer = 0;

  constructor(
    protected readonly socket: Socket,
    private readonly changed: () => void,
  ) {}

  get isConnected(): boolean {
    return this.pc?.connectionState === "connected";
  }

  /** Lay out the lines of a fresh connection. */
  protected abstract prepare(pc: RTCPeerConnection): void;

  /** Let the server answer our offer; returns its description. */
  protected abstract exchange(pc: RTCPeerConnection, id: string, offer: string): Promise<string>;

  /** Called once the answer is in force. */
  protected settled(): void {}

  /** See to it that this is done, now or when the socket is back. */
  require(need: Need): void {
    this.need = Math.max(this.need, need) as Need;
    if (!this.working) void this.work();
  }

  /** The server says it closed a connection of ours. */
  serverClosed(id: string): boolean {
    return id === this.id && !this.closed;
  }

  close(): void {
    this.closed = true;
    this.dispose();
  }

  private async work(): Promise<void> {
    this.working = true;
    while (this.need !== Need.nothing && !this.closed && this.socket.isUp) {
      const need = this.need;
      this.need = Need.nothing;
      try {
        await this.negotiate(need);
      } catch (error) {
        if (error instanceof Unreachable && !this.socket.isUp) {
          this.need = Math.max(this.need, need) as Need;
          break;
        }
        const thorough = error instanceof Replaced || need === Need.restart;
        this.need = Math.max(this.need, thorough ? Need.fresh : need) as Need;
        if (!(error instanceof Replaced)) await sleep(backoffMs(this.attempt++));
      }
    }
    this.working = false;
  }

  private async negotiate(need: Need): Promise<void> {
    if (need === Need.fresh || !this.pc) this.begin();
    const pc = this.pc;
    if (!pc) return;
    const offer = await pc.createOffer({ iceRestart: need === Need.restart });
    await pc.setLocalDescription(offer);
    // The server finds us by our checks, so there is no waiting for candidates.
    const sdp = await this.exchange(pc, this.id, pc.localDescription?.sdp ?? "");
    if (this.closed || pc !== this.pc) return;
    const session = /^o=\S+ (\S+)/m.exec(sdp)?.[1] ?? "";
    if (this.session && session !== this.session) throw new Replaced();
    this.session = session;
    await pc.setRemoteDescription({ type: "answer", sdp });
    this.settled();
    if (!this.isConnected) this.expect(CONNECT_WITHIN_MS, Need.fresh);
    this.changed();
  }

  private begin(): void {
    this.dispose();
    this.session = "";
    this.id = uuid();
    const pc = new RTCPeerConnection({ iceServers: this.iceServers, bundlePolicy: "max-bundle" });
    pc.onconnectionstatechange = () => pc === this.pc && this.watch(pc.connectionState);
    this.pc = pc;
    this.prepare(pc);
  }

  private watch(state: RTCPeerConnectionState): void {
    if (state === "connected") {
      this.attempt = 0;
      clearTimeout(this.timer);
    } else if (state === "disconnected") {
      this.expect(RECOVER_WITHIN_MS, Need.restart);
    } else if (state === "failed") {
      this.require(Need.fresh);
    }
    this.changed();
  }

  /** Connected within this time, or else. */
  private expect(withinMs: number, need: Need): void {
    clearTimeout(this.timer);
    this.timer = window.setTimeout(() => {
      if (!this.isConnected && !this.closed) this.require(need);
    }, withinMs);
  }

  private dispose(): void {
    clearTimeout(this.timer);
    if (!this.pc) return;
    const [pc, id] = [this.pc, this.id];
    this.pc = null;
    pc.onconnectionstatechange = null;
    pc.close();
    // One that is not there is closed already, and one we cannot reach ends by itself.
    this.socket.ask("media.close", { connection_id: id }).catch(() => undefined);
  }
}

/** The kinds of codecs the server forwards, the one everybody can decode first. */
export function preferForwarded(transceiver: RTCRtpTransceiver, kind: "audio" | "video"): void {
  const wanted =
    kind === "video" ? ["video/VP8", "video/H264", "video/rtx"] : ["audio/opus"];
  const known = RTCRtpReceiver.getCapabilities(kind)?.codecs ?? [];
  const kept = wanted.flatMap((type) =>
    known.filter((codec) => codec.mimeType.toLowerCase() === type.toLowerCase() && plain(codec)),
  );
  if (kept.length) transceiver.setCodecPreferences?.(kept);
}

/** H.264 in its constrained baseline alone: every other profile makes descriptions longer. */
function plain(codec: RTCRtpCodec): boolean {
  if (codec.mimeType.toLowerCase() !== "video/h264") return true;
  const parameters = codec.sdpFmtpLine ?? "";
  return /profile-level-id=42e0/i.test(parameters) && /packetization-mode=1/.test(parameters);
}
