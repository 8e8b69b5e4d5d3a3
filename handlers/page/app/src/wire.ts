// What the server says, by the names it says it with.
import type { ChalkSchemas } from "@parley/client";

export type Role = "host" | "participant";
export type Kind = "audio" | "video";
export type Source = "microphone" | "camera" | "screen" | "screen_audio";

export interface Participant {
  id: string;
  display_name: string;
  role: Role;
  joined_at: string | null;
  left_at: string | null;
}

export interface Track {
  track_id: string;
  participant_id: string;
  kind: Kind;
  source: Source;
  muted: boolean;
}

/** Which track an m-line of the receiving connection plays now. */
export interface Slot {
  mid: string;
  track_id: string | null;
  participant_id: string | null;
}

export interface ChatMessage {
  id: string;
  participant_id: string;
  display_name: string;
  text: string;
  sent_at: string;
}

export type Room = Pick<ChalkSchemas["Room"], "id" | "name" | "status">;

export interface RoomConfig {
  recording_enabled: boolean;
  chat_enabled: boolean;
}

export interface Snapshot {
  room: { id: string; name: string; config: RoomConfig };
  participants: Participant[];
  tracks: Track[];
  recording_id: string | null;
  you: Participant;
  ice_servers: RTCIceServer[];
}

/** Frames the server sends by itself: their events, and what each holds. */
export interface News {
  "room.snapshot": Snapshot;
  "room.updated": { room: Room & { config: RoomConfig } };
  "room.ended": { room: Room };
  "participant.joined": { participant: Participant };
  "participant.updated": { participant: Participant };
  "participant.left": { participant: Participant };
  "chat.message": { message: ChatMessage };
  "recording.started": { recording_id: string };
  "recording.stopped": { recording_id: string };
  "media.tracks": { tracks: Track[] };
  "media.slots": { connection_id: string; slots: Slot[] };
  "media.connection": { connection_id: string; state: "connected" | "closed" };
  "media.moved": { epoch: number };
}

export type Frame = { [E in keyof News]: { event: E; data: News[E] } }[keyof News];

/** Requests, and what the answer to each holds. */
export interface Answers {
  "media.publish": { connection_id: string; answer: string; tracks: Track[] };
  "media.subscribe": { connection_id: string; answer: string; slots: Slot[] };
  "media.mute": unknown;
  "media.close": unknown;
  "chat.send": { message: ChatMessage };
  "chat.history": { messages: ChatMessage[] };
  "recording.start": { recording_id: string };
  "recording.stop": { recording_id: string };
  ping: unknown;
}

export type Request = keyof Answers;

export type Recording = ChalkSchemas["Recording"];
export type RecordingStatus = Recording["status"];
export type Transcript = ChalkSchemas["Transcript"];
export type Turn = ChalkSchemas["Segment"];
/** A format in which a transcript can be had as a file. */
export type Captions = Exclude<ChalkSchemas["Format"]["format"], "json" | undefined>;
