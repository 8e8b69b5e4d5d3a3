// The socket to the room: requests and their answers, news, and coming back after a loss.
import { Refused, Unreachable } from "./api";
import { uuid } from "./ids";
import type { Seat } from "./seat";
import { backoffMs } from "./time";
import type { Answers, Frame, Request } from "./wire";

const ANSWER_WITHIN_MS = 12_000;
const OPEN_WITHIN_MS = 10_000;
const PING_EVERY_MS = 8_000;
const PONG_WITHIN_MS = 6_000;
const ROOM_ENDED = 1000;
const REMOVED = 4003;

/** Why a socket does not come back. */
export type Over = "ended" | "removed" | "expired" | "unknown";

interface Listener {
  heard(frame: Frame): void;
  /** The connection is lost, or was never made: this is attempt `n` (from 0) to come back. */
  lost(n: number): void;
  over(why: Over): void;
}

interface Waiting {
  answered(data: unknown): void;
  failed(error: Error): void;
}

interface Raw {
  event: string;
  data: { code?: string; message?: string };
  id?: string;
}

/** Requests fail with `Unreachable` while it is down; `heard` gets a snapshot when it is up. */
export class Socket {
  private socket: WebSocket | null = null;
  private readonly waiting = new Map<string, Waiting>();
  private attempt = 0;
  private timer = 0;
  private closed = false;

  constructor(
    private readonly seat: Seat,
    private readonly listener: Listener,
  ) {
    window.addEventListener("online", this.now);
    void this.open();
  }

  get isUp(): boolean {
    return this.socket?.readyState === WebSocket.OPEN;
  }

  /** Throws `Refused` and `Unreachable`. */
  ask<R extends Request>(event: R, data: object = {}, withinMs = ANSWER_WITHIN_MS) {
    return new Promise<Answers[R]>((resolve, reject) => {
      if (!this.socket || !this.isUp) return reject(new Unreachable(event));
      const id = uuid();
      const timer = window.setTimeout(() => waiting.failed(new Unreachable(event)), withinMs);
      const settle = () => {
        clearTimeout(timer);
        this.waiting.delete(id);
      };
      const waiting: Waiting = {
        answered: (answer) => (settle(), resolve(answer as Answers[R])),
        failed: (error) => (settle(), reject(error)),
      };
      this.waiting.set(id, waiting);
      this.socket.send(JSON.stringify({ event, data, id }));
    });
  }

  /** Leave for good. */
  close(): void {
    this.closed = true;
    window.removeEventListener("online", this.now);
    this.drop(ROOM_ENDED);
  }

  private readonly now = () => {
    if (!this.socket && !this.closed) void this.open();
  };

  private async open(): Promise<void> {
    clearTimeout(this.timer);
    let token: string;
    try {
      token = await this.seat.token();
    } catch (error) {
      return this.tryAgain(error);
    }
    if (this.closed || this.socket) return;
    const scheme = location.protocol === "https:" ? "wss:" : "ws:";
    const url = `${scheme}//${location.host}/api/v1/ws`;
    const socket = new WebSocket(url, ["chalk", `token.${token}`]);
    this.socket = socket;
    const late = window.setTimeout(() => this.fall(socket), OPEN_WITHIN_MS);
    let opened = false;
    let pinging = 0;
    socket.onopen = () => {
      opened = true;
      clearTimeout(late);
      pinging = window.setInterval(() => void this.check(socket), PING_EVERY_MS);
    };
    socket.onmessage = (message) => {
      if (socket === this.socket) this.take(JSON.parse(message.data as string) as Raw);
    };
    socket.onclose = ({ code }) => {
      clearTimeout(late);
      clearInterval(pinging);
      if (socket !== this.socket) return;
      this.drop();
      if (code === ROOM_ENDED) return this.end("ended");
      if (code === REMOVED) return this.end("removed");
      void (opened ? this.tryAgain() : this.findOut());
    };
  }

  /** Half-open connections look fine until something is asked of them. */
  private async check(socket: WebSocket): Promise<void> {
    try {
      await this.ask("ping", {}, PONG_WITHIN_MS);
    } catch {
      this.fall(socket);
    }
  }

  private fall(socket: WebSocket): void {
    if (socket !== this.socket) return;
    this.drop(4000);
    this.tryAgain();
  }

  private drop(code?: number): void {
    const socket = this.socket;
    this.socket = null;
    if (code !== undefined) socket?.close(code);
    for (const waiting of [...this.waiting.values()]) waiting.failed(new Unreachable("lost"));
  }

  /** A browser does not say why a socket was refused; another request tells. */
  private async findOut(): Promise<void> {
    try {
      const room = await this.seat.findRoom();
      if (room.status === "ended") return this.end("ended");
      this.tryAgain();
    } catch (error) {
      this.tryAgain(error);
    }
  }

  private tryAgain(error?: unknown): void {
    if (this.closed) return;
    if (error instanceof Refused && !error.passes) {
      return this.end(error.status === 401 ? "expired" : "unknown");
    }
    const n = this.attempt++;
    this.timer = window.setTimeout(this.now, backoffMs(n));
    this.listener.lost(n);
  }

  private end(why: Over): void {
    if (this.closed) return;
    this.close();
    this.listener.over(why);
  }

  private take(frame: Raw): void {
    if (frame.event === "room.snapshot") this.attempt = 0;
    const waiting = frame.id === undefined ? undefined : this.waiting.get(frame.id);
    if (!waiting) return this.listener.heard(frame as unknown as Frame);
    if (frame.event !== "error") return waiting.answered(frame.data);
    const { code = "UNKNOWN", message = "" } = frame.data;
    waiting.failed(new Refused(0, code, message));
  }
}
