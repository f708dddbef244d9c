/** Values, times and states as a person reads them. */
import type { Json } from "../../model/json.ts";
import type { Style } from "./terminal.ts";

const steps: readonly (readonly [number, string])[] = [
  [86_400, "d"],
  [3_600, "h"],
  [60, "min"],
];

export const duration = (seconds: number): string => {
  const step = steps.find(([size]) => seconds >= size);
  if (step) return `${Math.floor(seconds / step[0])} ${step[1]}`;
  if (seconds > 0 && seconds < 1) return `${Math.round(seconds * 1000)} ms`;
  return seconds < 10 && !Number.isInteger(seconds) ? `${seconds.toFixed(1)} s` : `${Math.floor(seconds)} s`;
};

/** How long ago, or `never`. */
export const ago = (time: string | null, now: number): string =>
  time === null ? "never" : `${duration(Math.max(0, Math.floor((now - Date.parse(time)) / 1000)))} ago`;

/** Until when, from now. */
export const until = (time: string | null, now: number): string =>
  time === null ? "-" : `in ${duration(Math.max(0, Math.floor((Date.parse(time) - now) / 1000)))}`;

export const clock = (time: string): string => new Date(time).toTimeString().slice(0, 8);

/** A value on one line: texts as they are, the rest as JSON. */
export const shown = (value: Json | undefined): string =>
  value === undefined || value === null ? "-" : typeof value === "string" ? value : JSON.stringify(value);

const styles: Readonly<Record<string, Style>> = {
  ...{ succeeded: "green", connected: "green", valid: "green", running: "cyan", queued: "dim", retrying: "yellow" },
  ...{ failed: "red", timed_out: "red", error: "red", invalid: "red", unknown_outcome: "red", partial: "yellow" },
  ...{ cancelled: "yellow", degraded: "yellow", needs_review: "yellow", unavailable: "dim", type_unavailable: "red" },
  ...{ warn: "yellow", stale: "yellow", fresh: "green", checking: "cyan", stopped: "dim" },
};

export const styleOf = (state: string): Style | undefined => styles[state];
