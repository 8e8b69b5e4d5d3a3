// The chat.
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { uuid } from "../ids";
import type { Meeting } from "../meeting";
import { useStore } from "../store";
import { timeOfDay } from "../time";
import { words } from "../words";
import { Send } from "./icons";

const LONGEST = 4000;
/** Whoever scrolled up further than this is reading, and is left there. */
const AT_END_PX = 80;
const ADDRESS = /(https?:\/\/[^\s<>"]+[^\s<>".,;:!?)\]}'])/;

export function ChatPane({ meeting }: { meeting: Meeting }) {
  const { messages, canChat, you } = useStore(meeting.store);
  const [draft, setDraft] = useState(() => ({ text: "", key: uuid() }));
  const list = useRef<HTMLOListElement>(null);
  const reading = useRef(false);

  useLayoutEffect(() => {
    if (list.current && !reading.current) list.current.scrollTop = list.current.scrollHeight;
  }, [messages.length]);

  const scrolled = ({ scrollHeight, scrollTop, clientHeight }: HTMLElement) => {
    reading.current = scrollHeight - scrollTop - clientHeight > AT_END_PX;
  };

  const send = async (event: Event) => {
    event.preventDefault();
    const sent = draft;
    if (!sent.text.trim()) return;
    setDraft({ text: "", key: uuid() });
    // What was not said is there to be sent again; if it was said after all, it stays said once.
    if (!(await meeting.say(sent.text.trim(), sent.key))) {
      setDraft((now) => (now.text ? now : sent));
    }
  };

  return (
    <>
      <ol
        class="messages"
        ref={list}
        aria-live="polite"
        onScroll={(event) => scrolled(event.currentTarget)}
      >
        {messages.length === 0 && <li class="empty">{words.chat.empty}</li>}
        {messages.map((message) => (
          <li
            key={message.id}
            class={message.participant_id === you?.id ? "own" : ""}
            data-testid="chat-message"
          >
            <span class="by">
              <b>{message.display_name}</b>
              <time dateTime={message.sent_at}>{timeOfDay(message.sent_at)}</time>
            </span>
            <span class="text">{linked(message.text)}</span>
          </li>
        ))}
      </ol>
      {canChat ? (
        <form class="write" onSubmit={(event) => void send(event)}>
          <textarea
            data-testid="chat-input"
            aria-label={words.chat.field}
            placeholder={words.chat.placeholder}
            rows={1}
            maxLength={LONGEST}
            value={draft.text}
            onInput={(event) => setDraft({ ...draft, text: event.currentTarget.value })}
            onKeyDown={(event) => {
              if (event.key === "Enter" && !event.shiftKey && !event.isComposing) void send(event);
            }}
          />
          <button
            class="quiet"
            data-testid="chat-send"
            aria-label={words.chat.send}
            disabled={!draft.text.trim()}
          >
            <Send />
          </button>
        </form>
      ) : (
        <p class="empty">{words.chat.off}</p>
      )}
    </>
  );
}

/** Text with its addresses made links. */
function linked(text: string) {
  return text.split(ADDRESS).map((part, n) =>
    n % 2 === 0 ? (
      part
    ) : (
      <a key={n} href={part} target="_blank" rel="noopener noreferrer">
        {part}
      </a>
    ),
  );
}
