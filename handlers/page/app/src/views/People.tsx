// Who is in the room.

import type { Meeting } from "../meeting";
import { Icon } from "./icons";
import { initials } from "./Lobby";
import { hue } from "./Tile";

export function People({ meeting, close }: { meeting: Meeting; close(): void }) {
  const you = meeting.you.value?.id;
  const people = [...meeting.people.value.values()].sort((a, b) =>
    a.display_name.localeCompare(b.display_name),
  );
  return (
    <section class="panel" aria-label="People">
      <h2>
        People <span class="quiet">{people.length}</span>
        <button class="plain" aria-label="Close the list" onClick={close}>
          <Icon name="close" size={18} />
        </button>
      </h2>
      <ul class="people">
        {people.map((person) => {
          const microphone = meeting.trackOf(person.id, "microphone");
          const audible = microphone !== undefined && !microphone.muted;
          return (
            <li key={person.id} data-testid="person">
              <span class="face" style={{ "--hue": hue(person.id) }}>
                {initials(person.display_name)}
              </span>
              <span class="who">
                {person.display_name}
                {person.id === you && " (you)"}
                {person.role === "host" && <small>Host</small>}
              </span>
              {meeting.hands.value.has(person.id) && "✋"}
              {meeting.leads.value && person.id !== you && audible ? (
                <button
                  class="plain"
                  aria-label={`Mute ${person.display_name}`}
                  title="Mute"
                  data-testid="mute-person"
                  onClick={() => void meeting.silence(person.id)}
                >
                  <Icon name="mic" size={18} />
                </button>
              ) : (
                <Icon name={audible ? "mic" : "micOff"} size={18} />
              )}
            </li>
          );
        })}
      </ul>
    </section>
  );
}
