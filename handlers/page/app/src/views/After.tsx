// After the meeting: what was recorded, and who said what.
import { useEffect, useState } from "preact/hooks";
import type { Ending } from "../meeting";
import { Recordings } from "../recordings";
import type { Seat } from "../seat";
import { useStore } from "../store";
import { words } from "../words";
import { Logo } from "./icons";
import { Replay } from "./Replay";

interface Props {
  seat: Seat;
  why: Ending;
  rejoin: () => void;
}

export function After({ seat, why, rejoin }: Props) {
  return (
    <main class="after">
      <header>
        <Logo />
        <h1>{words.over[why]}</h1>
        {why === "left" && (
          <button type="button" class="primary" data-testid="rejoin-button" onClick={rejoin}>
            {words.over.rejoin}
          </button>
        )}
        <a class="secondary" href="#/">
          {words.over.home}
        </a>
      </header>
      {(why === "left" || why === "ended") && <Replays seat={seat} />}
    </main>
  );
}

function Replays({ seat }: { seat: Seat }) {
  const [recordings] = useState(() => new Recordings(seat));
  useEffect(() => () => recordings.close(), []);
  const { kept, waiting, unreachable, denied } = useStore(recordings.store);
  if (denied) return null;
  if (kept.length > 0) {
    return (
      <>
        {kept.map((each) => (
          <Replay key={each.recording.id} kept={each} waiting={waiting} recordings={recordings} />
        ))}
      </>
    );
  }
  const { looking, none, unreachable: trouble } = words.recordings;
  return (
    <p class="quietly" role="status">
      {unreachable ? trouble : waiting ? looking : none}
    </p>
  );
}
