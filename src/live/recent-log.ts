/** The latest warnings and errors of all processes, so that one place can show them together. */
import { isUp, onReady, type Redis } from "../redis.ts";

const key = "sw:log";
const kept = 500;
const longest = 8_192;
const ttlMs = 7 * 24 * 3_600_000;

/** Takes lines at any time, and hands them over when Redis is there. */
export interface RecentLog {
  /** Keeps one line of a log; the oldest one makes room. */
  keep(line: string): void;
  /** From now on lines go to this Redis, those first that came before. Answers how to stop. */
  handTo(redis: Redis): () => void;
}

const handOver = async (redis: Redis, lines: readonly string[]): Promise<void> => {
  await redis
    .multi()
    .lpush(key, ...lines)
    .ltrim(key, 0, kept - 1)
    .pexpire(key, ttlMs)
    .exec();
};

/** What is said while Redis is away is what a reader wants to know most: it waits here, within the same bound. */
export const openRecentLog = (): RecentLog => {
  let waiting: string[] = [];
  let target: Redis | undefined;
  let isBusy = false;

  const deliver = async (): Promise<void> => {
    if (isBusy) return;
    isBusy = true;
    try {
      while (target !== undefined && isUp(target) && waiting.length > 0) {
        const lines = waiting.splice(0);
        await handOver(target, lines).catch((error: unknown) => {
          waiting = [...lines, ...waiting].slice(-kept);
          throw error;
        });
      }
    } catch {
      // They go with the next line, or with the next connection.
    } finally {
      isBusy = false;
    }
  };

  return {
    keep(line) {
      waiting.push(line.slice(0, longest));
      if (waiting.length > kept) waiting.shift();
      void deliver();
    },
    handTo(redis) {
      target = redis;
      const stop = onReady(redis, () => void deliver());
      return () => {
        stop();
        target = undefined;
      };
    },
  };
};

/** Lines are cut, so that not each of them is JSON still. */
const timeOf = (line: string): string => /"time":"([^"]+)"/.exec(line)?.[1] ?? "";

/** The kept lines, oldest first. One that came late stands where it belongs, one that was handed over again stands once. */
export const recentLines = async (redis: Redis): Promise<string[]> => {
  const lines = (await redis.lrange(key, 0, -1)).reverse().map((line) => ({ line, time: timeOf(line) }));
  lines.sort((one, other) => (one.time < other.time ? -1 : Number(one.time > other.time)));
  return [...new Set(lines.map(({ line }) => line))];
};
