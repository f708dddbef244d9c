/** What every queue must keep: the inline twin and BullMQ on a real Redis go through the same suite. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { silentLog } from "../../src/log.ts";
import { consume, openQueue } from "../../src/queue/bullmq.ts";
import { inlineQueue } from "../../src/queue/inline.ts";
import type { Consume, JobConsumer, JobQueue, QueuedJob } from "../../src/queue/queue.ts";
import { hasRedis, startTestRedis } from "../kit/redis.ts";

interface Bench {
  readonly queue: JobQueue;
  start(handler: Consume, concurrency?: number): JobConsumer;
  end(): Promise<void>;
}

const inlineBench = async (): Promise<Bench> => {
  const queue = inlineQueue();
  const consumers: JobConsumer[] = [];
  return {
    queue,
    start: (handler, concurrency = 8) => {
      const consumer = queue.consume({ concurrency, backgroundShare: 0.75 }, handler);
      consumers.push(consumer);
      return consumer;
    },
    end: async () => {
      await Promise.all(consumers.map((consumer) => consumer.close(0)));
      await queue.close();
    },
  };
};

const bullmqBench = async (): Promise<Bench> => {
  const redis = await startTestRedis();
  const address = { redisUrl: redis.url, prefix: "sw-q" };
  const queue = openQueue(address);
  await vi.waitFor(() => expect(queue.isUp()).toBe(true));
  const consumers: JobConsumer[] = [];
  return {
    queue,
    start: (handler, concurrency = 8) => {
      const consumer = consume({ ...address, concurrency, backgroundShare: 0.75, log: silentLog }, handler);
      consumers.push(consumer);
      return consumer;
    },
    end: async () => {
      await Promise.all(consumers.map((consumer) => consumer.close(0)));
      await queue.close();
      await redis.stop();
    },
  };
};

const person = (count: number, from = 0): QueuedJob[] =>
  Array.from({ length: count }, (_, index) => ({ id: `job_${from + index}`, queue: "interactive" }));
const routine = (count: number): QueuedJob[] =>
  Array.from({ length: count }, (_, index) => ({ id: `job_b${index}`, queue: "background" }));
/** A handler that runs until it is let go, and remembers what it saw. */
const holding = () => {
  const seen: string[] = [];
  const release: (() => void)[] = [];
  let isOpen = false;
  const handler: Consume = async (id) => {
    seen.push(id);
    if (!isOpen) await new Promise<void>((resolve) => release.push(resolve));
    return { outcome: "done" };
  };
  const letGo = (): void => {
    isOpen = true;
    for (const resolve of release) resolve();
  };
  return { seen, handler, letGo };
};

const variants: [string, boolean, () => Promise<Bench>][] = [
  ["inline", true, inlineBench],
  ["bullmq", hasRedis, bullmqBench],
];

