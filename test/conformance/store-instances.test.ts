/** What every store must keep of instances: config, secrets, tests, inventory and schedules. */
import { expect, it } from "vitest";
import type { InventoryChange, InventoryPayload } from "../../src/model/inventory.ts";
import type { Schedule } from "../../src/model/schedule.ts";
import {
  addFlag,
  allSealedSecrets,
  deleteInstance,
  findInstance,
  insertInstance,
  instancesOfType,
  listInstances,
  nextSecretVersion,
  recordTest,
  resealSecret,
  sealedSecrets,
  updateInstance,
} from "../../src/store/instances.ts";
import {
  inventoryFailure,
  lastInventory,
  listChanges,
  pruneChanges,
  recordInventoryFailure,
  saveInventory,
} from "../../src/store/inventory.ts";
import { claimJob, findJob, insertJob, retryJob } from "../../src/store/jobs.ts";
import {
  deleteSchedule,
  deleteSchedules,
  findSchedule,
  listSchedules,
  recordTick,
  setPaused,
  upsertSchedule,
} from "../../src/store/schedules.ts";
import type { Store } from "../../src/store/store.ts";
import { describeStores, eventsFrom, newInstance, newJob } from "../kit/stores.ts";

const create = async (store: Store, given: Parameters<typeof newInstance>[0] = {}, secrets: string[] = []) => {
  const instance = newInstance(given);
  const sealed = secrets.map((name) => ({ instanceId: instance.id, name, version: 1, sealed: `${name}-1` }));
  expect(await store.write(() => insertInstance(instance, sealed))).toBe("created");
  return instance.id;
};
const find = (store: Store, id: string) => store.read(() => findInstance(id));

