/** Which workers live: each says so again and again, and is gone when it stops. */
import type { Redis } from "../redis.ts";

export interface WorkerFacts {
  readonly host: string;
  /** Sandbox level of that machine. */
  readonly level: string;
  /** Why it is that one, for a person. */
  readonly levelReason?: string;
  /** Milliseconds since 1970. */
  readonly startedAt: number;
}
export interface LiveWorker extends WorkerFacts {
  readonly id: string;
}

const index = "sw:workers";
const key = (workerId: string): string => `sw:worker:${workerId}`;

export const renewLease = async (
  redis: Redis,
  workerId: string,
  ttlMs: number,
  { host, level, levelReason, startedAt }: WorkerFacts,
): Promise<void> => {
  const facts = JSON.stringify({ host, level, levelReason, startedAt });
  await redis.multi().set(key(workerId), facts, "PX", ttlMs).sadd(index, workerId).exec();
};

export const dropLease = async (redis: Redis, workerId: string): Promise<void> => {
  await redis.multi().del(key(workerId)).srem(index, workerId).exec();
};

/** The workers whose lease holds, oldest first. */
export const liveWorkers = async (redis: Redis): Promise<LiveWorker[]> => {
  const ids = await redis.smembers(index);
  if (ids.length === 0) return [];
  const facts = await redis.mget(ids.map(key));
  const ended = ids.filter((_, position) => facts[position] === null);
  if (ended.length > 0) await redis.srem(index, ...ended);
  return ids
    .flatMap((id, position) => {
      const text = facts[position];
      return text ? [{ id, ...(JSON.parse(text) as WorkerFacts) }] : [];
    })
    .sort((a, b) => a.startedAt - b.startedAt);
};
