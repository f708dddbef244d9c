/** Requests at a steady rate for minutes, whatever becomes of the answers: who comes when all lines are busy waits, and counts it. */
import { type Line, openLines } from "./load.ts";

export interface Steady {
  readonly perSecond: number;
  readonly seconds: number;
  readonly expected: number;
  readonly lines: number;
  request(index: number): Buffer;
}

export interface Answered {
  /** From when each request was due to its answer, in ms. */
  readonly latencies: readonly number[];
  /** How many got another answer than was expected, or none. */
  readonly failed: number;
}

const patienceMs = 60_000;

interface Lines {
  take(): Promise<Line>;
  give(line: Line): void;
  close(): void;
}

const poolOf = async (url: string, count: number): Promise<Lines> => {
  const all = await openLines(url, count);
  const free = [...all];
  const waiting: ((line: Line) => void)[] = [];
  return {
    take: () => {
      // In turn: the server closes a line that it hears nothing of for a minute.
      const line = free.shift();
      return line === undefined ? new Promise((resolve) => waiting.push(resolve)) : Promise.resolve(line);
    },
    give(line) {
      const next = waiting.shift();
      if (next === undefined) free.push(line);
      else next(line);
    },
    close() {
      for (const line of all) line.close();
    },
  };
};

/** An answer that never comes must not keep the measure from ending. */
const givenUp = (ms: number): Promise<number> => new Promise((resolve) => void setTimeout(resolve, ms, 0).unref());

export const steady = async (url: string, asked: Steady): Promise<Answered> => {
  const { perSecond, seconds, expected, request } = asked;
  const lines = await poolOf(url, asked.lines);
  const latencies: number[] = [];
  let failed = 0;
  const from = performance.now();
  const one = async (index: number, due: number): Promise<void> => {
    const line = await lines.take();
    const status = await Promise.race([line.ask(request(index)).catch(() => 0), givenUp(patienceMs)]);
    if (status !== expected) failed += 1;
    latencies.push(performance.now() - due);
    lines.give(line);
  };
  const running = new Set<Promise<void>>();
  for (let index = 0; index < perSecond * seconds; index += 1) {
    const due = from + (index * 1000) / perSecond;
    const early = due - performance.now();
    if (early > 0) await new Promise((resolve) => setTimeout(resolve, early));
    const work: Promise<void> = one(index, due).finally(() => running.delete(work));
    running.add(work);
  }
  await Promise.all(running);
  lines.close();
  return { latencies, failed };
};
