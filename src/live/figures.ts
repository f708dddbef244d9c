/** The processes' figures, so that one place can show them all: each process puts its own, and they end with it. */
import type { Redis } from "../redis.ts";

const index = "sw:figures";
const key = (processId: string): string => `sw:figures:${processId}`;

/** @param figures what the metrics of that process are, as JSON text. */
export const putFigures = async (
  redis: Redis,
  processId: string,
  { figures, ttlMs }: { readonly figures: string; readonly ttlMs: number },
): Promise<void> => {
  await redis.multi().set(key(processId), figures, "PX", ttlMs).sadd(index, processId).exec();
};

/** What every living process put last; one's own need not be read back. */
export const allFigures = async (redis: Redis, but?: string): Promise<string[]> => {
  const ids = (await redis.smembers(index)).filter((id) => id !== but);
  if (ids.length === 0) return [];
  const texts = await redis.mget(ids.map(key));
  const ended = ids.filter((_, position) => texts[position] === null);
  if (ended.length > 0) await redis.srem(index, ...ended);
  return texts.filter((text) => text !== null);
};
