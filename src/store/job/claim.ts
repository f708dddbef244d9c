/** Claims a job for a worker: counts the attempt, and settles what may not run any more. */
import { type ErrorCode, errorTable } from "../../errors.ts";
import { isSettled, type Job, type JobError, type SettledState } from "../../model/job.ts";
import { progressOf } from "../../model/step-answer.ts";
import { lastSpilled } from "../events.ts";
import { hasUnknownOutcome, readJournal } from "../journal.ts";
import { prepared, query, run } from "../query.ts";
import type { Unit } from "../unit.ts";
import { holdJob } from "./find.ts";
import { errorText } from "./row.ts";

/** After so many lost workers a job is not tried again. */
const lostWorkersMost = 3;

export type Claim =
  /** `lost`: the worker that had it before is gone. */
  | { readonly outcome: "claimed"; readonly job: Job; readonly lost: boolean }
  /** Settled before: what settling left open is to be finished. */
  | { readonly outcome: "settled"; readonly job: Job }
  /** Cancelled before it ran; settled by this claim. */
  | { readonly outcome: "cancelled"; readonly job: Job }
  /** Its worker was lost three times; settled by this claim as `failed` or `unknown_outcome`. */
  | { readonly outcome: "crash_loop"; readonly job: Job }
  /** The caller's look at the row said no. */
  | { readonly outcome: "left"; readonly job: Job }
  | { readonly outcome: "missing" };

export interface ClaimRequest {
  readonly id: string;
  readonly workerId: string;
  readonly now: number;
  /** Looks at the row first; false leaves it as it is. */
  readonly mayTake?: (job: Job) => boolean;
}

interface Taken {
  readonly id: string;
  readonly attempt: number;
  readonly triesUsed: number;
  readonly lostWorkers: number;
  readonly startedAt: number;
  readonly workerId: string;
}

const taken = prepared<Taken, unknown>((value) =>
  query
    .updateTable("jobs")
    .set({
      state: "running",
      attempt: value("attempt"),
      tries_used: value("triesUsed"),
      lost_workers: value("lostWorkers"),
      started_at: value("startedAt"),
      worker_id: value("workerId"),
      run_at: null,
    })
    .where("id", "=", value("id")),
);

export const jobError = (code: ErrorCode, detail: string): JobError => ({
  code,
  title: errorTable[code].title,
  detail,
});

interface Verdict {
  readonly state: SettledState;
  readonly error: JobError;
  readonly now: number;
  readonly lostWorkers?: number;
}

/** Settles a job that the unit holds and that no worker runs; returns it as it is after. */
export function* settleHeld(job: Job, { state, error, now, lostWorkers = job.lostWorkers }: Verdict): Unit<Job> {
  const lastSeq = yield* lastSpilled(job.id);
  yield* run(
    query
      .updateTable("jobs")
      .set({
        state,
        error: errorText(error),
        finished_at: now,
        tail: "open",
        last_seq: lastSeq,
        dedupe_key: null,
        run_at: null,
        lost_workers: lostWorkers,
      })
      .where("id", "=", job.id),
  );
  const tail = "open" as const;
  return { ...job, state, error, finishedAt: now, tail, lastSeq, dedupeKey: null, runAt: null, lostWorkers };
}

/** How many workers it cost so far: one that still has it by the row is gone. */
const lostWith = (job: Job): number => job.lostWorkers + (job.state === "running" ? 1 : 0);

function* giveUp(job: Job, now: number): Unit<Claim> {
  const isUnknown = yield* hasUnknownOutcome(job.id);
  const verdict: Verdict = isUnknown
    ? {
        state: "unknown_outcome",
        error: jobError(
          "outcome_unknown",
          "A write was sent before the worker was lost, and its answer is not known: look at the device.",
        ),
        now,
      }
    : {
        state: "failed",
        error: jobError("crash_loop", "The worker that ran the job was lost three times; it is not tried again."),
        now,
      };
  return { outcome: "crash_loop", job: yield* settleHeld(job, { ...verdict, lostWorkers: lostWith(job) }) };
}

/** What earlier attempts wrote is said beside the cancel. */
function* cancel(job: Job, now: number): Unit<Claim> {
  const { sent, done, isUnknown } = progressOf(job.attempt === 0 ? [] : yield* readJournal(job.id));
  const plain = jobError("job_cancelled", "The job was cancelled before it ran.");
  const details = { steps_done: done, outcome: isUnknown ? "unknown" : "partial" };
  const told = jobError("job_cancelled", "The job was cancelled after some of its writes: look at the device.");
  const error = sent.length === 0 ? plain : { ...told, details };
  return { outcome: "cancelled", job: yield* settleHeld(job, { state: "cancelled", error, now }) };
}

function* take(job: Job, workerId: string, now: number): Unit<Claim> {
  const lost = job.state === "running";
  const next = {
    attempt: job.attempt + 1,
    triesUsed: lost ? job.triesUsed : job.triesUsed + 1,
    lostWorkers: lostWith(job),
    startedAt: job.startedAt ?? now,
    workerId,
  };
  yield* taken({ id: job.id, ...next });
  return { outcome: "claimed", job: { ...job, ...next, state: "running", runAt: null }, lost };
}

/** Claims a job. The attempt it counts is the fencing token of everything that the worker does for the job. */
export function* claimJob(asked: ClaimRequest): Unit<Claim> {
  const { workerId, now, mayTake } = asked;
  const job = yield* holdJob(asked.id);
  if (job === undefined) return { outcome: "missing" };
  if (mayTake?.(job) === false) return { outcome: "left", job };
  if (isSettled(job.state)) return { outcome: "settled", job };
  if (job.state !== "running" && job.cancelRequestedAt !== null) return yield* cancel(job, now);
  if (lostWith(job) >= lostWorkersMost) return yield* giveUp(job, now);
  return yield* take(job, workerId, now);
}
