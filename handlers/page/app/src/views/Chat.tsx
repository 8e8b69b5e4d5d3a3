// What is being said in writing.

import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { Meeting } from "../meeting";
import { Icon } from "./icons";
import { hue } from "./Tile";

const LONGEST = 4000;

export function Chat({ meeting, close }: { meeting: Meeting; close(): void }) {
  const draft = useSignal("");
  const end = useRef<HTMLLIElement>(null);
  const said = meeting.chat.value;
  useEffect(() => end.current?.scrollIntoView({ block: "end" }), [said.length]);

  const send = async (event: Event) => {
    event.preventDefault();
    const text = draft.value.trim();
    if (!text) return;
    draft.value = "";
    // Nothing anybody wrote is lost, not even to a broken connection.
    if (!(await meeting.send(text)) && !draft.value) draft.value = text;
  };

  return (
    <section class="panel" aria-label="Chat">
      <h2>
        Chat
        <button class="plain" aria-label="Close the chat" onClick={close}>
          <Icon name="close" size={18} />
        </button>
      </h2>
      <ol class="said" role="log">
        {said.length === 0 && <li class="quiet">Nobody has written anything yet.</li>}
        {said.map((message) => (
          <li key={message.id} data-testid="chat-message">
            <b style={{ "--hue": hue(message.participant_id) }}>{message.display_name}</b>
            <time dateTime={message.sent_at}>{clock(message.sent_at)}</time>
            <p>{message.text}</p>
          </li>
        ))}
        <li ref={end} class="end" />
      </ol>
      <form class="write" onSubmit={(event) => void send(event)}>
        <input
          data-testid="chat-input"
          aria-label="Message"
          placeholder="Write to everybody"
          maxLength={LONGEST}
          value={draft.value}
          onInput={(event) => (draft.value = event.currentTarget.value)}
        />
        <button class="plain" data-testid="chat-send" aria-label="Send" disabled={!draft.value.trim()}>
          <Icon name="send" />
        </button>
      </form>
    </section>
  );
}

function clock(at: string): string {
  return new Date(at).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
}
