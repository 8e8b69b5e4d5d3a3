// One person in the meeting.
import { words } from "../words";
import type { Participant } from "../wire";
import { Avatar } from "./Avatar";
import { Mic } from "./icons";
import { Picture } from "./Picture";

interface Props {
  person: Participant;
  isYou: boolean;
  picture: MediaStreamTrack | null;
  isMuted: boolean;
  isSpeaking: boolean;
}

export function Tile({ person, isYou, picture, isMuted, isSpeaking }: Props) {
  const name = isYou ? words.stage.you : person.display_name;
  return (
    <div
      class={`tile ${isSpeaking && !isMuted ? "speaking" : ""}`}
      data-testid="tile"
      data-participant={person.id}
      role="listitem"
      aria-label={name}
    >
      <Avatar person={person} />
      {picture && <Picture key={picture.id} track={picture} label={name} mirrored={isYou} />}
      <span class="name">
        {isMuted && (
          <span class="muted" role="img" aria-label={words.stage.muted}>
            <Mic off />
          </span>
        )}
        <span>{name}</span>
      </span>
    </div>
  );
}
