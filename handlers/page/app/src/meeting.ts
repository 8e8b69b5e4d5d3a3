// One's part in a meeting: what is known of the room, and what one does in it.
import { answer } from "./api";
import { uuid } from "./ids";
import { inviteLink } from "./link";
import { Need } from "./media/connection";
import type { Devices } from "./media/devices";
import { Meter } from "./media/meter";
import { Publisher } from "./media/publish";
import { Speakers } from "./media/speakers";
import { Subscriber } from "./media/subscribe";
import type { Seat } from "./seat";
import { Socket } from "./socket";
import type { Over } from "./socket";
import { Store } from "./store";
import type { ChatMessage, Frame, Participant, Snapshot, Track } from "./wire";

export interface MeetingState {
  /** Null until the room was first seen. */
  you: Participant | null;
  roomName: string;
  canRecord: boolean;
  canChat: boolean;
  people: Participant[];
  tracks: Track[];
  /** Received tracks by the room's track id. */
  playing: ReadonlyMap<string, MediaStreamTrack>;
  messages: ChatMessage[];
  recordingId: string | null;
  /** Attempts so far to get back to the room; null: in touch with it. */
  lost: number | null;
  /** Nothing can be seen or heard for the moment. */
  mediaLost: boolean;
  soundBlocked: boolean;
  /** The same seat is used by another tab or device. */
  takenOver: boolean;
  notice: Notice | null;
}

export type Notice = "muted-by-host" | "failed" | "link-copied";
export type Ending = Over | "left";

const LISTEN_MS = 150;
/** Louder than this is speech. */
const SPEECH = 0.012;
const SPEECH_HELD_MS = 700;
const TAKEN_OVER_AFTER_MS = 1_500;
const NOTICE_MS = 5_000;
/** The first connection may take so long before people are told. */
const FIRST_MEDIA_MS = 4_000;
/** What is said is not taken back before it can be read. */
const READABLE_MS = 1_500;

export class Meeting {
  readonly store = new Store<MeetingState>({
    you: null,
    roomName: "",
    canRecord: false,
    canChat: true,
    people: [],
    tracks: [],
    playing: new Map(),
    messages: [],
    recordingId: null,
    lost: null,
    mediaLost: false,
    soundBlocked: false,
    takenOver: false,
    notice: null,
  });
  /** Who speaks now. Apart from the rest, since it changes all the time. */
  readonly speaking = new Store<{ ids: ReadonlySet<string> }>({ ids: new Set() });

  private readonly socket: Socket;
  private readonly speakers: Speakers;
  private readonly publisher: Publisher;
  private readonly subscriber: Subscriber;
  private readonly unfollow: () => void;
  private readonly listening: number;
  private readonly lastLoud = new Map<string, number>();
  private meter: Meter | null = null;
  private mediaTimer = 0;
  private mediaWorks: boolean | null = null;
  private noticeTimer = 0;

  constructor(
    private readonly seat: Seat,
    private readonly devices: Devices,
    private readonly ended: (why: Ending) => void,
  ) {
    this.socket = new Socket(seat, {
      heard: (frame) => this.hear(frame),
      lost: (n) => this.store.set({ lost: n }),
      over: (why) => this.finish(why),
    });
    this.speakers = new Speakers((soundBlocked) => this.store.set({ soundBlocked }));
    const noticed = () => this.mediaChanged();
    this.publisher = new Publisher(this.socket, noticed, (source) => {
      this.notify("muted-by-host");
      if (source === "microphone") void devices.setMic(false);
      if (source === "camera") void devices.setCamera(false);
    });
    this.subscriber = new Subscriber(this.socket, noticed, this.speakers);
    this.unfollow = devices.store.follow(() => this.send());
    this.send();
    this.listening = window.setInterval(() => this.listen(), LISTEN_MS);
  }

  leave(): void {
    this.finish("left");
  }

  /** End it for everybody; the room then says that it is over. */
  async endForAll(): Promise<void> {
    const params = { path: { room_id: this.seat.room } };
    await this.attempt(() => answer(this.seat.api.POST("/rooms/{room_id}/end", { params })));
  }

