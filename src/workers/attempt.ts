/** One try of a job: its fence, its stop button, and what it wants written when it settles. */
import type { Ending } from "../jobs/context.ts";
import type { SandboxLevel } from "../model/integration-type.ts";
import type { Job, Progress } from "../model/job.ts";
import type { SubjectRows } from "../store/subject.ts";
import type { Unit } from "../store/unit.ts";
import type { Span } from "../trace/trace.ts";
import type { Emitter } from "./emitter.ts";
import type { StopReason } from "./ending.ts";

export interface Attempt {
  readonly job: Job;
  /** The instance and its type at the claim. */
  readonly claimed: SubjectRows | undefined;
  readonly emitter: Emitter;
  /** What stands on each line of the log that is about this job. */
  readonly facts: { readonly job_id: string; readonly trace_id?: string };
  /** Absent when nothing is traced. */
  readonly span: Span | undefined;
  readonly signal: AbortSignal;
  /** Why it was stopped; null while it may go on. The first reason stands. */
  readonly stopReason: StopReason | null;
  stop(reason: StopReason): void;
  readonly settleUnits: ((ending: Ending) => Unit<void>)[];
  readonly afterSettle: ((ending: Ending) => Promise<void>)[];
  readonly beforeDone: ((ending: Ending) => Promise<void>)[];
  isRoutine: boolean;
  /** The latest progress, until it is written down: now and then, not at each step. */
  unwrittenProgress: Progress | null;
  sandboxLevel: SandboxLevel | null;
}

export interface NewAttempt {
  readonly job: Job;
  readonly claimed?: SubjectRows | undefined;
  readonly emitter: Emitter;
  readonly span?: Span | undefined;
}

export const createAttempt = ({ job, claimed, emitter, span }: NewAttempt): Attempt => {
  const controller = new AbortController();
  let stopReason: StopReason | null = null;
  return {
    job,
    claimed,
    emitter,
    facts: { job_id: job.id, ...(span && { trace_id: span.traceId }) },
    span,
    signal: controller.signal,
    get stopReason() {
      return stopReason;
    },
    stop(reason) {
      if (stopReason !== null) return;
      stopReason = reason;
      controller.abort(reason);
    },
    settleUnits: [],
    afterSettle: [],
    beforeDone: [],
    isRoutine: false,
    unwrittenProgress: null,
    sandboxLevel: null,
  };
};
