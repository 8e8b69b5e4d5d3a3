// One person, or one shared screen.

import type { Meeting } from "../meeting";
import type { Participant, Track } from "../wire";
import { Icon } from "./icons";
import { initials } from "./Lobby";
import { Video } from "./Video";

interface Props {
  meeting: Meeting;
  person: Participant;
  own: boolean;
}

export function Tile({ meeting, person, own }: Props) {
  const camera = meeting.trackOf(person.id, "camera");
  const microphone = meeting.trackOf(person.id, "microphone");
  const shown = own ? meeting.own.camera.value : camera && !camera.muted ? media(meeting, camera) : null;
  const quiet = own ? !meeting.micOn.value : !microphone || microphone.muted;
  const reaction = meeting.reactions.value.get(person.id);
  const classes = ["tile", meeting.speaking.value.has(person.id) && !quiet ? "speaking" : ""];
  return (
    <figure class={classes.join(" ")} data-testid="tile" data-participant={person.id}>
      {shown ? (
        <Video track={shown} mirrored={own} />
      ) : (
        <div class="nobody" style={{ "--hue": hue(person.id) }}>
          <span>{initials(person.display_name)}</span>
        </div>
      )}
      {meeting.hands.value.has(person.id) && (
        <span class="raised" title="Hand raised" data-testid="hand-raised">
          ✋
        </span>
      )}
      {reaction && <span class="reaction">{reaction}</span>}
      <figcaption>
        {quiet && <Icon name="micOff" size={16} />}
        <span data-testid="tile-name">
          {person.display_name}
          {own && " (you)"}
        </span>
      </figcaption>
    </figure>
  );
}

export function ScreenTile({ meeting, track }: { meeting: Meeting; track: Track }) {
  const own = track.participant_id === meeting.you.value?.id;
  const shown = own ? meeting.own.screen.value : media(meeting, track);
  const name = meeting.people.value.get(track.participant_id)?.display_name ?? "Somebody";
  return (
    <figure class="tile screen" data-testid="screen-tile">
      {shown && <Video track={shown} fit="contain" />}
      <figcaption>{own ? "You are sharing your screen" : `${name} shares their screen`}</figcaption>
    </figure>
  );
}

function media(meeting: Meeting, track: Track): MediaStreamTrack | null {
  return meeting.subscriber.playing.value.get(track.track_id) ?? null;
}

/** The same colour for the same person, everywhere. */
export function hue(id: string): number {
  let sum = 0;
  for (const letter of id) sum = (sum * 31 + letter.charCodeAt(0)) % 360;
  return sum;
}
