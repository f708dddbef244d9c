/** A running job as it is watched: lines that stay, and on a terminal one that is repainted with phase, bar and time. */
import type { EventDocument } from "../client/wire.ts";
import type { Problem } from "../failure.ts";
import { oneLine, plain, type Style, type Terminal } from "./terminal.ts";
import { clock, duration } from "./words.ts";

const frames = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];
const tickMs = 100;
const barWidth = 20;

const levelStyles: Readonly<Record<string, Style>> = { warn: "yellow", error: "red", debug: "dim" };

export interface LiveView {
  event(event: EventDocument): void;
  /** The server does not answer, or only with this problem. */
  away(problem: Problem | null): void;
  /** It is as it should be again. */
  back(): void;
  /** Wipes what was repainted. */
  end(): void;
}

const bar = (percent: number): string => {
  const full = Math.round((Math.min(100, Math.max(0, percent)) / 100) * barWidth);
  return `${"█".repeat(full)}${"░".repeat(barWidth - full)} ${String(Math.round(percent)).padStart(3)}%`;
};

/** One event as a line: the same words for a person and, with the full time and level, for a log. */
const eventLine = (terminal: Terminal, event: EventDocument): string => {
  const message = plain(event.message).trimEnd();
  if (!terminal.isLive) return `${event.ts} ${event.level.padEnd(5)} ${event.phase.padEnd(12)} ${message}`;
  const style = levelStyles[event.level];
  const text = style === undefined ? message : terminal.style(style, message);
  const phase = event.phase === "write" ? terminal.style("yellow", "write") : terminal.style("cyan", event.phase);
  return `${terminal.style("dim", clock(event.ts))} ${phase}${" ".repeat(Math.max(1, 13 - event.phase.length))}${text}`;
};

const statusLine = (
  terminal: Terminal,
  state: { frame: number; seconds: number; last: EventDocument | null; percent: number | null },
): string => {
  const spinner = frames[state.frame % frames.length] ?? "";
  const head = [spinner, ...(state.percent === null ? [] : [bar(state.percent)]), duration(state.seconds)].join(" ");
  const tail = state.last === null ? "waiting for a worker" : `${state.last.phase}: ${oneLine(state.last.message)}`;
  return `${head}  ${tail}`.slice(0, Math.max(0, terminal.width - 1));
};

/**
 * @param shows `lines`: each event stays; `phases`: only the repainted line, and nothing at all in a pipe.
 */
export const createLiveView = (terminal: Terminal, shows: "lines" | "phases"): LiveView => {
  let started = Date.now();
  const state = { frame: 0, last: null as EventDocument | null, percent: null as number | null };
  const wipe = (): void => terminal.raw("\r\u001b[2K");
  const repaint = (): void => {
    const seconds = Math.max(0, Date.now() - started) / 1000;
    wipe();
    terminal.raw(terminal.style("cyan", statusLine(terminal, { ...state, seconds: Math.floor(seconds) })));
  };
  const timer = terminal.isLive
    ? setInterval(() => {
        state.frame += 1;
        repaint();
      }, tickMs)
    : undefined;
  return {
    event(event) {
      // Whoever comes later sees how long it has been going on.
      started = Math.min(started, Date.parse(event.ts));
      state.last = event;
      const percent = event.meta["percent"];
      if (typeof percent === "number") state.percent = percent;
      if (shows === "lines") {
        if (terminal.isLive) wipe();
        terminal.print(eventLine(terminal, event));
      }
      if (terminal.isLive) repaint();
    },
    away(problem) {
      if (terminal.isLive) wipe();
      const seen = problem === null ? "does not answer" : `answers, but with an error (${oneLine(problem.title)})`;
      terminal.note(terminal.styleError("yellow", `The server ${seen}: trying again for two minutes.`));
    },
    back() {
      if (terminal.isLive) wipe();
      terminal.note(terminal.styleError("dim", "The server is back."));
    },
    end() {
      clearInterval(timer);
      if (terminal.isLive) wipe();
    },
  };
};
