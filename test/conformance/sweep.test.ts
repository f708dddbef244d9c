/** Tail, cancel and sweep on a real Redis: what a crash or a lost message leaves behind is done again, once. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { getInventory, inventoryEra, putInventory } from "../../src/live/cache.ts";
import { appendEvents } from "../../src/live/events.ts";
import { silentLog } from "../../src/log.ts";
import type { Job } from "../../src/model/job.ts";
import type { JsonObject } from "../../src/model/json.ts";
import { createAdmission } from "../../src/queue/admit.ts";
import { openQueue } from "../../src/queue/bullmq.ts";
import { cancelJob } from "../../src/queue/cancel.ts";
import type { JobQueue } from "../../src/queue/queue.ts";
import { addForgotten, addOverdue, checkEpoch, closeTails, type SweepDeps, startSweep } from "../../src/queue/sweep.ts";
import { closeTailOf, jobErrorOf } from "../../src/queue/tail.ts";
import { connectRedis, type Redis } from "../../src/redis.ts";
import { readEvents } from "../../src/store/events.ts";
import {
  claimJob,
  findJob,
  markEnqueued,
  notEnqueued,
  retryJob,
  settleJob,
  settleUnstarted,
} from "../../src/store/jobs.ts";
import type { Store } from "../../src/store/store.ts";
import { paperVault, power } from "../kit/admission.ts";
import { seedLamp, somebody } from "../kit/fixtures.ts";
import { acquire } from "../kit/lock-calls.ts";
import { hasRedis, startTestRedis, type TestRedis } from "../kit/redis.ts";
import { openTestStore, type TestStore } from "../kit/store.ts";
import { eventsFrom } from "../kit/stores.ts";

describe.skipIf(!hasRedis)("work that was left behind", () => {
  let server: TestRedis;
  let kept: TestStore;
  let store: Store;
  let redis: Redis;
  let queue: JobQueue;
  let deps: SweepDeps;

  beforeEach(async () => {
    [server, kept] = await Promise.all([startTestRedis(), openTestStore()]);
    store = kept.store;
    redis = connectRedis(server.url);
    queue = openQueue({ redisUrl: server.url, prefix: "sw-q" });
    await vi.waitFor(() => expect(queue.isUp()).toBe(true));
    deps = { store, redis, queue, now: Date.now, log: silentLog, retentionDays: 90 };
  });
  afterEach(async () => {
    await queue.close();
    redis.disconnect();
    await kept.end();
    await server.stop();
  });

  const waiting = async () => (await queue.counts()).interactive.waiting;
  /** A job as a process leaves it that dies right after its commit. */
  const admitted = async (input?: JsonObject): Promise<Job> => {
    const instance = await seedLamp(store);
    const unsent: JobQueue = { ...queue, add: () => Promise.reject(new Error("the process is gone")) };
    const admission = createAdmission({
      ...deps,
      queue: unsent,
      vault: paperVault,
      isRedisUp: () => true,
    });
    const asked = input === undefined ? { instance_id: instance.id } : { ...input, instance_id: instance.id };
    const { job } = await admission.admit({
      kind: input === undefined ? "instance.test_connection" : "action.run",
      input: asked,
      principal: somebody(),
      action: "job.create",
    });
    await admission.close();
    return job;
  };
  const claimed = async (job: Job): Promise<Job> => {
    const claim = await store.write(() => claimJob({ id: job.id, workerId: "wrk_gone", now: 1_000 }));
    if (claim.outcome !== "claimed") throw new Error(`expected a claim, got ${claim.outcome}`);
    return claim.job;
  };
  const settled = async (job: Job): Promise<Job> => {
    const { attempt } = await claimed(job);
    await store.write(() =>
      settleJob({ id: job.id, attempt, state: "succeeded", result: { ok: true }, error: null, events: [], now: 2_000 }),
    );
    return (await store.read(() => findJob(job.id))) ?? job;
  };
  /** Every `job.done` of the job that watchers were told. */
  const done = async (job: Job) =>
    (await redis.xrange("sw:fanout", "-", "+"))
      .filter(([, fields]) => fields.includes("job.done") && fields.includes(job.id))
      .map(([, fields]) => JSON.parse(fields.at(-1) ?? "{}"));

  it("adds a row that never reached the queue, and leaves a young one to its process", async () => {
    await admitted();
    await addForgotten(deps, 60_000);
    expect(await waiting()).toBe(0);
    await addForgotten(deps, -1);
    expect(await waiting()).toBe(1);
    await addForgotten(deps, -1);
    expect(await waiting()).toBe(1);
  });

  it("outdates the inventory of an action whose worker was lost after its settlement, and of no job that wrote nothing", async () => {
    const inventory = { targetType: "vm", items: [], fetchedAt: 1, fetchDurationMs: 1, ttlSeconds: 60 };
    const unstarted = await admitted(power(""));
    const error = jobErrorOf("job_cancelled", "It was cancelled before it ran.");
    const verdict = { state: "cancelled", error, now: 2_000 } as const;
    const cancelled = (await store.write(() => settleUnstarted({ id: unstarted.id, ...verdict }))) ?? unstarted;
    const kept = async (job: Job) => {
      const instanceId = job.subject.instanceId ?? "";
      await putInventory(redis, { ...inventory, instanceId }, await inventoryEra(redis, instanceId));
      await closeTailOf(deps, job);
      return (await getInventory(redis, instanceId, "vm")) !== undefined;
    };
    expect(await kept(await settled(await admitted()))).toBe(true);
    expect(await kept(cancelled)).toBe(true);
    expect(await kept(await settled(await admitted(power(""))))).toBe(false);
  });

  it("closes the tail of a settled job: job.done once, off the queue, closed", async () => {
    const job = await settled(await admitted());
    await queue.add([{ id: job.id, queue: job.queue }]);
    expect(job.tail).toBe("open");
    await closeTails(deps, 1);
    await closeTailOf(deps, job);
    expect((await store.read(() => findJob(job.id)))?.tail).toBe("closed");
    expect(await waiting()).toBe(0);
    const { instanceId, typeId } = job.subject;
    expect(await done(job)).toEqual([
      {
        job_id: job.id,
        state: "succeeded",
        success: true,
        subject: { instance_id: instanceId, type_id: typeId },
        result: { ok: true },
      },
    ]);
  });

  it("keeps what a job had said whose worker was lost for good, and nothing that it says later", async () => {
    const job = await admitted();
    for (const _ of [1, 2, 3]) await claimed(job);
    const say = (from: number, to: number) =>
      appendEvents(redis, [{ jobId: job.id, attempt: 3, events: eventsFrom(from, to, 3), facts: { kind: job.kind } }]);
    expect(await say(1, 250)).toEqual(["kept"]);
    const last = await store.write(() => claimJob({ id: job.id, workerId: "wrk_new", now: 2_000 }));
    expect(last).toMatchObject({ outcome: "crash_loop", job: { lastSeq: 0 } });
    await closeTails(deps, -1);
    expect(await say(251, 251)).toEqual(["stale"]);
    await redis.del(`sw:events:${job.id}`);
    const kept = await store.read(() => readEvents({ jobId: job.id, after: 0, limit: 1_000 }));
    expect(kept).toEqual(eventsFrom(1, 250, 3));
    expect(await store.read(() => findJob(job.id))).toMatchObject({ lastSeq: 250, tail: "closed" });
    const [told] = (await redis.xrevrange("sw:fanout", "+", "-", "COUNT", 1)).map(([, fields]) => fields);
    expect(told?.slice(told.indexOf("s"), told.indexOf("s") + 2)).toEqual(["s", "251"]);
  });

  it("hands the locks of a settled job on to whoever waits for them", async () => {
    const job = await settled(await admitted(power("")));
    const next = { jobId: "job_next", attempt: 0, locks: job.locks, admission: job.admission + 1, ttlMs: 60_000 };
    await acquire(redis, { ...next, jobId: job.id, attempt: 1, admission: job.admission });
    expect(await acquire(redis, next)).toMatchObject({ got: false, heldBy: job.id });
    await closeTails(deps, 1);
    expect((await queue.counts()).interactive).toEqual({ waiting: 1, active: 0, delayed: 0 });
    expect(await acquire(redis, next)).toMatchObject({ got: true });
  });

  it("leaves a forgotten row in the line of its lock, and brings it to the queue when its turn was missed", async () => {
    const job = await admitted(power(""));
    await acquire(redis, { jobId: "job_holder", attempt: 1, locks: job.locks, admission: 0, ttlMs: 60_000 });
    await addForgotten(deps, -1);
    expect(await waiting()).toBe(0);
    expect(await redis.exists(`sw:waiter:${job.id}`)).toBe(1);
    expect(await store.read(() => notEnqueued({ olderThan: deps.now() + 1, limit: 10 }))).toEqual([]);
    await redis.del(...job.locks.map(({ name, mode }) => `sw:lock:${mode === "exclusive" ? "x" : "s"}:${name}`));
    const stop = new AbortController();
    const sweeping = startSweep({ ...deps, pace: { linesMs: 20 } }, stop.signal);
    await vi.waitFor(async () => expect(await waiting()).toBe(1));
    stop.abort();
    await sweeping;
  });

  it("adds a retry whose time went by, and a job whose worker is no more", async () => {
    const [late, orphan] = [await claimed(await admitted()), await claimed(await admitted())];
    await store.write(() => retryJob({ id: late.id, attempt: late.attempt, runAt: 2_000, events: [] }));
    await addOverdue(deps, 1);
    expect(await waiting()).toBe(2);
    expect(orphan.workerId).toBe("wrk_gone");
  });

  it("gives a flushed Redis every unsettled job again, once", async () => {
    const open = await admitted();
    await settled(await admitted());
    await store.write(() => markEnqueued([open.id], 1));
    const onFlushed = vi.fn(async () => undefined);
    await checkEpoch({ ...deps, onFlushed });
    expect(await waiting()).toBe(1);
    await redis.flushall();
    expect(await waiting()).toBe(0);
    await checkEpoch({ ...deps, onFlushed });
    expect(await waiting()).toBe(1);
    expect(onFlushed).toHaveBeenCalledTimes(2);
    await checkEpoch({ ...deps, onFlushed });
    expect(onFlushed).toHaveBeenCalledTimes(2);
  });

  it("agrees on one epoch when several sweeps find an empty Redis together", async () => {
    const onFlushed = vi.fn(async () => undefined);
    await Promise.all([checkEpoch({ ...deps, onFlushed }), checkEpoch({ ...deps, onFlushed })]);
    await checkEpoch({ ...deps, onFlushed });
    const calls = onFlushed.mock.calls.length;
    await checkEpoch({ ...deps, onFlushed });
    expect(onFlushed).toHaveBeenCalledTimes(calls);
  });

  it("keeps sweeping through an outage, and ends with its signal", async () => {
    const stop = new AbortController();
    const pace = { linesMs: 50, rowsMs: 50, graceMs: -1 };
    const sweeping = startSweep({ ...deps, pace }, stop.signal);
    await server.kill();
    await vi.waitFor(() => expect(queue.isUp()).toBe(false));
    await admitted();
    await server.restart();
    await vi.waitFor(async () => expect(await waiting()).toBe(1), { timeout: 10_000 });
    stop.abort();
    await sweeping;
  });

  it("cancels a job that never started at once, and tells its watchers", async () => {
    const job = await admitted(power(""));
    await queue.add([{ id: job.id, queue: job.queue }]);
    const cancelled = await cancelJob(deps, { job, principal: somebody() });
    expect(cancelled).toMatchObject({ state: "cancelled", error: { code: "job_cancelled" } });
    expect(await waiting()).toBe(0);
    expect(await done(job)).toMatchObject([{ state: "cancelled", success: false, error: { code: "job_cancelled" } }]);
    const again = cancelJob(deps, { job: cancelled, principal: somebody() });
    await expect(again).rejects.toMatchObject({ code: "job_settled" });
  });

  it("takes a cancelled waiter out of its lines", async () => {
    const job = await admitted(power(""));
    const holder = { jobId: "job_holder", attempt: 1, locks: job.locks, admission: 0, ttlMs: 60_000 };
    await acquire(redis, holder);
    await acquire(redis, { ...holder, jobId: job.id, attempt: 0, admission: job.admission });
    await cancelJob(deps, { job, principal: somebody() });
    expect(await redis.exists(`sw:waiter:${job.id}`)).toBe(0);
  });

  it("asks the worker of a running job, and keeps the wish on record", async () => {
    const job = await claimed(await admitted());
    const subscriber = connectRedis(server.url);
    const heard: string[] = [];
    await subscriber.subscribe("sw:cancel");
    subscriber.on("message", (_channel, id: string) => heard.push(id));
    const asked = await cancelJob(deps, { job, principal: somebody() });
    expect(asked.state).toBe("running");
    expect(asked.cancelRequestedAt).not.toBeNull();
    await vi.waitFor(() => expect(heard).toEqual([job.id]));
    subscriber.disconnect();
  });

  it("lets neither a viewer nor a stranger cancel", async () => {
    const job = await admitted();
    const viewer = cancelJob(deps, { job, principal: somebody({ role: "viewer" }) });
    await expect(viewer).rejects.toMatchObject({ code: "forbidden" });
    const stranger = cancelJob(deps, { job, principal: somebody({ instances: [] }) });
    await expect(stranger).rejects.toMatchObject({ code: "not_found" });
  });
});
