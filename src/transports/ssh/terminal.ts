/** The screen of an interactive shell: lines that came, the line that is being written, and the wait for what comes next. */
import { StringDecoder } from "node:string_decoder";
import type { ClientChannel } from "ssh2";
import { asSwitchyardError, type SwitchyardError } from "../../errors.ts";
import { terminalText } from "../../model/terminal-text.ts";
import { answerTooLarge, type Meter, maxAnswerBytes } from "../meter.ts";
import type { OnOutput } from "./exec.ts";
import { droppedInAnswer, lateAnswer, type SshPlace } from "./failures.ts";
import { closeQuietly } from "./link.ts";

/** What stands on the screen. */
export interface Screen {
  /** Complete lines since the last clearing. */
  readonly lines: readonly string[];
  /** The line without an end: a prompt, a question, or the middle of an output. */
  readonly last: string;
  /** How long nothing came, in ms. */
  readonly quietMs: number;
  readonly isClosed: boolean;
}

/** Told what is waited for, each time that changes; `seen` is what stands there by then. */
export type OnWait = (what: string, seen?: () => string) => void;

export interface Patience {
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** What is waited for, for an error. */
  readonly what: string;
  readonly onWait?: OnWait;
}

interface TerminalDeps {
  readonly place: SshPlace;
  readonly meter: Meter;
  readonly now: () => number;
  /** Takes out what an error must not show. */
  readonly shown: (text: string) => string;
}

const tickMs = 100;
/** So much of a line is shown in an error. */
const shownLength = 120;
/** The end of a line that has no end is all that is looked at. */
const window = 4_096;
const ends = ["\n", "\u001bE", "\u0085"] as const;

/** Where the last whole line ends; 0 when there is none. */
const endOfLines = (text: string): number =>
  Math.max(...ends.map((end) => (text.includes(end) ? text.lastIndexOf(end) + end.length : 0)));

/** Lives as long as its channel. */
export class Terminal {
  onOutput: OnOutput | undefined;
  private readonly channel: ClientChannel;
  private readonly deps: TerminalDeps;
  private readonly decoder = new StringDecoder("utf8");
  private lines: string[] = [];
  private pending = "";
  private bytes = 0;
  private failure: SwitchyardError | undefined;
  private isOver = false;
  private isLetGo = false;
  private heardAt: number;
  private wake: (() => void) | undefined;

  constructor(channel: ClientChannel, deps: TerminalDeps) {
    this.channel = channel;
    this.deps = deps;
    this.heardAt = deps.now();
    const take = (bytes: Buffer): void => this.take(bytes);
    channel.on("data", take).on("close", () => this.end());
    channel.stderr.on("data", take);
    channel.on("error", () => this.end());
  }

  get isClosed(): boolean {
    return this.isOver;
  }

  write(text: string): void {
    this.channel.write(text);
  }

  /** Forgets what stands there. */
  clear(): void {
    this.lines = [];
    this.pending = "";
    this.deps.meter.give(this.bytes);
    this.bytes = 0;
  }

  /** Takes the unfinished line away: a pager's own words are none of the output. */
  wipeLast(): void {
    this.pending = "";
  }

  /** Makes the unfinished line a line, so that it is not looked at again. */
  finishLast(): void {
    this.lines.push(terminalText(this.pending));
    this.pending = "";
  }

  close(): void {
    this.isOver = true;
    this.isLetGo = true;
    this.clear();
    closeQuietly(this.channel);
  }

  /**
   * Looks at the screen each time something comes, and now and then while nothing comes, until `judge` finds what it
   * looks for.
   * @throws SwitchyardError `response_timeout`, `response_too_large`, and `device_error` when the shell is closed and
   * `judge` makes nothing of it.
   */
  async look<T>(judge: (screen: Screen) => T | undefined, patience: Patience): Promise<T> {
    const { now, place } = this.deps;
    patience.onWait?.(patience.what, () => this.seen());
    const deadline = now() + patience.timeoutMs;
    for (;;) {
      if (this.failure !== undefined) throw this.failure;
      patience.signal.throwIfAborted();
      const found = judge(this.screen());
      if (found !== undefined) return found;
      if (this.isOver) throw droppedInAnswer(place);
      if (now() >= deadline) throw lateAnswer(place, patience.timeoutMs, patience.what, this.seen());
      await this.change(deadline, patience.signal);
    }
  }

  /** The last line that is not empty, as an error may show it. */
  private seen(): string {
    const last = [terminalText(this.pending.slice(-window)), ...this.lines.slice(-20).toReversed()];
    const line = last.find((text) => text.trim() !== "")?.trim() ?? "";
    return this.deps.shown(line).slice(-shownLength);
  }

  private screen(): Screen {
    const last = terminalText(this.pending.slice(-window));
    return { lines: this.lines, last, quietMs: this.deps.now() - this.heardAt, isClosed: this.isOver };
  }

  private change(deadline: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        signal.removeEventListener("abort", done);
        this.wake = undefined;
        resolve();
      };
      const timer = setTimeout(done, Math.max(1, Math.min(tickMs, deadline - this.deps.now())));
      signal.addEventListener("abort", done, { once: true });
      this.wake = done;
    });
  }

  private take(bytes: Buffer): void {
    // A channel that is closed still hands on what came before the device heard of it.
    if (this.isLetGo || this.failure !== undefined) return;
    try {
      if (this.bytes + bytes.length > maxAnswerBytes) throw answerTooLarge();
      this.deps.meter.take(bytes.length);
      this.bytes += bytes.length;
    } catch (thrown) {
      this.failure = asSwitchyardError(thrown);
      this.clear();
      closeQuietly(this.channel);
      this.wake?.();
      return;
    }
    this.heardAt = this.deps.now();
    this.onOutput?.("stdout", bytes);
    this.append(this.decoder.write(bytes));
    this.wake?.();
  }

  /** Whole lines are made plain as they come: the work is done in small pieces, however much comes. */
  private append(text: string): void {
    const end = endOfLines(text);
    if (end === 0) {
      this.pending += text;
      return;
    }
    const lines = terminalText(this.pending + text.slice(0, end)).split("\n");
    this.pending = text.slice(end);
    for (const line of lines.slice(0, -1)) this.lines.push(line);
  }

  private end(): void {
    this.isOver = true;
    this.wake?.();
  }
}