describeStores("instances", (bench) => {
  it("keeps an instance, and of its secrets that they are set", async () => {
    const id = await create(bench.store, { flags: ["sandbox_degraded"] }, ["token", "ca"]);
    const secrets = { ca: { version: 1, updatedAt: 1_000 }, token: { version: 1, updatedAt: 1_000 } };
    expect(await find(bench.store, id)).toEqual(newInstance({ id, flags: ["sandbox_degraded"], secrets }));
    expect(await bench.store.read(() => sealedSecrets(id))).toEqual([
      { instanceId: id, name: "ca", version: 1, sealed: "ca-1" },
      { instanceId: id, name: "token", version: 1, sealed: "token-1" },
    ]);
    expect(await find(bench.store, "ins_none")).toBeUndefined();
  });

  it("gives a name to one instance only, however many want it at once", async () => {
    const stores = [bench.store, await bench.openAnother()];
    const results = await Promise.all(stores.map((store) => store.write(() => insertInstance(newInstance(), []))));
    expect(results.sort()).toEqual(["created", "name_taken"]);
    const [a, b] = [await create(bench.store, { name: "a" }), await create(bench.store, { name: "b" })];
    const renames = await Promise.all(
      [a, b].map((id, index) => stores[index]!.write(() => updateInstance({ id, name: "c", now: 2_000 }))),
    );
    expect(renames.sort()).toEqual(["name_taken", "updated"]);
    expect(await bench.store.write(() => updateInstance({ id: "ins_none", name: "z", now: 1 }))).toBe("missing");
  });

  it("lists by what a caller sees and by type", async () => {
    const b = await create(bench.store, { name: "b" }, ["token"]);
    const a = await create(bench.store, { name: "a", typeId: "other.type" });
    const list = async (visible?: string[] | null) =>
      (await bench.store.read(() => listInstances(visible === undefined ? {} : { visible }))).map(({ id }) => id);
    expect([await list(), await list(null), await list([b]), await list([])]).toEqual([[a, b], [a, b], [b], []]);
    const typed = await bench.store.read(() => instancesOfType("example.device"));
    expect(typed.map(({ id, secrets }) => [id, Object.keys(secrets)])).toEqual([[b, ["token"]]]);
  });

  it("asks for a review when config or secrets change, and not for a new name or equal config", async () => {
    const id = await create(bench.store, { state: "connected" });
    const change = (given: object) => bench.store.write(() => updateInstance({ id, now: 2_000, ...given }));
    expect(await change({ name: "new", config: { port: 443, host: "10.0.0.1" } })).toBe("updated");
    expect(await find(bench.store, id)).toMatchObject({ name: "new", state: "connected", configRevision: 1 });
    await change({ config: { host: "10.0.0.2" } });
    expect(await find(bench.store, id)).toMatchObject({
      state: "needs_review",
      configRevision: 2,
      config: { host: "10.0.0.2" },
      updatedAt: 2_000,
    });
    const other = await create(bench.store, { name: "o", state: "connected" });
    await bench.store.write(() => updateInstance({ id: other, secrets: { gone: null }, now: 2_000 }));
    expect(await find(bench.store, other)).toMatchObject({ state: "connected" });
    await bench.store.write(() => updateInstance({ id: other, secrets: { token: "t" }, now: 2_000 }));
    expect(await find(bench.store, other)).toMatchObject({ state: "needs_review", configRevision: 1 });
    const away = await create(bench.store, { name: "w", state: "type_unavailable" });
    await bench.store.write(() => updateInstance({ id: away, config: {}, now: 2_000 }));
    expect(await find(bench.store, away)).toMatchObject({ state: "type_unavailable", configRevision: 2 });
  });

  it("never gives the version of a secret twice, also after it was deleted", async () => {
    const id = await create(bench.store, {}, ["token"]);
    const set = (token: string | null | ((version: number) => string)) =>
      bench.store.write(() => updateInstance({ id, secrets: { token }, now: 3_000 }));
    await set((version) => `sealed for ${version}`);
    expect(await bench.store.read(() => sealedSecrets(id))).toMatchObject([{ version: 2, sealed: "sealed for 2" }]);
    await set(null);
    expect((await find(bench.store, id))?.secrets).toEqual({});
    expect(await bench.store.read(allSealedSecrets)).toEqual([]);
    expect(await bench.store.read(() => nextSecretVersion({ instanceId: id, name: "token" }))).toBe(3);
    await set((version) => `sealed for ${version}`);
    expect(await bench.store.read(allSealedSecrets)).toMatchObject([{ version: 3, sealed: "sealed for 3" }]);
    expect((await find(bench.store, id))?.secrets).toEqual({ token: { version: 3, updatedAt: 3_000 } });
  });

  it("replaces a sealed value under another key only if it is still the same", async () => {
    const id = await create(bench.store, {}, ["token"]);
    const from = { instanceId: id, name: "token", version: 1, sealed: "token-1" };
    expect(await bench.store.write(() => resealSecret({ from, sealed: "again" }))).toBe(true);
    expect(await bench.store.write(() => resealSecret({ from, sealed: "late" }))).toBe(false);
    expect(await bench.store.read(() => sealedSecrets(id))).toEqual([{ ...from, sealed: "again" }]);
  });

  it("records a test of what is configured now, and drops one of what was", async () => {
    const id = await create(bench.store, { state: "needs_review" }, ["token"]);
    const error = { code: "auth_failed", detail: "no", at: 5_000 } as const;
    const test = { id, configRevision: 1, state: "error", at: 5_000, latencyMs: null, error } as const;
    const record = (given: object) => bench.store.write(() => recordTest({ ...test, ...given }));
    expect(await record({})).toBe(true);
    expect(await find(bench.store, id)).toMatchObject({ state: "needs_review", lastTest: 5_000, lastError: error });
    expect(await record({ configRevision: 2 })).toBe(false);
    const good = { state: "connected", latencyMs: 12.5, error: null, secrets: { token: { version: 1, updatedAt: 0 } } };
    expect(await record({ ...good, secrets: { token: { version: 2, updatedAt: 0 } } })).toBe(false);
    expect(await record(good)).toBe(true);
    expect(await find(bench.store, id)).toMatchObject({ state: "connected", latencyMs: 12.5, lastError: null });
    expect(await record({})).toBe(true);
    expect(await find(bench.store, id)).toMatchObject({ state: "error" });
    expect(await record({ id: "ins_none" })).toBe(false);
    const away = await create(bench.store, { name: "w", state: "type_unavailable" });
    expect(await record({ ...good, secrets: {}, id: away })).toBe(false);
  });

  it("sets a flag once", async () => {
    const id = await create(bench.store);
    for (const flag of ["a", "b", "a"]) await bench.store.write(() => addFlag({ id, flag }));
    expect((await find(bench.store, id))?.flags).toEqual(["a", "b"]);
  });

  it("deletes an instance with all it has, cancelling what waits, unless a job of it runs", async () => {
    const id = await create(bench.store, {}, ["token"]);
    await bench.store.write(() => saveInventory({ payload: payload(id), change: change(id) }));
    await bench.store.write(() => upsertSchedule(schedule(id)));
    const subject = { instanceId: id };
    const [waits, tries] = [newJob({ subject, dedupeKey: "d" }), newJob({ subject })];
    for (const job of [waits, tries]) await bench.store.write(() => insertJob(job));
    await bench.store.write(() => claimJob({ id: tries.id, workerId: "wrk_1", now: 2_000 }));
    expect(await bench.store.write(() => deleteInstance({ id }))).toBe("busy");
    expect(await bench.store.read(() => findJob(waits.id))).toMatchObject({ state: "queued" });
    await bench.store.write(() => retryJob({ id: tries.id, attempt: 1, runAt: 9_000, events: eventsFrom(1, 4) }));
    expect(await bench.store.write(() => deleteInstance({ id, now: 4_000 }))).toBe("deleted");
    expect(await bench.store.write(() => deleteInstance({ id }))).toBe("missing");
    const over = { state: "cancelled", tail: "open", finishedAt: 4_000, error: { code: "job_cancelled" } };
    expect(await bench.store.read(() => findJob(waits.id))).toMatchObject({ ...over, lastSeq: 0, dedupeKey: null });
    expect(await bench.store.read(() => findJob(tries.id))).toMatchObject({ ...over, lastSeq: 4 });
    expect(await bench.store.read(allSealedSecrets)).toEqual([]);
    expect(await bench.store.read(() => listSchedules())).toEqual([]);
    expect(await bench.store.read(() => lastInventory({ instanceId: id, targetType: "vm" }))).toBeUndefined();
    await bench.store.write(() => saveInventory({ payload: payload(id), change: change(id) }));
    await bench.store.write(() => recordInventoryFailure({ instanceId: id, targetType: "vm", failure }));
    expect(await bench.store.read(() => lastInventory({ instanceId: id, targetType: "vm" }))).toBeUndefined();
  });
});

