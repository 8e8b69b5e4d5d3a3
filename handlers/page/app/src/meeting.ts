// One meeting as the page knows it: what the room says, what we send, and the views' state of both.

import { computed, signal } from "@preact/signals";
import * as api from "./api";
import * as devices from "./media/devices";
import { Publisher } from "./media/publisher";
import { Subscriber } from "./media/subscriber";
import type { Seat } from "./seat";
import { type Data, type Ending, Refused, RoomSocket } from "./socket";
import type { ChatMessage, Participant, Slot, Snapshot, Source, Track } from "./wire";

export type State = "connecting" | "live" | "reconnecting";
export type Why = Ending | "left";

export interface Notice {
  id: number;
  text: string;
}

const NOTICE_MS = 5_000;
const REACTION_MS = 4_000;
const LEVELS_MS = 150;
const LOUD = 0.02;
const RETRY_MS = 1_500;

export class Meeting {
  readonly state = signal<State>("connecting");
  readonly name = signal("");
  readonly you = signal<Participant | null>(null);
  readonly people = signal<ReadonlyMap<string, Participant>>(new Map());
  readonly tracks = signal<Track[]>([]);
  readonly chat = signal<ChatMessage[]>([]);
  readonly hands = signal<ReadonlySet<string>>(new Set());
  readonly reactions = signal<ReadonlyMap<string, string>>(new Map());
  readonly speaking = signal<ReadonlySet<string>>(new Set());
  readonly recording = signal(false);
  readonly notices = signal<Notice[]>([]);
  readonly own = {
    microphone: signal<MediaStreamTrack | null>(null),
    camera: signal<MediaStreamTrack | null>(null),
    screen: signal<MediaStreamTrack | null>(null),
  };
  readonly micOn = signal(false);
  readonly leads = computed(() => this.you.value?.role === "host");

  readonly subscriber: Subscriber;
  private readonly socket: RoomSocket;
  private readonly publisher: Publisher;
  private readonly levels: number;
  private entered = false;
  private over = false;
  private noticed = 0;
  private mediaRetry = 0;
  private mending = 0;
  private mutedHere = false;

  constructor(
    readonly seat: Seat,
    start: { microphone: MediaStreamTrack | null; camera: MediaStreamTrack | null },
    private readonly ended: (why: Why) => void,
  ) {
    this.own.microphone.value = start.microphone;
    this.own.camera.value = start.camera;
    this.micOn.value = start.microphone?.enabled ?? false;
    this.socket = new RoomSocket({
      event: (name, data) => this.hear(name, data),
      lost: () => {
        this.state.value = this.entered ? "reconnecting" : "connecting";
      },
      over: (why) => this.end(why),
      token: () => this.token(),
    });
    this.publisher = new Publisher(this.socket, () => this.mend());
    this.subscriber = new Subscriber(this.socket, () => this.mend());
    this.levels = window.setInterval(() => this.listen(), LEVELS_MS);
  }

  // --- what the person does ---

  async toggleMic(): Promise<void> {
    const track = this.own.microphone.value;
    if (!track) {
      try {
        const fresh = await devices.microphone(devices.remembered().microphone);
        this.own.microphone.value = fresh;
        this.micOn.value = true;
        await this.publisher.set("microphone", fresh);
      } catch (error) {
        this.tell(error instanceof Refused ? error.message : devices.trouble(error, "microphone"));
      }
      return;
    }
    const on = !this.micOn.value;
    this.micOn.value = track.enabled = on;
    await this.attempt(() => this.publisher.mute("microphone", !on));
  }

  async toggleCamera(): Promise<void> {
    const track = this.own.camera.value;
    if (track) {
      track.stop();
      this.own.camera.value = null;
      return this.attempt(() => this.publisher.set("camera", null));
    }
    try {
      const fresh = await devices.camera(devices.remembered().camera);
      this.own.camera.value = fresh;
      await this.publisher.set("camera", fresh);
    } catch (error) {
      this.tell(error instanceof Refused ? error.message : devices.trouble(error, "camera"));
    }
  }

  async toggleScreen(): Promise<void> {
    const track = this.own.screen.value;
    if (track) return this.stopScreen(track);
    let shared: Awaited<ReturnType<typeof devices.screen>>;
    try {
      shared = await devices.screen();
    } catch {
      // The person closed the browser's own question.
      return;
    }
    this.own.screen.value = shared.video;
    shared.video.onended = () => void this.stopScreen(shared.video);
    await this.attempt(() => this.publisher.set("screen", shared.video));
    if (shared.audio) await this.attempt(() => this.publisher.set("screen_audio", shared.audio));
  }

