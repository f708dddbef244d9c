/** Takes the locks of jobs that came in the same turn of the loop in the order of their admission. */
import { acquire } from "../live/locks.ts";
import type { Job } from "../model/job.ts";
import type { Redis } from "../redis.ts";

export interface LockTurn {
  /** Whether the job has all its locks now; else it stands in their lines. */
  take(job: Job): Promise<boolean>;
}

interface Asking {
  readonly job: Job;
  readonly resolve: (got: Promise<boolean>) => void;
}

/** Jobs reach this point on ways of different length: without an order a later one could come first to a free lock. */
export const createLockTurn = (deps: {
  readonly redis: Redis;
  readonly ttlMs: number;
  readonly metrics?: { lockWaited(kind: string, seconds: number): void };
}): LockTurn => {
  let asking: Asking[] = [];
  const ask = async ({ id, kind, attempt, locks, admission, queue }: Job): Promise<boolean> => {
    const request = { jobId: id, attempt: attempt + 1, locks, admission, queue, ttlMs: deps.ttlMs };
    const answer = await acquire(deps.redis, request);
    if (answer.got && answer.waitedMs !== undefined) deps.metrics?.lockWaited(kind, answer.waitedMs / 1000);
    return answer.got;
  };
  const flush = (): void => {
    const due = asking.toSorted((one, other) => one.job.admission - other.job.admission);
    asking = [];
    for (const { job, resolve } of due) resolve(ask(job));
  };
  return {
    take: (job) =>
      new Promise<boolean>((resolve) => {
        if (asking.length === 0) setImmediate(flush);
        asking.push({ job, resolve });
      }),
  };
};
