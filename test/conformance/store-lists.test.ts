/** What every store must list: jobs by page and filter. */
import { expect, it } from "vitest";
import type { JobState } from "../../src/model/job.ts";
import { findJob, type JobFilter, listJobs } from "../../src/store/jobs.ts";
import type { Store } from "../../src/store/store.ts";
import { admit, claim, ids, settle } from "../kit/stored-jobs.ts";
import { describeStores } from "../kit/stores.ts";

/** All pages of a list, walked by their cursors. */
const walk = async (store: Store, filter: JobFilter): Promise<string[]> => {
  const found: string[] = [];
  let cursor: string | null = null;
  do {
    const page = await store.read(() => listJobs({ ...filter, cursor }));
    expect(page.items.length).toBeLessThanOrEqual(filter.limit);
    found.push(...ids(page.items));
    cursor = page.nextCursor;
  } while (cursor !== null);
  return found;
};

interface Sample {
  readonly id: string;
  readonly kind: string;
  readonly instanceId: string | null;
  readonly typeId: string | null;
  readonly createdAt: number;
  readonly state: JobState;
}

const kinds = ["instance.test_connection", "action.run", "pack.install"];

const sample = (index: number): Omit<Sample, "id"> => {
  const kind = kinds[index % 3]!;
  return {
    kind,
    instanceId: kind === "pack.install" ? null : `ins_${index % 4}`,
    typeId: index % 5 === 0 ? "a.b" : null,
    createdAt: 1_000 + Math.floor(index / 3),
    state: index % 7 === 0 ? "failed" : "queued",
  };
};

/** Forty jobs of three kinds on four instances; several share one millisecond. */
const fill = async (store: Store): Promise<Sample[]> => {
  const samples: Sample[] = [];
  for (const one of Array.from({ length: 40 }, (_, index) => sample(index))) {
    const { kind, createdAt, instanceId, typeId } = one;
    const subject = { ...(instanceId === null ? {} : { instanceId }), ...(typeId === null ? {} : { typeId }) };
    const id = await admit(store, { kind, createdAt, subject });
    if (one.state === "failed") await settle(store, id, { state: "failed" });
    samples.push({ id, ...one });
  }
  return samples.sort((a, b) => b.createdAt - a.createdAt || (a.id < b.id ? 1 : -1));
};

