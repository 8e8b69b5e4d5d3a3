// The start: nobody sent us anywhere yet.
import { useState } from "preact/hooks";
import { readLink } from "../link";
import { words } from "../words";
import { Logo } from "./icons";

export function Home() {
  const [bad, setBad] = useState(false);
  const go = (event: SubmitEvent) => {
    event.preventDefault();
    const field = new FormData(event.currentTarget as HTMLFormElement).get("link");
    const hash = /#.*/.exec(String(field))?.[0] ?? "";
    if (readLink(hash)) location.hash = hash;
    else setBad(true);
  };
  return (
    <main class="card home">
      <Logo />
      <h1>{words.home.title}</h1>
      <p>{words.home.text}</p>
      <form onSubmit={go}>
        <label class="field">
          <span>{words.home.field}</span>
          <input name="link" required autocomplete="off" onInput={() => setBad(false)} />
        </label>
        {bad && (
          <p class="trouble" role="alert">
            {words.home.bad}
          </p>
        )}
        <button class="primary">{words.home.go}</button>
      </form>
      <a href="/docs">{words.home.docs}</a>
    </main>
  );
}
