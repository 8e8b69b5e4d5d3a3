// The front door: for whoever comes without a link, or with one that leads nowhere.

import { useState } from "preact/hooks";
import { hashOf } from "../route";
import { Mark } from "./icons";

export function Door({ error }: { error?: string | undefined }) {
  const [link, setLink] = useState("");
  const [wrong, setWrong] = useState(false);
  const enter = (event: Event) => {
    event.preventDefault();
    const hash = hashOf(link);
    setWrong(hash === null);
    if (hash !== null) location.hash = hash;
  };
  return (
    <main class="centre">
      <form class="card door" onSubmit={enter}>
        <h1>
          <Mark size={40} /> Parley
        </h1>
        {error && (
          <p class="alert" role="alert" data-testid="door-error">
            {error}.
          </p>
        )}
        <p class="quiet">Meet, record, and read who said what. Paste the link of your meeting.</p>
        <input
          type="url"
          placeholder="https://…/#/r/…?invite=…"
          aria-label="Meeting link"
          data-testid="link-input"
          value={link}
          onInput={(event) => setLink(event.currentTarget.value)}
        />
        {wrong && <p class="alert">That is no link to a meeting here.</p>}
        <button class="primary" type="submit" disabled={!link}>
          Go to the meeting
        </button>
        <p class="quiet small">
          Building on it? <a href="/docs">Read the API</a>.
        </p>
      </form>
    </main>
  );
}
