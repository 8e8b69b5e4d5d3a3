// Waiting, and how times are written.

const FIRST_MS = 500;
const LONGEST_MS = 5_000;
const GROWTH = 1.35;

/** Milliseconds before attempt `n` (from 0): growing, and never the same for everybody at once. */
export function backoffMs(n: number): number {
  const whole = Math.min(LONGEST_MS, FIRST_MS * GROWTH ** n);
  return whole * (0.6 + 0.4 * Math.random());
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** 65 as 1:05, 3665 as 1:01:05. */
export function clock(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const parts = [Math.floor(whole / 60) % 60, whole % 60];
  const hours = Math.floor(whole / 3600);
  const [minutes, rest] = parts.map((part) => String(part).padStart(2, "0"));
  return hours ? `${hours}:${minutes}:${rest}` : `${parts[0]}:${rest}`;
}

/** An instant as the time of day. */
export function timeOfDay(at: string): string {
  return new Date(at).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
}

/** An instant as a day and the time of day. */
export function day(at: string): string {
  return new Date(at).toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
}
