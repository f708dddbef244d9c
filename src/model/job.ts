/** Jobs: one queued and recorded piece of work, and the states it may be in. */
import type { ErrorCode, FieldProblem } from "../errors.ts";
import type { Json, JsonObject } from "./json.ts";
import type { TargetRef } from "./target.ts";

export const jobStates = [
  "queued",
  "running",
  "retrying",
  "succeeded",
  "failed",
  "timed_out",
  "cancelled",
  "unknown_outcome",
  "partial",
] as const;
export type JobState = (typeof jobStates)[number];

export const openStates = ["queued", "running", "retrying"] as const satisfies readonly JobState[];
export type SettledState = Exclude<JobState, (typeof openStates)[number]>;

/** Which state may follow which; a settled state is final. */
export const transitions: Readonly<Record<JobState, readonly JobState[]>> = {
  queued: ["running", "failed", "cancelled"],
  running: ["queued", "retrying", "succeeded", "failed", "timed_out", "cancelled", "unknown_outcome", "partial"],
  retrying: ["running", "failed", "cancelled"],
  succeeded: [],
  failed: [],
  timed_out: [],
  cancelled: [],
  unknown_outcome: [],
  partial: [],
};
export const isSettled = (state: JobState): state is SettledState => transitions[state].length === 0;

/** The states from which `retry` makes a new job. */
export const retryableStates: readonly JobState[] = ["failed", "timed_out", "cancelled", "partial", "unknown_outcome"];

export type QueueName = "interactive" | "background";

/** A lock a job needs before it runs: `exclusive` or `shared`, by name (`instance/ins_1`, `target/ins_1/vm/100`). */
export interface LockNeed {
  readonly name: string;
  readonly mode: "exclusive" | "shared";
}

export interface JobError {
  readonly code: ErrorCode;
  readonly title: string;
  readonly detail: string;
  readonly errors?: readonly FieldProblem[];
  readonly details?: JsonObject;
}

export interface Requester {
  readonly tokenId?: string;
  readonly scheduleId?: string;
  readonly ruleId?: string;
  readonly name: string;
  /** Under which span it was asked for, as W3C writes it; when traces are on. */
  readonly traceparent?: string;
}

export interface Subject {
  readonly typeId?: string;
  readonly instanceId?: string;
  readonly target?: TargetRef;
}

export interface Progress {
  readonly phase: string;
  readonly percent?: number;
  readonly message: string;
}

export interface Job {
  readonly id: string;
  /** A kind of `jobs/catalog.ts`; a string because an older worker may meet a kind it does not know. */
  readonly kind: string;
  readonly state: JobState;
  /** Counts tries, rises only, and is the fencing token. 0 = never claimed. */
  readonly attempt: number;
  readonly maxAttempts: number;
  /** Attempts that count against `maxAttempts` (drains and lost workers do not). */
  readonly triesUsed: number;
  readonly lostWorkers: number;
  /** All times are milliseconds since 1970. */
  readonly createdAt: number;
  readonly startedAt: number | null;
  readonly finishedAt: number | null;
  readonly requestedBy: Requester;
  readonly subject: Subject;
  /** Parameters marked secret read `[secret:name]` here; their values lie sealed in `sealedInput`. */
  readonly input: JsonObject;
  readonly sealedInput: string | null;
  readonly result: Json;
  readonly error: JobError | null;
  readonly sandboxLevel: string | null;
  readonly queue: QueueName;
  readonly locks: readonly LockNeed[];
  /** Order of admission over all jobs: lines for locks are served by it. */
  readonly admission: number;
  readonly timeoutMs: number;
  readonly debug: boolean;
  readonly cancelRequestedAt: number | null;
  /** `open`: settled, but job.done, locks and acknowledgement may still be due. */
  readonly tail: "none" | "open" | "closed";
  /** Number of the last event; `job.done` is the one after it. Set when settled. */
  readonly lastSeq: number;
  readonly workerId: string | null;
  /** When BullMQ took it; null until then. */
  readonly enqueuedAt: number | null;
  /** While `retrying`: not before this time. */
  readonly runAt: number | null;
  readonly principalId: string;
  readonly idempotencyKey: string | null;
  readonly dedupeKey: string | null;
  readonly planId: string | null;
  readonly retryOf: string | null;
  readonly undoOf: string | null;
  readonly progress: Progress | null;
}
