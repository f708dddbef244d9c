/** The tail of a settled job: tell the watchers, free the locks, leave the queue, mark it closed. Harmless to repeat. */
import { errorTable } from "../errors.ts";
import { dropInventory } from "../live/cache.ts";
import { appendEvents, type Done, openAttempt, readEvents as readStream } from "../live/events.ts";
import { release } from "../live/locks.ts";
import { mostEvents } from "../model/event.ts";
import type { Job, Subject } from "../model/job.ts";
import type { Json, JsonObject } from "../model/json.ts";
import type { PassWaypoint } from "../model/waypoint.ts";
import type { Redis } from "../redis.ts";
import { readEvents } from "../store/events.ts";
import { addLastEvents, closeTail } from "../store/jobs.ts";
import type { Store } from "../store/store.ts";
import type { JobQueue } from "./queue.ts";

export interface TailDeps {
  readonly store: Store;
  readonly redis: Redis;
  readonly queue: JobQueue;
  readonly pass?: PassWaypoint | undefined;
}

export interface TailOptions {
  /** The caller holds the job in the queue and acknowledges it itself. */
  readonly isHeld?: boolean;
  /** Ends the stream of a job whose events may still be on their way; absent: they all lie in the store. */
  readonly tell?: (done: Done) => Promise<void>;
  /** Its locks are being given up already. */
  readonly freed?: Promise<void>;
  /** Told that all is done but the row's mark, which the caller then sees to. */
  readonly markLater?: (jobId: string) => void;
}

const wireSubject = ({ typeId, instanceId, target }: Subject): JsonObject => ({
  ...(typeId === undefined ? {} : { type_id: typeId }),
  ...(instanceId === undefined ? {} : { instance_id: instanceId }),
  ...(target === undefined ? {} : { target: { type: target.type, id: target.id } }),
});

/** What `job.done` carries, as the contract words it. */
export const doneOf = (job: Job): JsonObject => ({
  job_id: job.id,
  state: job.state,
  success: job.state === "succeeded",
  subject: wireSubject(job.subject),
  ...(job.result === null ? {} : { result: job.result }),
  ...(job.error === null
    ? {}
    : {
        error: { ...(job.error as unknown as JsonObject), title: job.error.title ?? errorTable[job.error.code].title },
      }),
});

/** Gives up the job's locks; who is next in their lines goes to its queue, behind those who are there. */
export const freeLocks = async ({ redis, queue, pass }: TailDeps, job: Job): Promise<void> => {
  if (job.locks.length === 0) return;
  const woken = await release(redis, job.id, job.locks);
  if (woken.length > 0) await queue.add(woken);
  await pass?.("tail.freed", job.id);
};

/** So many of its last words a worker may have taken with it: a stream that lacks them is given them. */
const lastWords = 200;

/**
 * A worker that was lost told the stream what it did not bring to the store, and the stream goes soon after `job.done`.
 * Whatever it would still say is refused from here on. Answers the number of the job's last event.
 */
const keepUnwritten = async ({ redis, store }: TailDeps, { id, attempt, lastSeq }: Job): Promise<number> => {
  const unwritten = (limit: number) => readStream(redis, id, { after: lastSeq, limit });
  if (attempt === 0 || (await unwritten(1)).length === 0) return lastSeq;
  await openAttempt(redis, id, attempt + 1);
  const said = await unwritten(mostEvents);
  const events = said.filter(({ seq }, index) => seq === lastSeq + 1 + index);
  return events.length === 0 ? lastSeq : store.write(() => addLastEvents({ id, events }));
};

/** Nobody knows whether the worker that ran it came to say that the device was written to. */
const outdateInventory = async ({ redis }: TailDeps, { kind, attempt, subject }: Job): Promise<void> => {
  const mayHaveWritten = kind === "action.run" && attempt > 0;
  if (mayHaveWritten && subject.instanceId !== undefined) await dropInventory(redis, subject.instanceId);
};

const tellFromStore = async (deps: TailDeps, job: Job): Promise<void> => {
  const { redis, store } = deps;
  const { kind, id: jobId, attempt } = job;
  const { typeId, instanceId } = job.subject;
  await outdateInventory(deps, job);
  const lastSeq = await keepUnwritten(deps, job);
  const events = await store.read(() => readEvents({ jobId, after: lastSeq - lastWords, limit: lastWords }));
  const facts = {
    kind,
    ...(instanceId === undefined ? {} : { instanceId }),
    ...(typeId === undefined ? {} : { typeId }),
  };
  const done = { seq: lastSeq + 1, data: doneOf(job) };
  await appendEvents(redis, [{ jobId, attempt: attempt + 1, events, facts, done }]);
};

const tell = async (deps: TailDeps, job: Job, options: TailOptions): Promise<void> => {
  if (options.tell === undefined) await tellFromStore(deps, job);
  else await options.tell({ seq: job.lastSeq + 1, data: doneOf(job) });
  await deps.pass?.("tail.told", job.id);
};

/** @param job settled, as the store has it. Throws when Redis or the store is away; the sweep comes back to it. */
export const closeTailOf = async (deps: TailDeps, job: Job, options: TailOptions = {}): Promise<void> => {
  const leave = options.isHeld === true ? undefined : deps.queue.remove([{ id: job.id, queue: job.queue }]);
  await Promise.all([tell(deps, job, options), options.freed ?? freeLocks(deps, job), leave]);
  await deps.pass?.("tail.unmarked", job.id);
  if (options.markLater === undefined) await deps.store.write(() => closeTail(job.id));
  else options.markLater(job.id);
};

/** The stored shape of an error that the runner itself gives a job. */
export const jobErrorOf = (
  code: keyof typeof errorTable,
  detail: string,
  details?: Readonly<Record<string, Json>>,
) => ({
  code,
  title: errorTable[code].title,
  detail,
  ...(details === undefined ? {} : { details }),
});
