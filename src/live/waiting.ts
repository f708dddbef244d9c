/** What queued jobs wait for, for those who ask. */
import type { Redis } from "../redis.ts";
import { heldBy } from "./locks.ts";

export interface Waiting {
  readonly kind: "lock";
  readonly lock: string;
  /** The job that holds it now; absent when nobody does and the job's turn has not come. */
  readonly heldBy?: string;
}

/** What those of the jobs wait for that stand in a line. */
export const waitingOf = async (redis: Redis, jobIds: readonly string[]): Promise<Record<string, Waiting>> => {
  if (jobIds.length === 0) return {};
  const pipeline = redis.pipeline();
  for (const id of jobIds) pipeline.hmget(`sw:waiter:${id}`, "lock", "owner");
  const replies = (await pipeline.exec()) ?? [];
  const found = jobIds.flatMap((id, index) => {
    const [lock, owner] = (replies[index]?.[1] ?? []) as (string | null)[];
    return lock ? [{ id, lock, owner }] : [];
  });
  const owners = await heldBy(redis, [...new Set(found.map(({ lock }) => lock))]);
  return Object.fromEntries(
    found.map(({ id, lock, owner }) => {
      // The recorded owner may have gone on; who holds it now may be the job itself, about to wake.
      const holder = owners[lock] === id ? undefined : (owners[lock] ?? owner ?? undefined);
      return [id, { kind: "lock", lock, ...(holder ? { heldBy: holder } : {}) } satisfies Waiting];
    }),
  );
};
