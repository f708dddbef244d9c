/** One private Redis for a block of tests: started before them, emptied before each, gone after them. */
import { afterAll, beforeAll, beforeEach } from "vitest";
import { connectRedis, type Redis, untilReady } from "../../src/redis.ts";
import { startTestRedis, type TestRedis } from "./redis.ts";

export interface UsedRedis {
  readonly server: TestRedis;
  readonly redis: Redis;
}

/** Hands the server over when it is there. What is put into `closing` is closed before the next test. */
export const useRedis = (give: (used: UsedRedis) => void): { readonly closing: (() => Promise<void> | void)[] } => {
  const closing: (() => Promise<void> | void)[] = [];
  let used: UsedRedis | undefined;
  const closeAll = async (): Promise<void> => {
    for (const close of closing.splice(0)) await close();
  };
  beforeAll(async () => {
    const server = await startTestRedis();
    const redis = connectRedis(server.url, { role: "producer" });
    await untilReady(redis, 5000);
    used = { server, redis };
    give(used);
  });
  beforeEach(async () => {
    await closeAll();
    await used?.redis.flushall();
  });
  afterAll(async () => {
    await closeAll();
    used?.redis.disconnect();
    await used?.server.stop();
  });
  return { closing };
};
