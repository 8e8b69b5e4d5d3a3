// Beside the tiles: what is said in writing, or who is here.
import type { Meeting } from "../meeting";
import { words } from "../words";
import { ChatPane } from "./ChatPane";
import { Close } from "./icons";
import { PeoplePane } from "./PeoplePane";

export type PanelName = "chat" | "people";

interface Props {
  meeting: Meeting;
  name: PanelName;
  show: (panel: PanelName | null) => void;
}

export function Panel({ meeting, name, show }: Props) {
  return (
    <aside class="panel" aria-label={words[name].title}>
      <header>
        <h2>{words[name].title}</h2>
        <button type="button" class="quiet" aria-label={words.panel.close} onClick={() => show(null)}>
          <Close />
        </button>
      </header>
      {name === "chat" ? <ChatPane meeting={meeting} /> : <PeoplePane meeting={meeting} />}
    </aside>
  );
}
