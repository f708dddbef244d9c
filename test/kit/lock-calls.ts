/** Calls to the locks as their suites make them: people's jobs, and ids for those who are woken. */
import * as locks from "../../src/live/locks.ts";
import type { LockNeed } from "../../src/model/job.ts";
import type { Redis } from "../../src/redis.ts";

const queue = "interactive";
const idsOf = async (woken: Promise<readonly locks.Woken[]>): Promise<string[]> => (await woken).map(({ id }) => id);

export interface Expected {
  readonly id: string;
  readonly admission: number;
  readonly locks: readonly LockNeed[];
}

export const acquire = (redis: Redis, request: Omit<locks.AcquireRequest, "queue">) =>
  locks.acquire(redis, { ...request, queue });

/** Gives the ids of those that stand in line. */
export const expectJobs = async (redis: Redis, jobs: readonly Expected[]): Promise<string[]> => [
  ...(await locks.expectJobs(
    redis,
    jobs.map((job) => ({ ...job, queue })),
  )),
];

export const release = (...args: Parameters<typeof locks.release>) => idsOf(locks.release(...args));
export const forget = (...args: Parameters<typeof locks.forget>) => idsOf(locks.forget(...args));
export const sweepLines = (...args: Parameters<typeof locks.sweepLines>) => idsOf(locks.sweepLines(...args));

/** Whether one job still has all that it held. */
export const renew = async (redis: Redis, id: string, needs: readonly LockNeed[], ttlMs: number): Promise<boolean> =>
  (await locks.renew(redis, [{ id, locks: needs }], ttlMs)).size === 0;
