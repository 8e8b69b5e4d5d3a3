// Asks before a meeting is ended for everybody.
import type { RefObject } from "preact";
import { words } from "../words";

interface Props {
  dialog: RefObject<HTMLDialogElement | null>;
  end: () => void;
}

export function ConfirmEnd({ dialog, end }: Props) {
  return (
    <dialog ref={dialog} aria-labelledby="confirm-title">
      <form method="dialog">
        <h2 id="confirm-title">{words.confirm.title}</h2>
        <p>{words.confirm.text}</p>
        <div class="choice">
          <button class="secondary">{words.confirm.no}</button>
          <button class="danger" data-testid="end-confirm" onClick={end}>
            {words.confirm.yes}
          </button>
        </div>
      </form>
    </dialog>
  );
}
