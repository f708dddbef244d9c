/** What a worker does beside its jobs: keeps their locks, hears cancels, writes progress and spills events. */
import { renew } from "../live/locks.ts";
import { cancelledAmong, runningJobs, setProgress, spillEvents } from "../store/jobs.ts";
import type { Attempt } from "./attempt.ts";
import type { ProcessDeps } from "./process-deps.ts";

type OrphanDeps = Pick<ProcessDeps, "store" | "running" | "log" | "tail" | "workerId">;

/**
 * Finds what the store says this worker runs and it does not: an attempt that was lost and could not be given back, for
 * the disk was full or Redis away. Nobody else takes a job of a living worker. What is seen twice goes to the queue again;
 * there it is left alone while somebody holds it.
 */
export const createOrphanSearch = ({ store, running, log, tail, workerId }: OrphanDeps): (() => Promise<void>) => {
  let seen: ReadonlySet<string> = new Set();
  return async () => {
    const rows = await store.read(() => runningJobs({ workerId, limit: mostOrphans }));
    const orphans = rows.filter(({ id }) => !running.has(id));
    const again = orphans.filter(({ id }) => seen.has(id)).map(({ id, queue }) => ({ id, queue }));
    seen = new Set(orphans.map(({ id }) => id));
    if (again.length === 0) return;
    log.warn({ jobs: again.map(({ id }) => id) }, "Jobs that nobody runs go to the queue again");
    await tail.queue.remove(again);
    await tail.queue.add(again);
  };
};

type Deps = Pick<ProcessDeps, "store" | "redis" | "running" | "lockTtlMs" | "log">;

const mostOrphans = 500;

/** Read again at each renewal, so that a lost message costs seconds and not the cancel. */
export const hearCancels = async ({ store, running }: Deps): Promise<void> => {
  if (running.size === 0) return;
  for (const id of await store.read(() => cancelledAmong([...running.keys()]))) running.get(id)?.stop("cancel");
};

/**
 * Those that run now, in one message: whoever begins meanwhile has just taken its locks, and what this worker lost may be
 * over elsewhere.
 */
export const keepLocks = async ({ redis, running, lockTtlMs }: Omit<Deps, "store" | "log">): Promise<void> => {
  const holders = [...running.values()].filter(({ stopReason }) => stopReason !== "lost").map(({ job }) => job);
  for (const id of await renew(redis, holders, lockTtlMs)) running.get(id)?.stop("lost");
};

const writeDown = async ({ store }: Deps, attempt: Attempt): Promise<void> => {
  const { id, attempt: number } = attempt.job;
  const progress = attempt.unwrittenProgress;
  attempt.unwrittenProgress = null;
  const events = attempt.emitter.unspilled.take();
  if (progress === null && events.length === 0) return;
  try {
    const isOurs = await store.write(function* () {
      if (progress !== null) yield* setProgress({ id, attempt: number, progress });
      return events.length === 0 || (yield* spillEvents({ id, attempt: number, events }));
    });
    if (!isOurs) attempt.stop("lost");
  } catch (error) {
    attempt.emitter.unspilled.putBack(events);
    throw error;
  }
};

/** Long jobs only: what is young settles soon and takes its events along. */
export const spillLongJobs = async (deps: Deps, isOld: (attempt: Attempt) => boolean): Promise<void> => {
  for (const attempt of [...deps.running.values()].filter(isOld)) await writeDown(deps, attempt);
};
