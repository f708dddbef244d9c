/** The kept lines of a log, against a real Redis that comes and goes. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { openRecentLog, recentLines } from "../../src/live/recent-log.ts";
import { connectRedis, isUp, type Redis, untilReady } from "../../src/redis.ts";
import { hasRedis, startTestRedis, type TestRedis } from "../kit/redis.ts";

const most = 500;
const line = (at: number, words = "a warning"): string =>
  `${JSON.stringify({ level: 40, time: new Date(at).toISOString(), msg: words })}\n`;
const timesOf = (lines: readonly string[]): number[] => lines.map((text) => Date.parse(JSON.parse(text).time));

describe.skipIf(!hasRedis)("the recent log", () => {
  let server: TestRedis;
  let redis: Redis;
  beforeEach(async () => {
    server = await startTestRedis();
    redis = connectRedis(server.url, { role: "producer" });
    await untilReady(redis, 5_000);
  });
  afterEach(async () => {
    redis.disconnect();
    await server.stop();
  });

  const untilKept = (count: number) =>
    vi.waitFor(async () => expect(await recentLines(redis)).toHaveLength(count), 5_000);

  it("holds what was said before there was a Redis, and while it was away", async () => {
    const log = openRecentLog();
    log.keep(line(1));
    log.handTo(redis);
    log.keep(line(2));
    await untilKept(2);
    await server.kill();
    await vi.waitFor(() => expect(isUp(redis)).toBe(false));
    log.keep(line(3));
    log.keep(line(4));
    await server.restart();
    await untilReady(redis, 5_000);
    await untilKept(4);
    expect(await recentLines(redis)).toEqual([1, 2, 3, 4].map((at) => line(at)));
  });

  it("holds what Redis refused: it comes with the next line", async () => {
    const log = openRecentLog();
    log.handTo(redis);
    await redis.config("SET", "maxmemory", "1");
    const before = Number(/total_error_replies:(\d+)/.exec(await redis.info("stats"))?.[1]);
    log.keep(line(1));
    await vi.waitFor(async () => {
      const refused = Number(/total_error_replies:(\d+)/.exec(await redis.info("stats"))?.[1]);
      expect(refused).toBeGreaterThan(before);
    });
    await redis.config("SET", "maxmemory", "0");
    log.keep(line(2));
    await untilKept(2);
    expect(timesOf(await recentLines(redis))).toEqual([1, 2]);
  });

  it("keeps the latest 500, in this process as in Redis, and of a very long one its beginning", async () => {
    const log = openRecentLog();
    for (let at = 1; at <= most + 100; at += 1) log.keep(line(at));
    log.handTo(redis);
    await untilKept(most);
    expect(timesOf(await recentLines(redis))).toEqual(Array.from({ length: most }, (_, index) => index + 101));
    log.keep(line(most + 101, "x".repeat(100_000)));
    await vi.waitFor(async () => expect((await recentLines(redis)).at(-1)).toHaveLength(8_192));
    expect(timesOf((await recentLines(redis)).slice(0, 1))).toEqual([102]);
  });

  it("shows lines of several processes in the order of their times, whoever was late, and each once", async () => {
    const [one, other] = [openRecentLog(), openRecentLog()];
    one.keep(line(2));
    other.keep(line(1));
    other.keep(line(3));
    other.keep(line(3));
    one.handTo(redis);
    await untilKept(1);
    const release = other.handTo(redis);
    await untilKept(3);
    expect(timesOf(await recentLines(redis))).toEqual([1, 2, 3]);
    release();
    other.keep(line(4));
    one.keep(line(5));
    await untilKept(4);
    expect(timesOf(await recentLines(redis))).toEqual([1, 2, 3, 5]);
  });
});