describe.each(variants)("the %s queue", (_name, isThere, open) => {
  let bench: Bench;
  beforeEach(async (context) => {
    if (!isThere) context.skip("redis-server is not installed");
    bench = await open();
  });
  afterEach(async () => {
    await bench?.end();
  });

  it("hands every job to a consumer once, in the order in which they came", async () => {
    const seen: string[] = [];
    await bench.queue.add(person(50));
    bench.start(async (id) => {
      seen.push(id);
      return { outcome: "done" };
    }, 1);
    await vi.waitFor(() => expect(seen).toHaveLength(50), { timeout: 10_000 });
    expect(seen).toEqual(person(50).map(({ id }) => id));
    await vi.waitFor(async () =>
      expect((await bench.queue.counts()).interactive).toEqual({ waiting: 0, active: 0, delayed: 0 }),
    );
  });

  it("takes a job that comes while consumers wait", async () => {
    const seen: string[] = [];
    bench.start(async (id) => {
      seen.push(id);
      return { outcome: "done" };
    });
    await bench.queue.add(person(1));
    await vi.waitFor(() => expect(seen).toEqual(["job_0"]));
    await bench.queue.add(person(1, 1));
    await vi.waitFor(() => expect(seen).toEqual(["job_0", "job_1"]));
  });

  it("keeps one entry for a job that is added twice", async () => {
    await bench.queue.add(person(1));
    await bench.queue.add(person(1));
    expect((await bench.queue.counts()).interactive.waiting).toBe(1);
  });

  it("never runs more jobs at once than it has slots", async () => {
    let [running, most, done] = [0, 0, 0];
    const full = Promise.withResolvers<void>();
    await bench.queue.add([...person(60), ...routine(60)]);
    bench.start(async () => {
      running += 1;
      most = Math.max(most, running);
      if (running === 4) full.resolve();
      await full.promise;
      running -= 1;
      done += 1;
      return { outcome: "done" };
    }, 4);
    await vi.waitFor(() => expect(done).toBe(120), { timeout: 10_000 });
    expect(most).toBe(4);
  });

  it("leaves a quarter of the slots to people while background work waits", async () => {
    const held = holding();
    await bench.queue.add(routine(20));
    bench.start(held.handler, 8);
    await vi.waitFor(() => expect(held.seen).toHaveLength(6));
    await bench.queue.add(person(10));
    await vi.waitFor(() => expect(held.seen).toHaveLength(8));
    expect(held.seen.slice(6)).toEqual(["job_0", "job_1"]);
    held.letGo();
    await vi.waitFor(() => expect(held.seen).toHaveLength(30), { timeout: 10_000 });
  });

  it("lets people use every slot when there is no background work", async () => {
    const held = holding();
    await bench.queue.add(person(12));
    bench.start(held.handler, 8);
    await vi.waitFor(() => expect(held.seen).toHaveLength(8));
    held.letGo();
    await vi.waitFor(() => expect(held.seen).toHaveLength(12));
  });

  it("lets background work through while people keep every slot busy", async () => {
    const seen: string[] = [];
    await bench.queue.add([...person(200), ...routine(3)]);
    bench.start(async (id) => {
      seen.push(id);
      return { outcome: "done" };
    }, 2);
    await vi.waitFor(() => expect(seen).toHaveLength(203), { timeout: 10_000 });
    expect(seen.lastIndexOf("job_b2")).toBeLessThan(150);
  });

  it("lets a job go that stands in a line, and takes it again when it is added again", async () => {
    const seen: string[] = [];
    const onLeft = vi.fn(async () => undefined);
    await bench.queue.add(person(1));
    const first = bench.start(async (id) => {
      seen.push(id);
      return { outcome: "parked", onLeft };
    }, 1);
    await vi.waitFor(() => expect(onLeft).toHaveBeenCalledOnce());
    expect((await bench.queue.counts()).interactive).toEqual({ waiting: 0, active: 0, delayed: 0 });
    await first.close(1_000);
    await bench.queue.add(person(3, 1));
    await bench.queue.add(person(1));
    bench.start(async (id) => {
      seen.push(id);
      return { outcome: "done" };
    }, 1);
    await vi.waitFor(() => expect(seen).toEqual(["job_0", "job_1", "job_2", "job_3", "job_0"]));
  });

  it("takes a job at once that is woken as soon as it has left", async () => {
    const seen: string[] = [];
    await bench.queue.add(person(1));
    bench.start(async (id) => {
      seen.push(id);
      return seen.length > 1 ? { outcome: "done" } : { outcome: "parked", onLeft: () => bench.queue.add(person(1)) };
    });
    await vi.waitFor(() => expect(seen).toEqual(["job_0", "job_0"]));
  });

  it("keeps one entry for a job that is woken while it waits or runs", async () => {
    const held = holding();
    await bench.queue.add(person(2));
    bench.start(held.handler, 1);
    await vi.waitFor(() => expect(held.seen).toEqual(["job_0"]));
    await bench.queue.add(person(2));
    expect((await bench.queue.counts()).interactive).toEqual({ waiting: 1, active: 1, delayed: 0 });
    held.letGo();
    await vi.waitFor(() => expect(held.seen).toEqual(["job_0", "job_1"]));
  });

  it("offers a job again after the asked delay", async () => {
    const at: number[] = [];
    await bench.queue.add(person(1));
    bench.start(async () => {
      at.push(performance.now());
      return at.length > 1 ? { outcome: "done" } : { outcome: "again", delayMs: 300 };
    });
    await vi.waitFor(() => expect(at).toHaveLength(2));
    expect(at[1]! - at[0]!).toBeGreaterThan(250);
  });

  it("offers a job again whose handler broke, and sooner one of a kind that it does not know", async () => {
    const seen: string[] = [];
    await bench.queue.add(person(2));
    bench.start(async (id) => {
      seen.push(id);
      if (seen.filter((other) => other === id).length > 1) return { outcome: "done" };
      if (id === "job_0") throw new Error("a mistake");
      return { outcome: "unknown_kind" };
    });
    await vi.waitFor(() => expect(seen.toSorted()).toEqual(["job_0", "job_1", "job_1"]));
    await vi.waitFor(() => expect(seen).toHaveLength(4), { timeout: 10_000 });
    await vi.waitFor(async () =>
      expect((await bench.queue.counts()).interactive).toEqual({ waiting: 0, active: 0, delayed: 0 }),
    );
  });

  it("keeps a delayed job back until its time, and a promotion ends the wait", async () => {
    const seen: string[] = [];
    await bench.queue.add([{ id: "job_0", queue: "interactive", delayMs: 60_000 }]);
    bench.start(async (id) => {
      seen.push(id);
      return { outcome: "done" };
    });
    await bench.queue.add(person(1, 1));
    await vi.waitFor(() => expect(seen).toEqual(["job_1"]));
    await bench.queue.promote(person(1));
    await vi.waitFor(() => expect(seen).toEqual(["job_1", "job_0"]));
  });

  it("removes a waiting and a parked job, and leaves a running one", async () => {
    const held = holding();
    await bench.queue.add([...person(2), { id: "job_9", queue: "interactive", delayMs: 60_000 }]);
    bench.start(held.handler, 1);
    await vi.waitFor(() => expect(held.seen).toEqual(["job_0"]));
    await bench.queue.remove([...person(2), { id: "job_9", queue: "interactive" }]);
    const { waiting, delayed, active } = (await bench.queue.counts()).interactive;
    expect({ waiting, delayed, active }).toEqual({ waiting: 0, delayed: 0, active: 1 });
    held.letGo();
    await vi.waitFor(async () => expect((await bench.queue.counts()).interactive.active).toBe(0));
    expect(held.seen).toEqual(["job_0"]);
  });

  it("does not mind promoting or removing what is not there", async () => {
    await bench.queue.promote(person(1));
    await bench.queue.remove(person(1));
    expect((await bench.queue.counts()).interactive.waiting).toBe(0);
  });

  it("claims nothing after a pause, and what runs goes on", async () => {
    const held = holding();
    const consumer = bench.start(held.handler, 2);
    await bench.queue.add(person(2));
    await vi.waitFor(() => expect(held.seen).toHaveLength(2));
    await consumer.pause();
    await bench.queue.add(person(2, 2));
    held.letGo();
    await vi.waitFor(async () => expect((await bench.queue.counts()).interactive.active).toBe(0));
    expect(held.seen).toHaveLength(2);
    expect((await bench.queue.counts()).interactive.waiting).toBe(2);
  });

  it("aborts what outlives the grace of closing", async () => {
    let reason = "";
    const consumer = bench.start(
      (_id, signal) =>
        new Promise((resolve) => {
          reason = "running";
          signal.addEventListener("abort", () => {
            reason = "aborted";
            resolve({ outcome: "again", delayMs: 0 });
          });
        }),
    );
    await bench.queue.add(person(1));
    await vi.waitFor(() => expect(reason).toBe("running"));
    await consumer.close(50);
    expect(reason).toBe("aborted");
  });
});
