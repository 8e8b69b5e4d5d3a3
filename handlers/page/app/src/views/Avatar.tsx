// Somebody's initials on a colour of their own.
import type { Participant } from "../wire";

export function Avatar({ person }: { person: Participant }) {
  return (
    <span class="avatar" style={{ "--hue": String(hue(person.id)) }} aria-hidden="true">
      {initials(person.display_name)}
    </span>
  );
}

/** The same colour for the same person everywhere, in degrees. */
export function hue(id: string): number {
  let sum = 0;
  for (const char of id) sum = (sum * 31 + char.charCodeAt(0)) % 360;
  return sum;
}

function initials(name: string): string {
  const parts = name.trim().split(/\s+/);
  const first = [...(parts[0] ?? "")][0] ?? "";
  const last = parts.length > 1 ? ([...(parts.at(-1) ?? "")][0] ?? "") : "";
  return (first + last).toUpperCase();
}