  async send(text: string): Promise<boolean> {
    // The key makes a message that was sent twice, because the answer was lost, be said once.
    const message = { text, key: crypto.randomUUID?.() ?? null };
    try {
      await this.socket.ask("chat.send", message);
      return true;
    } catch (error) {
      this.tell(error instanceof Error ? error.message : "The message was not sent");
      return false;
    }
  }

  toggleHand(): Promise<void> {
    const you = this.you.value?.id ?? "";
    const up = this.hands.value.has(you);
    return this.attempt(() => this.socket.ask(up ? "hand.lower" : "hand.raise"));
  }

  react(reaction: string): Promise<void> {
    return this.attempt(() => this.socket.ask("reaction.send", { reaction }));
  }

  toggleRecording(): Promise<void> {
    const event = this.recording.value ? "recording.stop" : "recording.start";
    return this.attempt(() => this.socket.ask(event));
  }

  /** A host has somebody be quiet. */
  silence(participant: string): Promise<void> {
    const track = this.trackOf(participant, "microphone");
    if (!track) return Promise.resolve();
    return this.attempt(() =>
      this.socket.ask("media.mute", { track_id: track.track_id, muted: true }),
    );
  }

  leave(): void {
    this.end("left");
  }

  dismiss(id: number): void {
    this.notices.value = this.notices.value.filter((notice) => notice.id !== id);
  }

  trackOf(participant: string, source: Source): Track | undefined {
    return this.tracks.value.find(
      (track) => track.participant_id === participant && track.source === source,
    );
  }

  // --- what the room says ---

  private hear(name: string, data: Data): void {
    switch (name) {
      case "room.snapshot":
        return this.enter(data as unknown as Snapshot);
      case "participant.joined":
      case "participant.updated":
        return this.welcome(data["participant"] as Participant);
      case "participant.left":
        return this.unseat(data["participant"] as Participant);
      case "chat.message":
        return this.read(data["message"] as ChatMessage);
      case "hand.raised":
      case "hand.lowered":
        return this.raise(String(data["participant_id"]), name === "hand.raised");
      case "reaction":
        return this.cheer(String(data["participant_id"]), String(data["reaction"]));
      case "recording.started":
        this.recording.value = true;
        return this.tell("This meeting is being recorded");
      case "recording.stopped":
        this.recording.value = false;
        return this.tell("The recording has stopped");
      case "media.tracks":
        return this.play(data["tracks"] as Track[]);
      case "media.slots":
        return this.subscriber.take(String(data["connection_id"]), data["slots"] as Slot[]);
      case "media.moved":
        return void this.connectMedia(true);
      case "room.ended":
        return this.end("ended");
    }
  }

  private enter(scene: Snapshot): void {
    this.name.value = scene.room.name;
    this.you.value = scene.you;
    this.people.value = new Map(scene.participants.map((person) => [person.id, person]));
    this.recording.value = scene.is_recording;
    this.state.value = "live";
    this.publisher.useServers(scene.ice_servers);
    this.subscriber.useServers(scene.ice_servers);
    this.play(scene.tracks);
    void this.connectMedia(!this.entered);
    void this.catchUp();
    this.entered = true;
  }

  /** Everything said so far, also while we were away. */
  private async catchUp(): Promise<void> {
    const said = await this.socket
      .ask<{ messages: ChatMessage[] }>("chat.history", { limit: 200 })
      .catch(() => null);
    for (const message of said?.messages ?? []) this.read(message);
  }

  private welcome(person: Participant): void {
    this.people.value = new Map(this.people.value).set(person.id, person);
    if (person.id === this.you.value?.id) this.you.value = person;
  }

  private unseat(person: Participant): void {
    const people = new Map(this.people.value);
    people.delete(person.id);
    this.people.value = people;
    this.raise(person.id, false);
  }

