/** Feeds one BullMQ queue into the worker's shared slots: claims, keeps the locks of what runs, puts back or completes. */
import { randomUUID } from "node:crypto";
import { setTimeout } from "node:timers/promises";
import { Job, type Worker } from "bullmq";
import type { Log } from "../log.ts";
import type { QueueName } from "../model/job.ts";
import { brokenDelayMs, type Consume, type Settled, unknownKindDelayMs } from "./queue.ts";
import type { Slots } from "./slots.ts";

export interface LaneOptions {
  readonly queue: QueueName;
  readonly worker: Worker;
  readonly slots: Slots;
  readonly lockMs: number;
  readonly handler: Consume;
  readonly log: Log;
}

export interface Lane {
  pause(): Promise<void>;
  /** Resolves, once paused, when this lane neither claims nor runs anything any more. */
  idle(): Promise<void>;
  abortAll(): void;
  /** Lets go of the queue; `idle` follows when the connection is gone too. */
  close(): Promise<void>;
}

interface Held {
  readonly id: string;
  readonly token: string;
  readonly abort: AbortController;
  /** Another worker may have it by now; that one acknowledges. */
  isLost: boolean;
}

/** Everything one lane shares between its loop, its runs and its lock renewal. */
interface LaneState extends LaneOptions {
  readonly held: Map<string, Held>;
  /** Ends waits between tries. */
  readonly stop: AbortController;
  readonly running: Set<Promise<void>>;
}

/** Ends early, without an error, when the signal aborts. */
const pauseFor = (ms: number, signal: AbortSignal): Promise<void> =>
  setTimeout(ms, undefined, { signal }).catch(() => undefined);

const lose = (held: Held): void => {
  held.isLost = true;
  held.abort.abort();
};

/** A stalled worker may be given its own job anew: the earlier run has lost it all the same. */
const hold = (state: LaneState, held: Held): void => {
  const earlier = state.held.get(held.id);
  if (earlier !== undefined) lose(earlier);
  state.held.set(held.id, held);
};

const letGo = (state: LaneState, held: Held): void => {
  if (state.held.get(held.id) === held) state.held.delete(held.id);
};

const outcomeOf = async (state: LaneState, held: Held): Promise<Settled> => {
  try {
    return await state.handler(held.id, held.abort.signal);
  } catch (error) {
    state.log.error(
      { err: error, job_id: held.id },
      "A claimed job broke outside its own error handling; it is offered again",
    );
    return { outcome: "again", delayMs: brokenDelayMs };
  }
};

const mayGoOn = (state: LaneState): boolean => !state.stop.signal.aborted && state.slots.keep(state.queue);

/** What BullMQ answers when it was asked for the next job as well. */
const nextJob = (state: LaneState, answer: unknown): Job | undefined => {
  const [data, id] = Array.isArray(answer) ? answer : [];
  return data === null || data === undefined ? undefined : Job.fromJSON(state.worker, data, id);
};

/** Something the slot need not wait for, but closing does. */
const aside = (state: LaneState, work: Promise<void>): void => {
  const running: Promise<void> = work
    .catch((error: unknown) => state.log.warn({ err: error }, "A parked job was not looked at again; the sweep will"))
    .finally(() => state.running.delete(running));
  state.running.add(running);
};

/** Takes the job out of the queue, and the next one in the same round trip. */
const leave = async (state: LaneState, job: Job, held: Held): Promise<Job | undefined> =>
  nextJob(state, await job.moveToCompleted(null, held.token, mayGoOn(state)));

const settle = async (state: LaneState, job: Job, held: Held): Promise<Job | undefined> => {
  const settled = await outcomeOf(state, held);
  letGo(state, held);
  if (held.isLost) return undefined;
  if (settled.outcome === "done" || settled.outcome === "parked") {
    const next = await leave(state, job, held);
    if (settled.outcome === "parked") aside(state, settled.onLeft());
    return next;
  }
  const delayMs = settled.outcome === "again" ? settled.delayMs : unknownKindDelayMs(job.attemptsStarted);
  await job.moveToDelayed(Date.now() + delayMs, held.token);
  return undefined;
};