const payload = (instanceId: string, given: Partial<InventoryPayload> = {}): InventoryPayload => ({
  instanceId,
  targetType: "vm",
  items: [{ type: "vm", external_id: "100", name: "web", attrs: { status: "running" }, labels: { env: "prod" } }],
  fetchedAt: 2_000,
  fetchDurationMs: 12.5,
  ttlSeconds: 180,
  ...given,
});
const change = (instanceId: string, given: Partial<InventoryChange> = {}): InventoryChange => ({
  at: 2_000,
  jobId: "job_1",
  instanceId,
  type: "vm",
  added: [{ external_id: "100", name: "web" }],
  removed: [],
  changed: [{ external_id: "101", name: "db", before: { status: "stopped" }, after: { status: "running" } }],
  ...given,
});
const failure = { code: "connect_timeout", detail: "no answer", at: 3_000 };
const schedule = (instanceId: string, given: Partial<Schedule> = {}): Schedule => ({
  id: `sch_${instanceId}`,
  instanceId,
  kind: "instance.refresh_inventory",
  everySeconds: 180,
  offsetMs: 1_234,
  paused: false,
  lastJobId: null,
  lastDueAt: null,
  ...given,
});

describeStores("inventory", (bench) => {
  it("keeps the last good payload through a failure, and clears the failure with the next good one", async () => {
    const instanceId = await create(bench.store);
    const key = { instanceId, targetType: "vm" };
    await bench.store.write(() => saveInventory({ payload: payload(instanceId), change: null }));
    await bench.store.write(() => recordInventoryFailure({ ...key, failure }));
    expect(await bench.store.read(() => lastInventory(key))).toEqual(payload(instanceId));
    expect(await bench.store.read(() => inventoryFailure(key))).toEqual(failure);
    await bench.store.write(() =>
      saveInventory({ payload: payload(instanceId, { fetchedAt: 4_000, items: [] }), change: null }),
    );
    expect(await bench.store.read(() => inventoryFailure(key))).toBeUndefined();
    await bench.store.write(() => saveInventory({ payload: payload(instanceId, { fetchedAt: 3_000 }), change: null }));
    expect(await bench.store.read(() => lastInventory(key))).toMatchObject({ fetchedAt: 4_000, items: [] });
    expect(await bench.store.read(() => lastInventory({ ...key, targetType: "port" }))).toBeUndefined();
  });

  it("lists what changed, newest first by page and filter, each refresh once", async () => {
    const instanceId = await create(bench.store);
    for (let index = 0; index < 5; index += 1) {
      const one = change(instanceId, { at: index, jobId: `job_${index}`, type: index === 2 ? "port" : "vm" });
      for (let times = 0; times < 2; times += 1) {
        await bench.store.write(() => saveInventory({ payload: payload(instanceId), change: one }));
      }
    }
    const list = (given: object) => bench.store.read(() => listChanges({ instanceId, limit: 3, ...given }));
    const first = await list({});
    const second = await list({ cursor: first.nextCursor });
    expect([...first.items, ...second.items].map(({ at }) => at)).toEqual([4, 3, 2, 1, 0]);
    expect(second.nextCursor).toBeNull();
    expect(first.items[0]).toEqual(change(instanceId, { at: 4, jobId: "job_4" }));
    expect((await list({ type: "vm", since: 1 })).items.map(({ at }) => at)).toEqual([4, 3, 1]);
    expect(await bench.store.write(() => pruneChanges({ before: 3, limit: 2 }))).toBe(2);
    expect(await bench.store.write(() => pruneChanges({ before: 3, limit: 2 }))).toBe(1);
  });
});

