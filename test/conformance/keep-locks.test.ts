/** A worker keeps the locks of what it runs, and stops what lost one. */
import { describe, expect, test } from "vitest";
import { appendEvents } from "../../src/live/events.ts";
import type { Job } from "../../src/model/job.ts";
import type { Redis } from "../../src/redis.ts";
import type { Attempt } from "../../src/workers/attempt.ts";
import { keepLocks } from "../../src/workers/housekeeping.ts";
import { acquire } from "../kit/lock-calls.ts";
import { target } from "../kit/lock-needs.ts";
import { hasRedis } from "../kit/redis.ts";
import { useRedis } from "../kit/use-redis.ts";

const lockTtlMs = 60_000;

/** As much of an attempt as this looks at. */
const attemptAt = (id: string, vm: number, stopReason: "lost" | "cancel" | null = null) => {
  const stopped: string[] = [];
  const job = { id, locks: target(vm) } as unknown as Job;
  const stop = (reason: string): void => void stopped.push(reason);
  return { attempt: { job, stop, stopReason } as unknown as Attempt, stopped };
};

describe.skipIf(!hasRedis)("a worker that runs many jobs", () => {
  let redis: Redis;
  useRedis((used) => {
    ({ redis } = used);
  });
  const take = (jobId: string, vm: number, ttlMs: number) =>
    acquire(redis, { jobId, attempt: 1, locks: target(vm), admission: vm, ttlMs });
  const leftMs = (vm: number): Promise<number> => redis.pttl(`sw:lock:x:${target(vm)[0]?.name}`);

  test("keeps the locks of all of them, and stops the one whose lock another job has", async () => {
    const [kept, lost, free] = [attemptAt("kept", 1), attemptAt("lost", 2), attemptAt("free", 3)];
    await take("kept", 1, 10_000);
    await take("thief", 2, 10_000);
    const running = new Map([kept, lost, free].map(({ attempt }) => [attempt.job.id, attempt]));
    await keepLocks({ redis, running, lockTtlMs });
    expect([kept.stopped, lost.stopped, free.stopped]).toEqual([[], ["lost"], []]);
    expect(await leftMs(1)).toBeGreaterThan(50_000);
    expect(await leftMs(2)).toBeLessThanOrEqual(10_000);
    expect(await leftMs(3)).toBeGreaterThan(50_000);
  });

  test("takes no lock again for what it lost, nor for what is over elsewhere", async () => {
    const [lost, ended, cancelled] = [
      attemptAt("lost", 1, "lost"),
      attemptAt("ended", 2),
      attemptAt("going", 3, "cancel"),
    ];
    await appendEvents(redis, [
      { jobId: "ended", attempt: 2, facts: { kind: "k" }, events: [], done: { seq: 1, data: {} } },
    ]);
    const running = new Map([lost, ended, cancelled].map(({ attempt }) => [attempt.job.id, attempt]));
    await keepLocks({ redis, running, lockTtlMs });
    expect([await leftMs(1), await leftMs(2)]).toEqual([-2, -2]);
    expect(await leftMs(3)).toBeGreaterThan(50_000);
    expect(ended.stopped).toEqual(["lost"]);
  });

  test("is done when those that ran have been looked at, however many begin meanwhile", async () => {
    await take("running", 1, 10_000);
    await take("begun", 2, 10_000);
    const running = new Map([["running", attemptAt("running", 1).attempt]]);
    const pass = keepLocks({ redis, running, lockTtlMs });
    running.set("begun", attemptAt("begun", 2).attempt);
    await pass;
    expect(await leftMs(1)).toBeGreaterThan(50_000);
    expect(await leftMs(2)).toBeLessThanOrEqual(10_000);
  });
});
