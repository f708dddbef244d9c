/** What BullMQ's side must survive: lost workers, a restarted Redis, a lost lock, and years of use without growing. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { silentLog } from "../../src/log.ts";
import { consume, openQueue } from "../../src/queue/bullmq.ts";
import type { Consume, JobConsumer, JobQueue } from "../../src/queue/queue.ts";
import { connectRedis } from "../../src/redis.ts";
import { hasRedis, startTestRedis, type TestRedis } from "../kit/redis.ts";

const holder = new URL("../kit/hold-job.ts", import.meta.url).pathname;
const prefix = "sw-q";

describe.skipIf(!hasRedis)("the queue after a mishap", () => {
  let redis: TestRedis;
  let queue: JobQueue;
  const consumers: JobConsumer[] = [];
  const children: ChildProcess[] = [];
  const start = (handler: Consume, concurrency = 4): JobConsumer => {
    const options = { redisUrl: redis.url, prefix, concurrency, backgroundShare: 0.75, log: silentLog };
    const consumer = consume(options, handler);
    consumers.push(consumer);
    return consumer;
  };

  beforeEach(async () => {
    redis = await startTestRedis();
    queue = openQueue({ redisUrl: redis.url, prefix });
    await vi.waitFor(() => expect(queue.isUp()).toBe(true));
  });
  afterEach(async () => {
    for (const child of children.splice(0)) child.kill("SIGKILL");
    await Promise.all(consumers.splice(0).map((consumer) => consumer.close(0)));
    await queue.close();
    await redis.stop();
  });

  it("gives a killed worker's job to another one within 8 seconds, as often as it takes", async () => {
    await queue.add([{ id: "job_1", queue: "interactive" }]);
    for (let kill = 0; kill < 2; kill += 1) {
      const child = spawn(process.execPath, [holder, redis.url, prefix], { stdio: ["ignore", "pipe", "inherit"] });
      children.push(child);
      await once(child.stdout!, "data");
      child.kill("SIGKILL");
    }
    const killedAt = performance.now();
    const seen: string[] = [];
    start(async (id) => {
      seen.push(id);
      return { outcome: "done" };
    });
    await vi.waitFor(() => expect(seen).toEqual(["job_1"]), { timeout: 10_000 });
    expect(performance.now() - killedAt).toBeLessThan(8_000);
  });

  it("goes on after Redis was killed and started again, and runs every job", async () => {
    const seen = new Set<string>();
    start(async (id) => {
      seen.add(id);
      return { outcome: "done" };
    });
    await queue.add([{ id: "job_1", queue: "interactive" }]);
    await vi.waitFor(() => expect(seen.size).toBe(1));
    await redis.kill();
    await vi.waitFor(() => expect(queue.isUp()).toBe(false));
    await expect(queue.add([{ id: "job_2", queue: "interactive" }])).rejects.toMatchObject({
      code: "queue_unavailable",
    });
    await redis.restart();
    await vi.waitFor(() => expect(queue.isUp()).toBe(true), { timeout: 10_000 });
    await queue.add([{ id: "job_3", queue: "interactive" }]);
    await vi.waitFor(() => expect(seen.has("job_3")).toBe(true), { timeout: 15_000 });
  });

  it("closes in a few seconds while Redis is away", async () => {
    const consumer = start(async () => ({ outcome: "done" }));
    await queue.add([{ id: "job_1", queue: "interactive" }]);
    await vi.waitFor(async () => expect((await queue.counts()).interactive.waiting).toBe(0));
    await redis.kill();
    const from = performance.now();
    await consumer.close(100);
    expect(performance.now() - from).toBeLessThan(8_000);
  });

  it("tells a job that its lock was lost, and leaves the rest to whoever has it now", async () => {
    const connection = connectRedis(redis.url);
    const outcomes: string[] = [];
    await queue.add([{ id: "job_1", queue: "interactive" }]);
    start(async (id, signal) => {
      if (outcomes.length > 0) {
        outcomes.push(`again ${id}`);
        return { outcome: "done" };
      }
      outcomes.push("started");
      await connection.del(`${prefix}:interactive:${id}:lock`);
      await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
      outcomes.push("lost");
      return { outcome: "done" };
    });
    await vi.waitFor(() => expect(outcomes.toSorted()).toEqual(["again job_1", "lost", "started"]), {
      timeout: 15_000,
    });
    await vi.waitFor(async () =>
      expect((await queue.counts()).interactive).toEqual({ waiting: 0, active: 0, delayed: 0 }),
    );
    connection.disconnect();
  });

  it("tells a worker that another one has its job", async () => {
    const connection = connectRedis(redis.url);
    const heard: string[] = [];
    await queue.add([{ id: "job_1", queue: "interactive" }]);
    const handler =
      (name: string): Consume =>
      async (_id, signal) => {
        heard.push(`${name} has it`);
        if (heard.length > 1) return { outcome: "done" };
        await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
        heard.push(`${name} lost it`);
        return { outcome: "done" };
      };
    start(handler("one"), 1);
    await vi.waitFor(() => expect(heard).toEqual(["one has it"]));
    await connection.set(`${prefix}:interactive:job_1:lock`, "another worker", "PX", 60_000);
    await vi.waitFor(() => expect(heard).toEqual(["one has it", "one lost it"]), { timeout: 10_000 });
    connection.disconnect();
  });

  it("keeps nothing of a job that is done", async () => {
    const connection = connectRedis(redis.url);
    let done = 0;
    start(async () => {
      done += 1;
      return { outcome: "done" };
    }, 16);
    for (let batch = 0; batch < 10; batch += 1) {
      const ids = Array.from({ length: 200 }, (_, index) => `job_${batch}x${index}`);
      await queue.add(ids.map((id) => ({ id, queue: "interactive" as const })));
    }
    await vi.waitFor(() => expect(done).toBe(2_000), { timeout: 20_000 });
    await vi.waitFor(async () => expect((await queue.counts()).interactive.active).toBe(0));
    expect((await connection.keys(`${prefix}:interactive:*`)).filter((key) => key.includes("job_"))).toEqual([]);
    await vi.waitFor(async () => expect(await connection.xlen(`${prefix}:interactive:events`)).toBeLessThan(500), {
      timeout: 5_000,
    });
    connection.disconnect();
  });
});
