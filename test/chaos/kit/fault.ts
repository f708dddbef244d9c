/** What one row of the table of faults says. */
import type { Chance } from "../../kit/random.ts";
import type { Errand } from "./errand.ts";
import type { Shape, Stack } from "./stack.ts";

/** How long what lasts may last: long in the full run, as short as it still tells something in the tests. */
export interface Pace {
  /** A worker stands still: longer than its lease of 5 s. */
  readonly stoppedMs: number;
  /** Redis says nothing. */
  readonly silentMs: number;
  /** Another process holds the database: longer than the 5 s for which a caller waits. */
  readonly lockedMs: number;
  /** Nothing can be written to the disk. */
  readonly fullMs: number;
  /** The devices fail. */
  readonly failingMs: number;
}

export const fullPace: Pace = { stoppedMs: 20_000, silentMs: 10_000, lockedMs: 7_000, fullMs: 5_000, failingMs: 4_000 };
export const shortPace: Pace = { stoppedMs: 7_000, silentMs: 3_000, lockedMs: 5_500, fullMs: 2_000, failingMs: 1_500 };

export interface Strike {
  readonly chance: Chance;
  readonly pace: Pace;
  /** Asks for one more job, which is judged with the others: for faults that wait for somebody to come by. */
  ask(errand: Errand): void;
  /** What was asked for with this job; undefined as long as no client was told of it, and of jobs that nobody asked for. */
  errandOf(jobId: string): Errand | undefined;
  /** Whether a watcher was shown an event with these words. */
  hasHeard(words: string): boolean;
}

export interface Fault {
  readonly name: string;
  readonly shape: Shape;
  /** Why it cannot be tried on this machine. */
  readonly missing?: string | undefined;
  /** Jobs may fail of it: a device that answers nothing does not do what it is asked. */
  readonly mayFail?: boolean;
  /** Resolves when what lasts is over; what was killed is not back yet. */
  strike(stack: Stack, how: Strike): Promise<void>;
}

export const onSqlite: Shape = { store: "sqlite", smallDisk: false };
export const onPostgres: Shape = { store: "postgres", smallDisk: false };
export const onSmallDisk: Shape = { store: "sqlite", smallDisk: true };
