// Who is in the meeting.
import type { Meeting } from "../meeting";
import { useStore } from "../store";
import type { Participant } from "../wire";
import { words } from "../words";
import { Avatar } from "./Avatar";
import { Copy, Mic } from "./icons";

export function PeoplePane({ meeting }: { meeting: Meeting }) {
  const { people } = useStore(meeting.store);
  return (
    <>
      {meeting.mayInvite && (
        <button type="button" class="secondary invite" onClick={() => void meeting.copyLink()}>
          <Copy />
          {words.people.copy}
        </button>
      )}
      <ul class="people">
        {people.map((person) => (
          <Person key={person.id} person={person} meeting={meeting} />
        ))}
      </ul>
    </>
  );
}

function Person({ person, meeting }: { person: Participant; meeting: Meeting }) {
  const { tracks, you } = useStore(meeting.store);
  const isYou = person.id === you?.id;
  const voice = tracks.find(
    (track) => track.participant_id === person.id && track.source === "microphone",
  );
  const isHeard = voice !== undefined && !voice.muted;
  return (
    <li data-testid="people-item">
      <Avatar person={person} />
      <span class="who">
        {person.display_name} {isYou && <small>{words.people.you}</small>}
        {person.role === "host" && <small class="role">{words.stage.host}</small>}
      </span>
      {meeting.leads && !isYou && isHeard ? (
        <button
          type="button"
          class="quiet"
          aria-label={words.people.mute(person.display_name)}
          title={words.people.mute(person.display_name)}
          onClick={() => void meeting.muteOther(voice)}
        >
          <Mic />
        </button>
      ) : (
        <span class={`state ${isHeard ? "" : "off"}`}>
          <Mic off={!isHeard} />
        </span>
      )}
    </li>
  );
}