const runOne = async (state: LaneState, job: Job, token: string): Promise<Job | undefined> => {
  const held: Held = { id: job.id ?? "", token, abort: new AbortController(), isLost: false };
  hold(state, held);
  try {
    return await settle(state, job, held);
  } catch (error) {
    // The lock ran out between two renewals, or Redis was away: whoever has the job now settles it with the queue.
    state.log.info(
      { reason: String(error), job_id: held.id },
      "A job was not handed back: the queue gives it out anew",
    );
    return undefined;
  } finally {
    letGo(state, held);
  }
};

const runOn = async (state: LaneState, first: Job, token: string): Promise<void> => {
  let job: Job | undefined = first;
  while (job !== undefined) job = await runOne(state, job, token);
  state.slots.give(state.queue);
};

const claim = async (state: LaneState, token: string, block: boolean): Promise<Job | undefined> => {
  try {
    return await state.worker.getNextJob(token, { block });
  } catch (error) {
    if (!state.stop.signal.aborted) state.log.warn({ err: error, queue: state.queue }, "The queue cannot be read");
    await pauseFor(500, state.stop.signal);
    return undefined;
  }
};

const putBack = async (state: LaneState, job: Job, token: string): Promise<void> => {
  try {
    await job.moveToWait(token);
  } catch (error) {
    state.log.warn({ err: error, job_id: job.id }, "A claimed job without a slot comes back when its lock runs out");
  }
};

/** A slot may be lost to the other queue between look and claim; another worker may have one sooner than this. */
const inHandMs = 250;

/** Whether there was a job. */
const begin = async (state: LaneState, block: boolean): Promise<boolean> => {
  const token = randomUUID();
  const job = await claim(state, token, block);
  if (job === undefined) return false;
  if (state.stop.signal.aborted || !(await state.slots.take(state.queue, inHandMs))) {
    await putBack(state, job, token);
    return true;
  }
  const run: Promise<void> = runOn(state, job, token).finally(() => state.running.delete(run));
  state.running.add(run);
  return true;
};

/** As many looks at once as found something in a row: a crowd fills the slots in a few rounds. */
const feed = async (state: LaneState): Promise<void> => {
  const { stop, slots, queue } = state;
  let inARow = 0;
  while (!stop.signal.aborted && (await slots.open(queue))) {
    const looks = Math.max(1, Math.min(inARow, slots.free(queue)));
    const found = await Promise.all(Array.from({ length: looks }, () => begin(state, looks === 1)));
    inARow = found.every(Boolean) ? inARow + looks : 0;
  }
};

/** One message renews the locks of everything this lane holds; a lock that another worker has aborts its job. */
const renew = async (state: LaneState): Promise<void> => {
  const held = [...state.held.values()];
  if (held.length === 0) return;
  const ids = held.map(({ id }) => id);
  const lost = await state.worker.extendJobLocks(
    ids,
    held.map(({ token }) => token),
    state.lockMs,
  );
  for (const one of held) {
    if (!lost.includes(one.id) || state.held.get(one.id) !== one) continue;
    lose(one);
  }
};

/** Starts claiming at once. The worker must be made without a processor. */
export const openLane = (options: LaneOptions): Lane => {
  const state: LaneState = { ...options, held: new Map(), stop: new AbortController(), running: new Set() };
  const { worker, log, queue } = state;
  worker.on("error", (error) => log.debug({ err: error, queue }, "The queue's connection reports an error"));
  const watchStalled = worker.waitUntilReady().then(() => worker.startStalledCheckTimer());
  watchStalled.catch((error: unknown) => log.warn({ err: error, queue }, "Lost workers' jobs cannot be looked for"));
  const timer = setInterval(() => {
    renew(state).catch((error: unknown) => log.warn({ err: error, queue }, "Locks could not be renewed"));
  }, state.lockMs / 3);
  const feeding = feed(state);
  return {
    pause: async () => {
      if (state.stop.signal.aborted) return;
      state.stop.abort();
      await worker.pause(true);
      // Ends a blocking read at once; without a connection there is none to end.
      worker
        .getBackend()
        .disconnectBlocking(false)
        .catch(() => undefined);
    },
    idle: async () => {
      await feeding;
      while (state.running.size > 0) await Promise.allSettled(state.running);
    },
    abortAll: () => {
      for (const { abort } of state.held.values()) abort.abort();
    },
    close: async () => {
      clearInterval(timer);
      await worker.close(true);
    },
  };
};