  async toggleRecording(): Promise<void> {
    const event = this.store.state.recordingId ? "recording.stop" : "recording.start";
    await this.attempt(() => this.socket.ask(event));
  }

  /** True once it is said. The same text under the same key is said once. */
  async say(text: string, key = uuid()): Promise<boolean> {
    const said = await this.attempt(() => this.socket.ask("chat.send", { text, key }));
    if (said) this.addMessages([said.message]);
    return said !== null;
  }

  async muteOther(track: Track): Promise<void> {
    await this.attempt(() =>
      this.socket.ask("media.mute", { track_id: track.track_id, muted: true }),
    );
  }

  async copyLink(): Promise<void> {
    await this.attempt(async () => {
      const invite = this.seat.invite && !this.leads ? this.seat.invite : await this.newInvite();
      await navigator.clipboard.writeText(inviteLink(this.seat.room, invite));
      this.notify("link-copied");
    });
  }

  get leads(): boolean {
    return this.store.state.you?.role === "host";
  }

  get mayInvite(): boolean {
    return this.leads || this.seat.invite !== null;
  }

  /** Take the seat back from the tab that took it over. */
  takeBack(): void {
    this.store.set({ takenOver: false });
    this.publisher.require(Need.fresh);
  }

  unblockSound(): void {
    this.speakers.unblock();
  }

  private async newInvite(): Promise<string> {
    const params = { path: { room_id: this.seat.room } };
    const made = this.seat.api.POST("/rooms/{room_id}/join-token", { params, body: {} });
    return (await answer(made)).invite;
  }

  private async attempt<T>(deed: () => Promise<T>): Promise<T | null> {
    try {
      return await deed();
    } catch {
      this.notify("failed");
      return null;
    }
  }

  private notify(notice: Notice): void {
    clearTimeout(this.noticeTimer);
    this.store.set({ notice });
    this.noticeTimer = window.setTimeout(() => this.store.set({ notice: null }), NOTICE_MS);
  }

  private finish(why: Ending): void {
    clearInterval(this.listening);
    clearTimeout(this.mediaTimer);
    clearTimeout(this.noticeTimer);
    this.unfollow();
    this.meter?.close();
    this.publisher.close();
    this.subscriber.close();
    this.socket.close();
    this.ended(why);
  }

  // --- what the room says ---

  private hear(frame: Frame): void {
    const { state } = this.store;
    switch (frame.event) {
      case "room.snapshot":
        return this.see(frame.data);
      case "room.updated": {
        const { name, config } = frame.data.room;
        return this.store.set({
          roomName: name,
          canRecord: config.recording_enabled,
          canChat: config.chat_enabled,
        });
      }
      case "participant.joined":
      case "participant.updated":
      case "participant.left":
        return this.place(frame.data.participant);
      case "chat.message":
        return this.addMessages([frame.data.message]);
      case "recording.started":
        return this.store.set({ recordingId: frame.data.recording_id });
      case "recording.stopped":
        if (frame.data.recording_id === state.recordingId) this.store.set({ recordingId: null });
        return;
      case "media.tracks":
        return this.tracksStand(frame.data.tracks);
      case "media.slots":
        return this.subscriber.slotsChanged(frame.data.connection_id, frame.data.slots);
      case "media.moved":
        this.publisher.require(Need.fresh);
        return this.subscriber.require(Need.fresh);
      case "media.connection":
        if (frame.data.state === "closed") this.connectionClosed(frame.data.connection_id);
    }
  }

  private see(room: Snapshot): void {
    this.store.set({
      you: room.you,
      roomName: room.room.name,
      canRecord: room.room.config.recording_enabled,
      canChat: room.room.config.chat_enabled,
      people: room.participants.filter((person) => !person.left_at),
      recordingId: room.recording_id,
      lost: null,
    });
    this.publisher.iceServers = this.subscriber.iceServers = room.ice_servers;
    this.tracksStand(room.tracks);
    // Whatever changed while we were away, the answers tell.
    if (!this.store.state.takenOver) this.publisher.require(Need.renewal);
    this.subscriber.require(Need.renewal);
    this.publisher.fit(this.store.state.people.length);
    void this.readChat();
  }

