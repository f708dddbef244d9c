/** What the processing of a job needs beside what its handler is handed. */
import type { TailDeps } from "../queue/tail.ts";
import type { Attempt } from "./attempt.ts";
import type { ContextDeps } from "./context.ts";
import type { EventLine } from "./event-line.ts";
import type { LockTurn } from "./lock-turn.ts";
import type { Tails } from "./tails.ts";

export interface ProcessDeps extends ContextDeps {
  readonly workerId: string;
  readonly line: EventLine;
  readonly tail: TailDeps;
  readonly lockTtlMs: number;
  readonly lockTurn: LockTurn;
  /** What settled jobs still owe their watchers and locks. */
  readonly tails: Tails;
  /** The attempts that run now, by job id. */
  readonly running: Map<string, Attempt>;
  /** The worker was told to stop: what it claims from then on goes back to the queue. */
  isDraining(): boolean;
  /** The lease was just lost because this process stood still: what ran then may have made it so. */
  stoodStill(): boolean;
}
