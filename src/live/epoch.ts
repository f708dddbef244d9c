/** The epoch: a mark in Redis whose absence shows that Redis lost its memory. */
import type { Redis } from "../redis.ts";

export const epochKey = "sw:epoch";

/** Undefined in an empty Redis. */
export const readEpoch = async (redis: Redis): Promise<string | undefined> => (await redis.get(epochKey)) ?? undefined;

export const writeEpoch = async (redis: Redis, id: string): Promise<void> => {
  await redis.set(epochKey, id);
};
