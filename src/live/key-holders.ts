/** Which processes live and which master key each of them has: each says so again and again, and is gone when it stops. */
import type { Redis } from "../redis.ts";

export interface KeyHolder {
  readonly processId: string;
  readonly host: string;
  readonly role: string;
  /** The key that it would start with again: that of its file or setting. */
  readonly startsWith: string;
  /** The key it seals with now. */
  readonly seals: string;
  /** The keys it opens with. */
  readonly knows: readonly string[];
  /** Why it could not take over a new key; null when nothing is wrong. */
  readonly problem: string | null;
}

const index = "sw:keys";
const key = (processId: string): string => `sw:key:${processId}`;

export const showKeyHolder = async (redis: Redis, holder: KeyHolder, ttlMs: number): Promise<void> => {
  const { processId } = holder;
  await redis.multi().set(key(processId), JSON.stringify(holder), "PX", ttlMs).sadd(index, processId).exec();
};

export const dropKeyHolder = async (redis: Redis, processId: string): Promise<void> => {
  await redis.multi().del(key(processId)).srem(index, processId).exec();
};

/** Every process that said so lately. */
export const keyHolders = async (redis: Redis): Promise<KeyHolder[]> => {
  const ids = await redis.smembers(index);
  if (ids.length === 0) return [];
  const texts = await redis.mget(ids.map(key));
  const ended = ids.filter((_, position) => texts[position] === null);
  if (ended.length > 0) await redis.srem(index, ...ended);
  return texts.flatMap((text) => (text === null ? [] : [JSON.parse(text) as KeyHolder]));
};
