/** Cuts what a tcp session hears into lines, and hands them to the one who waits; each byte is looked at once. */
import { StringDecoder } from "node:string_decoder";
import { SwitchyardError } from "../errors.ts";
import { answerTooLarge, type Meter, maxAnswerBytes } from "./meter.ts";

/** A line is a match, or not; the text is what came of it so far. */
export type LineTest = (line: string) => boolean;

/** The next line, whatever it says. */
export const anyLine: LineTest = () => true;

/** A prompt is looked for in so much of a line that has no end yet. */
const promptWindow = 4_096;

interface Waiter {
  readonly isLast: LineTest;
  /** Only a line that has its end can be the last one: how it goes on may matter. */
  readonly isWhole?: boolean;
  readonly resolve: (lines: readonly string[]) => void;
  readonly reject: (thrown: unknown) => void;
}

/** What a line takes in memory beside its text: a flood of empty ones is one, too. */
const lineCost = 16;
const sizeOf = (lines: readonly string[]): number => lines.reduce((sum, line) => sum + line.length + lineCost, 0);

/** A line that has no end yet, in the pieces it came in: a flood is not copied with every packet of it. */
class OpenLine {
  length = 0;
  private pieces: string[] = [];

  add(piece: string): void {
    if (piece === "") return;
    this.pieces.push(piece);
    this.length += piece.length;
  }

  /** What it ends with, as much as a prompt may be. */
  tail(): string {
    let from = this.pieces.length;
    for (let length = 0; from > 0 && length < promptWindow; ) {
      from -= 1;
      length += this.pieces[from]?.length ?? 0;
    }
    return this.pieces.slice(from).join("").slice(-promptWindow);
  }

  take(): string {
    const whole = this.pieces.join("");
    this.pieces = [];
    this.length = 0;
    return whole;
  }
}

/** Lives as long as its session. */
export class LineReader {
  private readonly open = new OpenLine();
  /** The last characters, where a line end may have begun. */
  private held = "";
  private lines: string[] = [];
  private size = 0;
  private scanned = 0;
  /** What the worker's meter knows of. */
  private counted = 0;
  private isLetGo = false;
  private waiter: Waiter | undefined;
  private failure: unknown;
  private readonly end: string;
  private readonly meter: Meter;
  private readonly decoder = new StringDecoder("utf8");

  constructor(end: string, meter: Meter) {
    this.end = end;
    this.meter = meter;
  }

  /** Whether what came was too much: the rest is not taken. */
  get isOver(): boolean {
    return this.failure !== undefined;
  }

  take(bytes: Buffer): void {
    if (this.isOver || this.isLetGo) return;
    this.cut(this.held + this.decoder.write(bytes));
    try {
      if (this.size + this.open.length > maxAnswerBytes) throw answerTooLarge();
      this.count();
      this.serve();
    } catch (thrown) {
      this.fail(thrown);
      this.forget();
    }
  }

  /** Nobody reads any more. */
  letGo(): void {
    this.isLetGo = true;
    this.forget();
  }

  fail(thrown: unknown): void {
    this.failure ??= thrown;
    this.serve();
  }

  /** Whether nothing is left of what came, half a line or character included. */
  isDrained(): boolean {
    return this.lines.length + this.open.length + this.held.length + this.decoder.end().length === 0;
  }

  /** Puts lines back in front of what comes next; they are counted with it. */
  unread(lines: readonly string[]): void {
    this.lines = [...lines, ...this.lines];
    this.size += sizeOf(lines);
  }

  wait(waiter: Waiter): void {
    this.giveUp(new SwitchyardError("driver_failed", { detail: "Expected one read at a time on a tcp session." }));
    this.waiter = waiter;
    this.scanned = 0;
    this.serve();
  }

  /** Ends the present wait; what came stays to be read. */
  giveUp(thrown: unknown): void {
    const { waiter } = this;
    this.waiter = undefined;
    waiter?.reject(thrown);
  }

  /** @throws SwitchyardError `response_too_large`. */
  private count(): void {
    const held = this.size + this.open.length;
    if (held > this.counted) this.meter.take(held - this.counted);
    else this.meter.give(this.counted - held);
    this.counted = held;
  }

  private forget(): void {
    this.lines = [];
    this.size = 0;
    this.open.take();
    this.held = "";
    this.count();
  }

  private cut(text: string): void {
    const { end } = this;
    const pieces = text.split(end);
    const rest = pieces.pop() ?? "";
    for (const piece of pieces) {
      this.open.add(piece);
      const whole = this.open.take();
      this.lines.push(end === "\n" && whole.endsWith("\r") ? whole.slice(0, -1) : whole);
      this.size += (this.lines.at(-1)?.length ?? 0) + lineCost;
    }
    const begun = Math.max(0, rest.length - (end.length - 1));
    this.open.add(rest.slice(0, begun));
    this.held = rest.slice(begun);
  }

  /** Prompts end no line: the text after the last line end is tried too. */
  private serve(): void {
    const { waiter } = this;
    if (waiter === undefined) return;
    const lines = this.upToLast(waiter) ?? this.upToPrompt(waiter);
    if (lines === undefined && this.failure === undefined) return;
    this.waiter = undefined;
    if (lines === undefined) waiter.reject(this.failure);
    else waiter.resolve(lines);
  }

  private upToLast({ isLast }: Waiter): readonly string[] | undefined {
    const { length } = this.lines;
    for (let index = this.scanned; index < length; index += 1) {
      if (isLast(this.lines[index] ?? "")) return this.handOut(index + 1);
    }
    this.scanned = length;
    return undefined;
  }

  private upToPrompt({ isLast, isWhole }: Waiter): readonly string[] | undefined {
    if (isWhole || isLast === anyLine || this.open.length + this.held.length === 0) return undefined;
    if (!isLast((this.open.tail() + this.held).slice(-promptWindow))) return undefined;
    const rest = this.open.take() + this.held;
    this.held = "";
    return [...this.handOut(this.lines.length), rest];
  }

  private handOut(count: number): readonly string[] {
    const lines = this.lines.splice(0, count);
    this.size -= sizeOf(lines);
    this.count();
    return lines;
  }
}
