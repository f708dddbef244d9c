/** Schedules: what ticks, when it ticks, and what a tick does or leaves out. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { silentLog } from "../../src/log.ts";
import type { Instance } from "../../src/model/instance.ts";
import type { Manifest } from "../../src/model/manifest.ts";
import type { Schedule } from "../../src/model/schedule.ts";
import { openQueue } from "../../src/queue/bullmq.ts";
import { nextRunAt, openSchedules, type Schedules, schedulesFor } from "../../src/queue/schedules.ts";
import { runTicks, tick } from "../../src/queue/ticks.ts";
import { connectRedis, type Redis } from "../../src/redis.ts";
import { deleteInstance, recordTest } from "../../src/store/instances.ts";
import { claimJob, listJobs, settleJob } from "../../src/store/jobs.ts";
import { listSchedules } from "../../src/store/schedules.ts";
import { changeTypeStatus, removeType } from "../../src/store/types.ts";
import { type AdmissionBench, openAdmission } from "../kit/admission.ts";
import { lampManifest, seedLamp } from "../kit/fixtures.ts";
import { hasRedis, startTestRedis, type TestRedis } from "../kit/redis.ts";

const withDefaults = (defaults: Manifest["defaults"]): Manifest => ({ ...lampManifest, ...(defaults && { defaults }) });
const secondsOf = (manifest: Manifest): Record<string, number> =>
  Object.fromEntries(schedulesFor("ins_1", manifest).map(({ kind, everySeconds }) => [kind, everySeconds]));

describe("what a type wants done", () => {
  it("is a heartbeat every two minutes, and a refresh as often as its payloads live", () => {
    expect(secondsOf(lampManifest)).toEqual({ "instance.test_connection": 120, "instance.refresh_inventory": 180 });
    expect(secondsOf(withDefaults({ inventory_ttl_s: { lamp: 600, stack_member: 90 } }))).toMatchObject({
      "instance.refresh_inventory": 90,
    });
    expect(secondsOf(withDefaults({ inventory_ttl_s: 5 }))).toMatchObject({ "instance.refresh_inventory": 60 });
  });

  it("is what the manifest sets, and nothing where it says 0 or has no inventory", () => {
    const set = withDefaults({ heartbeat_interval_s: 7, inventory_refresh_interval_s: 0 });
    expect(secondsOf(set)).toEqual({ "instance.test_connection": 7 });
    const [, power] = lampManifest.capabilities;
    expect(secondsOf({ ...lampManifest, capabilities: power ? [power] : [] })).toEqual({
      "instance.test_connection": 120,
    });
  });

  it("is spread over the interval, the same for the same instance", () => {
    const offsets = new Set(
      Array.from({ length: 50 }, (_, index) => schedulesFor(`ins_${index}`, lampManifest)[0]?.offsetMs),
    );
    expect(offsets.size).toBeGreaterThan(45);
    expect(schedulesFor("ins_1", lampManifest)).toEqual(schedulesFor("ins_1", lampManifest));
  });

  it("says when it ticks next", () => {
    const [schedule] = schedulesFor("ins_1", lampManifest) as [Schedule];
    const next = nextRunAt(schedule, 1_000_000) ?? 0;
    expect(next).toBeGreaterThan(1_000_000);
    expect(next - 1_000_000).toBeLessThanOrEqual(120_000);
    expect(next % 120_000).toBe(schedule.offsetMs % 120_000);
    expect(nextRunAt(schedule, next)).toBe(next + 120_000);
    expect(nextRunAt({ ...schedule, paused: true }, 1)).toBeNull();
  });
});

describe.skipIf(!hasRedis)("schedules", () => {
  let server: TestRedis;
  let bench: AdmissionBench;
  let schedules: Schedules;
  let redis: Redis;
  const closing: (() => Promise<void>)[] = [];

  beforeEach(async () => {
    [server, bench] = await Promise.all([startTestRedis(), openAdmission()]);
    redis = connectRedis(server.url);
    await redis.ping();
    schedules = openSchedules({ store: bench.store, redisUrl: server.url, prefix: "sw-q", log: silentLog });
    closing.push(() => schedules.close());
  });
  afterEach(async () => {
    for (const close of closing.splice(0).toReversed()) await close();
    redis.disconnect();
    await bench.end();
    await server.stop();
  });

  const rows = () => bench.store.read(() => listSchedules({}));
  const placed = () => redis.zrange("sw-q:schedules:repeat", "0", "-1");
  const jobs = async () => (await bench.store.read(() => listJobs({ limit: 50 }))).items;
  const deps = () => ({ store: bench.store, admission: bench.admission, log: silentLog, now: () => 1_000_000_000 });
  const heartbeatOf = async ({ id }: Instance): Promise<Schedule> => {
    const found = (await rows()).find((row) => row.instanceId === id && row.kind === "instance.test_connection");
    if (found === undefined) throw new Error("expected a heartbeat");
    return found;
  };
  const refreshOf = async ({ id }: Instance): Promise<Schedule> => {
    const found = (await rows()).find((row) => row.instanceId === id && row.kind === "instance.refresh_inventory");
    if (found === undefined) throw new Error("expected a refresh");
    return found;
  };
  const succeed = async (jobId: string, now: number): Promise<void> => {
    await bench.store.write(function* () {
      yield* claimJob({ id: jobId, workerId: "wrk_1", now });
      yield* settleJob({ id: jobId, attempt: 1, state: "succeeded", result: null, error: null, events: [], now });
    });
  };

  it("come with an instance, are kept when asked again, and go with it", async () => {
    const instance = await seedLamp(bench.store);
    await schedules.sync(instance.id);
    await schedules.sync(instance.id);
    expect((await rows()).map(({ kind }) => kind).toSorted()).toEqual([
      "instance.refresh_inventory",
      "instance.test_connection",
    ]);
    expect(await placed()).toHaveLength(2);
    await bench.store.write(() => deleteInstance({ id: instance.id }));
    await schedules.sync(instance.id);
    expect(await rows()).toEqual([]);
    expect(await placed()).toEqual([]);
  });

  it("go when the type does", async () => {
    const instance = await seedLamp(bench.store);
    await schedules.sync(instance.id);
    await bench.store.write(() => removeType({ id: "acme.lamp", now: 2, isRemoved: true }));
    await schedules.sync(instance.id);
    expect(await rows()).toEqual([]);
    expect(await placed()).toEqual([]);
  });

  it("are all there again after Redis lost its memory, and strangers are gone", async () => {
    const instance = await seedLamp(bench.store);
    await schedules.sync(instance.id);
    await redis.flushall();
    await schedules.syncAll();
    expect(await placed()).toHaveLength(2);
    await bench.store.write(() => deleteInstance({ id: instance.id }));
    await schedules.syncAll();
    expect(await placed()).toEqual([]);
  });

  it("stay while somebody looks at the pack", async () => {
    const instance = await seedLamp(bench.store);
    await schedules.sync(instance.id);
    await bench.store.write(() => changeTypeStatus({ id: "acme.lamp", from: ["valid"], to: "checking", now: 2 }));
    await schedules.syncAll();
    expect(await placed()).toHaveLength(2);
  });

  it("rest while paused, also through another sync", async () => {
    const instance = await seedLamp(bench.store);
    await schedules.sync(instance.id);
    const { id } = await heartbeatOf(instance);
    expect(await schedules.setPaused(id, true)).toMatchObject({ id, paused: true });
    await schedules.sync(instance.id);
    expect(await placed()).toHaveLength(1);
    expect(await schedules.setPaused(id, false)).toMatchObject({ paused: false });
    expect(await placed()).toHaveLength(2);
    expect(await schedules.setPaused("sch_none", true)).toBeUndefined();
  });

  it("tick in their time, each tick once, as the system and in the background", async () => {
    const defaults = { heartbeat_interval_s: 1, inventory_refresh_interval_s: 0 };
    const instance = await seedLamp(bench.store, {
      instance: { state: "configured" },
      type: { manifest: withDefaults(defaults) },
    });
    await schedules.sync(instance.id);
    const open = () => runTicks({ ...deps(), now: Date.now, redisUrl: server.url, prefix: "sw-q" });
    const ticks = [open(), open()];
    closing.push(async () => void (await Promise.all(ticks.map((one) => one.close()))));
    await vi.waitFor(async () => expect((await jobs()).length).toBeGreaterThanOrEqual(2), { timeout: 10_000 });
    const [first] = await jobs();
    expect(first).toMatchObject({
      kind: "instance.test_connection",
      queue: "background",
      principalId: "system",
      requestedBy: { scheduleId: (await heartbeatOf(instance)).id, name: "schedule" },
    });
    const keys = (await jobs()).map(({ idempotencyKey }) => idempotencyKey);
    expect(new Set(keys).size).toBe(keys.length);
  });

  it("make one job of a tick that comes twice", async () => {
    const instance = await seedLamp(bench.store, { instance: { state: "configured" } });
    await schedules.sync(instance.id);
    const { id } = await heartbeatOf(instance);
    await tick(deps(), id, 999_990_000);
    await tick(deps(), id, 999_990_000);
    const [job] = await jobs();
    expect(await jobs()).toHaveLength(1);
    expect(await heartbeatOf(instance)).toMatchObject({ lastJobId: job?.id, lastDueAt: 999_990_000 });
  });

  it("leave out a heartbeat when somebody else had contact within the interval", async () => {
    const instance = await seedLamp(bench.store);
    await schedules.sync(instance.id);
    const { id } = await heartbeatOf(instance);
    const { job } = await bench.ask("instance.refresh_inventory", { instance_id: instance.id });
    await succeed(job.id, 999_950_000);
    await tick(deps(), id, 999_990_000);
    expect(await jobs()).toHaveLength(1);
    const later = { ...deps(), now: () => 1_000_120_000 };
    await tick(later, id, 1_000_110_000);
    expect(await jobs()).toHaveLength(2);
    await succeed((await heartbeatOf(instance)).lastJobId ?? "", 1_000_111_000);
    await tick({ ...deps(), now: () => 1_000_240_000 }, id, 1_000_230_000);
    expect(await jobs()).toHaveLength(3);
  });

  it("leave out what is paused, much too late, or of an instance that is gone", async () => {
    const instance = await seedLamp(bench.store, { instance: { state: "configured" } });
    await schedules.sync(instance.id);
    const { id } = await heartbeatOf(instance);
    await tick(deps(), id, 900_000_000);
    await schedules.setPaused(id, true);
    await tick(deps(), id, 999_990_000);
    await tick(deps(), "sch_none", 999_990_000);
    expect(await jobs()).toEqual([]);
  });

  it("ask an instance in error for its inventory more rarely", async () => {
    const instance = await seedLamp(bench.store);
    await schedules.sync(instance.id);
    const { id } = await refreshOf(instance);
    const at = (round: number) => 999_990_000 + round * 180_000;
    const tickAt = (round: number) => tick({ ...deps(), now: () => at(round) + 5 }, id, at(round));
    await tickAt(0);
    await succeed((await refreshOf(instance)).lastJobId ?? "", at(0) + 100);
    const error = { code: "connect_timeout" as const, detail: "silent", at: 5 };
    await bench.store.write(() =>
      recordTest({ id: instance.id, configRevision: 1, state: "error", at: 5, latencyMs: null, error }),
    );
    for (let round = 1; round <= 5; round += 1) await tickAt(round);
    expect((await jobs()).map(({ idempotencyKey }) => idempotencyKey).toSorted()).toEqual(
      [`${id}:${at(0)}`, `${id}:${at(5)}`].toSorted(),
    );
  });

  it("leave other queues alone", async () => {
    const instance = await seedLamp(bench.store);
    const queue = openQueue({ redisUrl: server.url, prefix: "sw-q" });
    closing.push(() => queue.close());
    await vi.waitFor(() => expect(queue.isUp()).toBe(true));
    await schedules.sync(instance.id);
    const { interactive, background } = await queue.counts();
    expect([interactive.delayed, background.delayed]).toEqual([0, 0]);
  });
});
