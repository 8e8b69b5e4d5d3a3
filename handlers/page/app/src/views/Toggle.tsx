// A round button that says what it does, and whether it is on.
import type { ComponentChildren } from "preact";

interface Props {
  label: string;
  testid: string;
  /** Off is a state worth noticing, such as a microphone that is not heard. */
  alert?: boolean;
  on?: boolean;
  /** On is a state worth noticing, such as being recorded. */
  live?: boolean;
  /** Said after the label, and shown as a dot. */
  news?: string | null;
  keys?: string;
  onClick: () => void;
  children: ComponentChildren;
}

export function Toggle({ label, testid, alert, on, live, news, keys, onClick, children }: Props) {
  return (
    <button
      type="button"
      class={`round ${alert ? "alert" : ""} ${on ? "on" : ""} ${live ? "live" : ""}`}
      data-testid={testid}
      aria-label={news ? `${label}, ${news}` : label}
      aria-pressed={on}
      aria-keyshortcuts={keys}
      title={keys ? `${label} (${keys.replace("Control", "Ctrl")})` : label}
      onClick={onClick}
    >
      {children}
      {news && <span class="dot" aria-hidden="true" />}
    </button>
  );
}