describeStores("schedules", (bench) => {
  it("keeps the pause and the last tick when the interval changes", async () => {
    const instanceId = await create(bench.store);
    const { id } = schedule(instanceId);
    await bench.store.write(() => upsertSchedule(schedule(instanceId)));
    expect(await bench.store.write(() => setPaused({ id, paused: true }))).toMatchObject({ paused: true });
    await bench.store.write(() => recordTick({ id, jobId: "job_2", dueAt: 2_000 }));
    await bench.store.write(() => recordTick({ id, jobId: "job_1", dueAt: 1_000 }));
    await bench.store.write(() => upsertSchedule(schedule(instanceId, { everySeconds: 60 })));
    const expected = schedule(instanceId, { everySeconds: 60, paused: true, lastJobId: "job_2", lastDueAt: 2_000 });
    expect(await bench.store.read(() => findSchedule(id))).toEqual(expected);
    expect(await bench.store.write(() => setPaused({ id: "sch_none", paused: true }))).toBeUndefined();
  });

  it("lists what a caller sees, and goes with its instance", async () => {
    const a = await create(bench.store, { name: "a" });
    const b = await create(bench.store, { name: "b" });
    for (const id of [a, b]) await bench.store.write(() => upsertSchedule(schedule(id)));
    expect(await bench.store.read(() => listSchedules({ visible: [a] }))).toEqual([schedule(a)]);
    expect(await bench.store.read(() => listSchedules({ visible: [] }))).toEqual([]);
    expect(await bench.store.read(() => listSchedules({ visible: null }))).toHaveLength(2);
    expect(await bench.store.write(() => deleteSchedules(a))).toEqual([`sch_${a}`]);
    await bench.store.write(() => deleteSchedule(`sch_${b}`));
    expect(await bench.store.read(() => listSchedules())).toEqual([]);
  });
});
