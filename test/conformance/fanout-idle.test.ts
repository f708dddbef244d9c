/** The stream over everything while nobody listens to it: a little of it is read, and nothing is lost for who begins to. */
import { describe, expect, test } from "vitest";
import { type FanoutEntry, openFanout } from "../../src/live/fanout.ts";
import { silentLog } from "../../src/log.ts";
import type { Redis } from "../../src/redis.ts";
import { appendTo, event, lines } from "../kit/new-event.ts";
import { hasRedis } from "../kit/redis.ts";
import { until } from "../kit/system.ts";
import { useRedis } from "../kit/use-redis.ts";

describe.skipIf(!hasRedis)("events over everything, while nobody listens", () => {
  let redis: Redis;
  const { closing } = useRedis((used) => {
    redis = used.redis;
  });
  const follow = async () => {
    const fanout = openFanout(redis, silentLog);
    closing.push(() => fanout.close());
    const sampled: FanoutEntry[] = [];
    fanout.sample((entry) => sampled.push(entry));
    await fanout.ready;
    return { fanout, sampled };
  };

  /** Appends so many, one by one; `last` is the number of the one that is appended or under way. */
  const appending = (count: number) => {
    const progress = { last: 0, ended: Promise.resolve() };
    const write = async (): Promise<void> => {
      while (progress.last < count) {
        progress.last += 1;
        await appendTo(redis, "a", [event("one")], progress.last);
      }
    };
    progress.ended = write();
    return progress;
  };

  test("are all heard from the moment in which somebody listens, however often listeners come and go", async () => {
    const { fanout } = await follow();
    const count = 600;
    const progress = appending(count);
    const listen = async (how: "subscribe" | "overhear"): Promise<void> => {
      const first = progress.last + 1;
      const numbers: number[] = [];
      const stop = fanout[how](({ seq = 0 }) => numbers.push(seq));
      await until(() => (numbers.at(-1) ?? 0) >= first || undefined, "what is appended from now on");
      stop();
      expect(numbers[0]).toBeLessThanOrEqual(first);
      expect(numbers).toEqual(numbers.map((_, index) => (numbers[0] ?? 0) + index));
    };
    while (progress.last < count - 100) {
      await listen("subscribe");
      const next = Math.min(progress.last + 8, count);
      await until(() => progress.last >= next || undefined, "what nobody hears");
      if (progress.last < count - 100) await listen("overhear");
    }
    await progress.ended;
  }, 60_000);

  test("are heard by who begins to listen in the moment in which the others are passed over", async () => {
    const looks = { isHeld: false, held: [] as (() => void)[] };
    const duplicate = redis.duplicate.bind(redis);
    redis.duplicate = (options) => {
      const reader = duplicate(options);
      const look = reader.xrevrange.bind(reader) as (...args: unknown[]) => Promise<never>;
      reader.xrevrange = async (...args: unknown[]) => {
        if (looks.isHeld) await new Promise<void>((resolve) => looks.held.push(resolve));
        return look(...args);
      };
      return reader;
    };
    const { fanout, sampled } = await follow();
    looks.isHeld = true;
    await until(async () => {
      await appendTo(redis, "a", lines(1));
      return looks.held.length > 0 || undefined;
    }, "the look for the newest entry");
    const heard: string[] = [];
    fanout.subscribe(({ jobId = "" }) => heard.push(jobId));
    await appendTo(redis, "b", lines(1));
    looks.isHeld = false;
    for (const go of looks.held) go();
    await until(() => sampled.at(-1)?.jobId === "b" || heard.includes("b") || undefined, "the entry", 5_000);
    expect(heard).toContain("b");
  });

  test("are passed over, but for one now and then", async () => {
    const { fanout, sampled } = await follow();
    for (let first = 1; first < 2_000; first += 100) await appendTo(redis, "a", lines(100), first);
    const before = sampled.length;
    expect(before).toBeLessThan(200);
    await until(async () => {
      await appendTo(redis, "b", lines(1));
      return sampled.length > before || undefined;
    }, "a sample");
    expect(fanout.lastId()).toBe(sampled.at(-1)?.id);
  });
});