  private read(message: ChatMessage): void {
    const known = this.chat.value;
    if (known.some((other) => other.id === message.id)) return;
    // Ids grow with time.
    this.chat.value = [...known, message].sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  private raise(participant: string, up: boolean): void {
    const hands = new Set(this.hands.value);
    if (up) hands.add(participant);
    else hands.delete(participant);
    this.hands.value = hands;
  }

  private cheer(participant: string, reaction: string): void {
    this.reactions.value = new Map(this.reactions.value).set(participant, reaction);
    setTimeout(() => {
      if (this.reactions.value.get(participant) !== reaction) return;
      const left = new Map(this.reactions.value);
      left.delete(participant);
      this.reactions.value = left;
    }, REACTION_MS);
  }

  private play(tracks: Track[]): void {
    this.tracks.value = tracks;
    const you = this.you.value?.id;
    const mine = this.trackOf(you ?? "", "microphone");
    const before = this.mutedHere;
    this.mutedHere = mine?.muted ?? false;
    if (mine?.muted && !before && this.micOn.value) {
      const track = this.own.microphone.value;
      if (track) track.enabled = false;
      this.micOn.value = false;
      this.tell("The host muted your microphone");
    }
    void this.subscriber.fit(tracks.filter((track) => track.participant_id !== you)).catch(() => this.mend());
  }

  // --- media ---

  /** Connect what is not connected; `anew`: also what is. */
  private async connectMedia(anew: boolean): Promise<void> {
    const { publisher, subscriber } = this;
    try {
      await Promise.all([
        this.publish(anew || !publisher.connected),
        anew || !subscriber.connected ? subscriber.rebuild() : subscriber.refresh(),
      ]);
      this.mediaRetry = 0;
    } catch {
      this.mend();
    }
  }

  private async publish(anew: boolean): Promise<void> {
    if (!anew) return;
    const { microphone, camera, screen } = this.own;
    const sources = { microphone, camera, screen } as const;
    for (const [source, track] of Object.entries(sources) as [Source, typeof microphone][]) {
      if (track.value) this.publisher.want(source, track.value);
    }
    await this.publisher.rebuild();
    if (microphone.value && !this.micOn.value) await this.publisher.mute("microphone", true);
  }

  /** Something of the media broke: try again in a while, for as long as we are in the room. */
  private mend(): void {
    clearTimeout(this.mending);
    const wait = Math.min(RETRY_MS * 2 ** this.mediaRetry++, 15_000);
    this.mending = window.setTimeout(() => {
      if (!this.over && this.state.value === "live") void this.connectMedia(!this.allConnected);
    }, wait);
  }

  private get allConnected(): boolean {
    return this.publisher.connected && this.subscriber.connected;
  }

  private async stopScreen(track: MediaStreamTrack): Promise<void> {
    track.stop();
    this.own.screen.value = null;
    await this.attempt(() => this.publisher.set("screen", null));
    if (this.publisher.idOf("screen_audio")) {
      await this.attempt(() => this.publisher.set("screen_audio", null));
    }
  }

  private listen(): void {
    const owner = new Map(this.tracks.value.map((track) => [track.track_id, track.participant_id]));
    const loud = new Set<string>();
    for (const receiver of this.subscriber.receivers("audio")) {
      const level = receiver.getSynchronizationSources()[0]?.audioLevel ?? 0;
      const participant = owner.get(this.subscriber.trackOf(receiver) ?? "");
      if (level > LOUD && participant) loud.add(participant);
    }
    const before = this.speaking.value;
    if (loud.size !== before.size || [...loud].some((each) => !before.has(each))) {
      this.speaking.value = loud;
    }
  }

  // --- the rest ---

  private async token(): Promise<string | null> {
    try {
      const token = await this.seat.token();
      if (this.state.value === "reconnecting") {
        const room = await api.room(token, this.seat.room);
        if (room.status === "ended") {
          this.end("ended");
          return null;
        }
      }
      return token;
    } catch (error) {
      if (error instanceof api.ApiError && [401, 403, 404].includes(error.status)) return null;
      throw error;
    }
  }

  private async attempt(work: () => Promise<unknown>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.tell(error instanceof Error ? error.message : String(error));
    }
  }

  tell(text: string): void {
    const notice = { id: ++this.noticed, text };
    this.notices.value = [...this.notices.value.slice(-2), notice];
    setTimeout(() => this.dismiss(notice.id), NOTICE_MS);
  }

  private end(why: Why): void {
    if (this.over) return;
    this.over = true;
    clearInterval(this.levels);
    clearTimeout(this.mending);
    this.socket.close();
    this.publisher.close();
    this.subscriber.close();
    for (const track of Object.values(this.own)) track.value?.stop();
    this.ended(why);
  }
}
