/** The latest warnings and errors of all processes, so that one place can show them together. */
import type { Redis } from "../redis.ts";

const key = "sw:log";
const kept = 500;
const longest = 8_192;
const ttlMs = 7 * 24 * 3_600_000;

/** Keeps one line of a log; the oldest one makes room. */
export const keepLine = async (redis: Redis, line: string): Promise<void> => {
  await redis
    .multi()
    .lpush(key, line.slice(0, longest))
    .ltrim(key, 0, kept - 1)
    .pexpire(key, ttlMs)
    .exec();
};

/** The kept lines, oldest first. */
export const recentLines = async (redis: Redis): Promise<string[]> => (await redis.lrange(key, 0, -1)).reverse();