  private async readChat(): Promise<void> {
    if (!this.store.state.canChat) return;
    const history = await this.socket.ask("chat.history", { limit: 200 }).catch(() => null);
    if (history) this.addMessages(history.messages);
  }

  private place(person: Participant): void {
    const { people, you } = this.store.state;
    const there = people.some((each) => each.id === person.id);
    const present = person.joined_at !== null && person.left_at === null;
    const others = people.filter((each) => each.id !== person.id);
    const kept = there && present;
    this.store.set({
      people: kept
        ? people.map((each) => (each.id === person.id ? person : each))
        : present
          ? [...others, person]
          : others,
      you: you?.id === person.id ? person : you,
    });
    this.publisher.fit(this.store.state.people.length);
  }

  private addMessages(more: ChatMessage[]): void {
    const { messages } = this.store.state;
    const byId = new Map([...messages, ...more].map((message) => [message.id, message]));
    // Ids grow with time, so their order is the order things were said in.
    const sorted = [...byId.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
    this.store.set({ messages: sorted });
  }

  private tracksStand(tracks: Track[]): void {
    const you = this.store.state.you?.id;
    this.store.set({ tracks });
    this.publisher.heard(tracks);
    this.subscriber.heard(tracks.filter((track) => track.participant_id !== you));
    this.mediaChanged();
  }

  private connectionClosed(id: string): void {
    if (this.subscriber.serverClosed(id)) this.subscriber.require(Need.fresh);
    if (!this.publisher.serverClosed(id)) return;
    // Ours gave way to another tab's, or it just ended: the tracks soon tell.
    window.setTimeout(() => {
      if (!this.publisher.serverClosed(id)) return;
      const { you, tracks } = this.store.state;
      const takenOver = tracks.some(
        (track) => track.participant_id === you?.id && !this.publisher.owns(track.track_id),
      );
      this.store.set({ takenOver });
      if (!takenOver) this.publisher.require(Need.fresh);
    }, TAKEN_OVER_AFTER_MS);
  }

  // --- what goes out and comes in ---

  private send(): void {
    const { mic, camera, screen } = this.devices.store.state;
    this.publisher.put("microphone", mic);
    this.publisher.put("camera", camera);
    this.publisher.put("screen", screen?.getVideoTracks()[0] ?? null);
    this.publisher.put("screen_audio", screen?.getAudioTracks()[0] ?? null);
    if (mic !== this.meter?.track) {
      this.meter?.close();
      this.meter = mic && new Meter(mic);
    }
  }

  private mediaChanged(): void {
    const playing = new Map<string, MediaStreamTrack>();
    for (const { track_id } of this.store.state.tracks) {
      const track = this.subscriber.track(track_id);
      if (track) playing.set(track_id, track);
    }
    this.store.set({ playing });
    const works = this.publisher.isConnected && this.subscriber.isConnected;
    if (works === this.mediaWorks) return;
    const wait = works ? READABLE_MS : this.mediaWorks === null ? FIRST_MEDIA_MS : 0;
    this.mediaWorks = works;
    clearTimeout(this.mediaTimer);
    this.mediaTimer = window.setTimeout(() => this.store.set({ mediaLost: !works }), wait);
  }

  private listen(): void {
    const now = performance.now();
    const levels = this.subscriber.levels();
    const you = this.store.state.you?.id;
    if (you && this.meter) levels.set(you, this.meter.level());
    for (const [id, level] of levels) if (level > SPEECH) this.lastLoud.set(id, now);
    const ids = [...this.lastLoud].filter(([, at]) => now - at < SPEECH_HELD_MS).map(([id]) => id);
    const before = this.speaking.state.ids;
    if (ids.length !== before.size || ids.some((id) => !before.has(id))) {
      this.speaking.set({ ids: new Set(ids) });
    }
  }
}