describeStores("lists of jobs", (bench) => {
  const filters: [string, Omit<JobFilter, "limit">, (sample: Sample) => boolean][] = [
    ["all", {}, () => true],
    ["by kind", { kind: "action.run" }, ({ kind }) => kind === "action.run"],
    ["by state", { state: "failed" }, ({ state }) => state === "failed"],
    [
      "by kind and state",
      { kind: "action.run", state: "failed" },
      ({ kind, state }) => kind === "action.run" && state === "failed",
    ],
    ["by instance", { instanceId: "ins_1" }, ({ instanceId }) => instanceId === "ins_1"],
    [
      "by instance and state",
      { instanceId: "ins_0", state: "failed" },
      ({ instanceId, state }) => instanceId === "ins_0" && state === "failed",
    ],
    ["by type", { typeId: "a.b" }, ({ typeId }) => typeId === "a.b"],
    [
      "by type, kind and state",
      { typeId: "a.b", kind: "pack.install", state: "failed" },
      ({ typeId, kind, state }) => typeId === "a.b" && kind === "pack.install" && state === "failed",
    ],
    ["by type and state", { typeId: "a.b", state: "failed" }, (one) => one.typeId === "a.b" && one.state === "failed"],
    ["by a state that none is in", { state: "succeeded", instanceId: "ins_1" }, () => false],
    ["by instance and another type", { instanceId: "ins_1", typeId: "c.d" }, () => false],
    [
      "by instance since a time",
      { instanceId: "ins_1", since: 1_004, before: 1_009 },
      ({ instanceId, createdAt }) => instanceId === "ins_1" && createdAt >= 1_004 && createdAt < 1_009,
    ],
    ["by time", { since: 1_006 }, ({ createdAt }) => createdAt >= 1_006],
    [
      "of what a limited caller sees",
      { visibleInstances: ["ins_0", "ins_3", "ins_0"], kind: "action.run" },
      ({ instanceId, kind }) => (instanceId === "ins_0" || instanceId === "ins_3") && kind === "action.run",
    ],
    ["of an instance that the caller does not see", { visibleInstances: ["ins_0"], instanceId: "ins_1" }, () => false],
    ["of a caller who sees nothing", { visibleInstances: [] }, () => false],
  ];

  it("pages newest first through every filter without a gap or a duplicate", async () => {
    const samples = await fill(bench.store);
    for (const [name, filter, holds] of filters) {
      const expected = ids(samples.filter(holds));
      expect(await walk(bench.store, { ...filter, limit: 3 }), name).toEqual(expected);
      expect(await walk(bench.store, { ...filter, limit: 500 }), name).toEqual(expected);
    }
  });

  it("goes on where a page ended although jobs came in between", async () => {
    for (const createdAt of [1, 2, 3, 4]) await admit(bench.store, { createdAt });
    const first = await bench.store.read(() => listJobs({ limit: 2 }));
    await admit(bench.store, { createdAt: 9 });
    const second = await bench.store.read(() => listJobs({ limit: 2, cursor: first.nextCursor }));
    expect([...first.items, ...second.items].map(({ createdAt }) => createdAt)).toEqual([4, 3, 2, 1]);
    expect(second.nextCursor).toBeNull();
  });

  it("pages open jobs through every filter, the last admitted first", async () => {
    await fill(bench.store);
    const subject = { instanceId: "ins_1", typeId: "a.b" };
    const waiting: string[] = [];
    // Made at times that go back, as by hosts whose clocks differ.
    for (const createdAt of [1_030, 1_020, 1_010])
      waiting.unshift(await admit(bench.store, { createdAt, subject, kind: "k" }));
    const other = await admit(bench.store, { createdAt: 1_000, kind: "k" });
    const running = await admit(bench.store, { subject, kind: "k" });
    await claim(bench.store, running);
    const wanted: [Omit<JobFilter, "limit" | "state">, string[]][] = [
      [{ kind: "k" }, [other, ...waiting]],
      [{ kind: "k", instanceId: "ins_1" }, waiting],
      [{ kind: "k", typeId: "a.b", since: 1_015 }, waiting.slice(1)],
      [{ kind: "k", visibleInstances: ["ins_1", "ins_9"] }, waiting],
      [{ kind: "k", visibleInstances: ["ins_9"] }, []],
    ];
    for (const [filter, expected] of wanted) {
      expect(await walk(bench.store, { ...filter, state: "queued", limit: 2 }), JSON.stringify(filter)).toEqual(
        expected,
      );
    }
    expect(await walk(bench.store, { state: "running", instanceId: "ins_1", limit: 2 })).toEqual([running]);
    expect(await walk(bench.store, { state: "retrying", limit: 2 })).toEqual([]);
  });

  it("finds what succeeded among failures, and a failure whose settler named no error", async () => {
    const subject = { instanceId: "ins_1", typeId: "a.b" };
    const [well, ill] = [await admit(bench.store, { subject }), await admit(bench.store, { subject })];
    await settle(bench.store, well);
    await settle(bench.store, ill, { state: "failed" });
    const open = await admit(bench.store, { subject });
    const listed = (state: JobState) => walk(bench.store, { instanceId: "ins_1", state, limit: 1 });
    expect([await listed("succeeded"), await listed("failed"), await listed("queued")]).toEqual([
      [well],
      [ill],
      [open],
    ]);
    expect(await bench.store.read(() => findJob(ill))).toMatchObject({ error: { code: "internal" } });
  });

  it("knows who asked, and leaves out what schedules asked for", async () => {
    const ada = await admit(bench.store, { createdAt: 1_000 });
    const schedule = { scheduleId: "sch_1", name: "schedule" };
    const tick = await admit(bench.store, { createdAt: 2_000, requestedBy: schedule, principalId: "system" });
    const system = await admit(bench.store, { createdAt: 3_000, requestedBy: { name: "api" }, principalId: "system" });
    const listed = (filter: Partial<JobFilter>) => walk(bench.store, { ...filter, limit: 1 });
    expect(await listed({ by: { principal: "tok_1" } })).toEqual([ada]);
    expect(await listed({ by: "token" })).toEqual([ada]);
    expect(await listed({ by: "schedule" })).toEqual([tick]);
    expect(await listed({ notBy: "schedule" })).toEqual([system, ada]);
    expect(await listed({ notBy: "token", kind: "instance.test_connection" })).toEqual([system, tick]);
  });

  it("refuses a cursor that is none", async () => {
    const broken = bench.store.read(() => listJobs({ limit: 2, cursor: "xx'; drop" }));
    await expect(broken).rejects.toMatchObject({ code: "validation_failed", errors: [{ pointer: "/cursor" }] });
  });
});
