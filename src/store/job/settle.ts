/** Ends an attempt: settled for good, to be tried again, or given back. The attempt number fences each of them. */

import { sql } from "kysely";
import type { JobEvent } from "../../model/event.ts";
import {
  isSettled,
  type Job,
  type JobError,
  type JobState,
  type Progress,
  type SettledState,
} from "../../model/job.ts";
import type { Json } from "../../model/json.ts";
import { addEvents, addFirstEvents } from "../events.ts";
import { prepared, query, run } from "../query.ts";
import type { JobColumns } from "../tables.ts";
import type { Unit } from "../unit.ts";
import { jobError, settleHeld } from "./claim.ts";
import { holdJob } from "./find.ts";
import { errorText } from "./row.ts";

interface Fence {
  readonly id: string;
  readonly attempt: number;
}

const held = prepared<Fence, { id: string }>((value) =>
  query
    .selectFrom("jobs")
    .select("id")
    .where("id", "=", value("id"))
    .where("state", "=", "running")
    .where("attempt", "=", value("attempt"))
    .forUpdate(),
);

/** Whether the job still runs under this attempt; holds it until the unit ends. */
function* holds({ id, attempt }: Fence): Unit<boolean> {
  return (yield* held({ id, attempt })).rows.length > 0;
}

function* change(id: string, columns: Partial<JobColumns>): Unit<void> {
  yield* run(query.updateTable("jobs").set(columns).where("id", "=", id));
}

export interface Settlement extends Fence {
  readonly state: SettledState;
  readonly result: Json;
  readonly error: JobError | null;
  /** Those that are not spilled yet; what lies in the store already is left out. */
  readonly events: readonly JobEvent[];
  /** These are all that the job said, in order, and none of them can lie in the store. */
  readonly areAll?: boolean;
  readonly now: number;
  readonly sandboxLevel?: string | null;
  readonly planId?: string | null;
  /** Scheduled, succeeded and changed nothing: pruned after an hour. */
  readonly routine?: boolean;
}

type EndColumns = Pick<JobColumns, "state" | "result" | "finished_at" | "last_seq" | "is_routine" | "sandbox_level"> & {
  id: string;
  attempt: number;
};
const ended = (value: <K extends keyof EndColumns>(name: K) => EndColumns[K]) =>
  query
    .updateTable("jobs")
    .set({
      state: value("state"),
      result: value("result"),
      finished_at: value("finished_at"),
      last_seq: value("last_seq"),
      is_routine: value("is_routine"),
      sandbox_level: sql<string | null>`coalesce(${value("sandbox_level")}, sandbox_level)`,
      tail: "open",
      dedupe_key: null,
    })
    .where("id", "=", value("id"))
    .where("state", "=", "running")
    .where("attempt", "=", value("attempt"));

/** The error, which was empty so far, is not even named: several indexes would be written anew. */
const settledWell = prepared<EndColumns, unknown>(ended);
const settledIll = prepared<EndColumns & { error: string }, unknown>((value) =>
  ended(value).set({ error: value("error") }),
);

/** A job that did not succeed is found by its error: it has one, whoever settles it. */
const errorOf = ({ state, error }: Settlement): JobError | null =>
  error ?? (state === "succeeded" ? null : jobError("internal", "The job ended without saying why."));

/** Settles a running job; false when the attempt is stale. The first one wins. */
export function* settleJob(settlement: Settlement): Unit<boolean> {
  const { id, attempt, state, result, events, areAll = false, now, sandboxLevel, planId, routine = false } = settlement;
  if (!areAll && !(yield* holds(settlement))) return false;
  const error = errorText(errorOf(settlement));
  const end = {
    id,
    attempt,
    state,
    result: result === null ? null : JSON.stringify(result),
    finished_at: now,
    last_seq: areAll ? (events.at(-1)?.seq ?? 0) : yield* addEvents(id, events),
    is_routine: routine ? 1 : 0,
    sandbox_level: sandboxLevel ?? null,
  };
  const { changes } = yield* error === null ? settledWell(end) : settledIll({ ...end, error });
  if (changes === 0) return false;
  if (areAll) yield* addFirstEvents(id, events);
  if (planId !== undefined) yield* change(id, { plan_id: planId });
  return true;
}

/** Settles a job that no worker runs; nothing when it runs, is settled or does not exist. */
export function* settleUnstarted(asked: {
  readonly id: string;
  readonly state: "cancelled" | "failed";
  readonly error: JobError;
  readonly now: number;
}): Unit<Job | undefined> {
  const job = yield* holdJob(asked.id);
  if (job === undefined || job.state === "running" || isSettled(job.state)) return undefined;
  return yield* settleHeld(job, asked);
}

function* giveBack(fence: Fence, events: readonly JobEvent[], columns: Partial<JobColumns>): Unit<boolean> {
  if (!(yield* holds(fence))) return false;
  const last = yield* addEvents(fence.id, events);
  yield* change(fence.id, { ...columns, last_seq: last, worker_id: null });
  return true;
}

/** Ends an attempt that is to be tried again, not before `runAt`. */
export function* retryJob({
  runAt,
  events,
  ...fence
}: Fence & { readonly runAt: number; readonly events: readonly JobEvent[] }): Unit<boolean> {
  const state: JobState = "retrying";
  return yield* giveBack(fence, events, { state, run_at: runAt });
}

/** A job on its way back into the queue. */
export interface Requeue extends Fence {
  readonly events: readonly JobEvent[];
  /** Its worker stood still for so long that it counts as lost, as one that was killed would. */
  readonly isLost?: boolean;
}

/** Puts a running job back into the queue, as a drain does: the try does not count. */
export function* requeueJob({ events, isLost = false, ...fence }: Requeue): Unit<boolean> {
  const job = yield* holdJob(fence.id);
  if (job === undefined) return false;
  const state: JobState = "queued";
  const lost = isLost ? { lost_workers: job.lostWorkers + 1 } : {};
  return yield* giveBack(fence, events, { state, tries_used: Math.max(0, job.triesUsed - 1), ...lost });
}

/** Moves events of a running job into the store before it ends. */
export function* spillEvents({ events, ...fence }: Fence & { readonly events: readonly JobEvent[] }): Unit<boolean> {
  if (!(yield* holds(fence))) return false;
  yield* change(fence.id, { last_seq: yield* addEvents(fence.id, events) });
  return true;
}

/** Adds what a job had said before it was settled by somebody else; returns the number of its last event. */
export function* addLastEvents({
  id,
  events,
}: {
  readonly id: string;
  readonly events: readonly JobEvent[];
}): Unit<number> {
  yield* holdJob(id);
  const last = yield* addEvents(id, events);
  yield* change(id, { last_seq: last });
  return last;
}

function* changeRunning({ id, attempt }: Fence, columns: Partial<JobColumns>): Unit<boolean> {
  const { changes } = yield* run(
    query
      .updateTable("jobs")
      .set(columns)
      .where("id", "=", id)
      .where("state", "=", "running")
      .where("attempt", "=", attempt),
  );
  return changes > 0;
}

export function* setProgress({ progress, ...fence }: Fence & { readonly progress: Progress }): Unit<boolean> {
  return yield* changeRunning(fence, { progress: JSON.stringify(progress) });
}

export function* setPlan({ planId, ...fence }: Fence & { readonly planId: string }): Unit<boolean> {
  return yield* changeRunning(fence, { plan_id: planId });
}

export function* setSandboxLevel({ level, ...fence }: Fence & { readonly level: string }): Unit<boolean> {
  return yield* changeRunning(fence, { sandbox_level: level });
}
