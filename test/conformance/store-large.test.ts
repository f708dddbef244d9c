/** What every store does with jobs of many megabytes: nobody who reads many of them gets more than a few at once. */
import { expect, it } from "vitest";
import type { Json } from "../../src/model/json.ts";
import {
  claimJob,
  findJob,
  findOutcomes,
  findStates,
  insertJob,
  type JobFilter,
  listJobs,
  openTails,
  settleJob,
} from "../../src/store/jobs.ts";
import type { Store } from "../../src/store/store.ts";
import { describeStores, newJob } from "../kit/stores.ts";

/** More than half of what a page holds, in bytes, though not in characters. */
const long = "ä".repeat(2_500_000);

let createdAt = 1_000;
/** Each a little newer than the one before. */
const add = async (store: Store, given: Parameters<typeof newJob>[0] = {}): Promise<string> => {
  createdAt += 1;
  return (await store.write(() => insertJob(newJob({ createdAt, ...given })))).job.id;
};
const settled = async (store: Store, end: { result: Json } | { detail: string }): Promise<string> => {
  const id = await add(store);
  await store.write(() => claimJob({ id, workerId: "wrk_1", now: 2_000 }));
  const outcome =
    "result" in end
      ? { state: "succeeded" as const, result: end.result, error: null }
      : { state: "failed" as const, result: null, error: { code: "device_error" as const, title: "no", ...end } };
  await store.write(() => settleJob({ id, attempt: 1, events: [], now: 3_000, ...outcome }));
  return id;
};
const pages = async (store: Store, filter: Partial<JobFilter> = {}): Promise<string[][]> => {
  const found: string[][] = [];
  for (let cursor: string | null | undefined; cursor !== null; ) {
    const asked = { limit: 3, ...filter, ...(cursor === undefined ? {} : { cursor }) };
    const page = await store.read(() => listJobs(asked));
    found.push(page.items.map(({ id }) => id));
    cursor = page.nextCursor;
  }
  return found;
};

describeStores("jobs of many megabytes", (bench) => {
  it("fill a page early, by what they were given, came to or failed with", async () => {
    const { store } = bench;
    const given = await add(store, { input: { long } });
    const sealed = await add(store, { sealedInput: long });
    const came = await settled(store, { result: { long } });
    const failed = await settled(store, { detail: long });
    const small = await settled(store, { result: {} });
    expect(await pages(store)).toEqual([[small, failed], [came], [sealed], [given]]);
    expect(await pages(store, { state: "queued" })).toEqual([[sealed], [given]]);
    expect((await store.read(() => findJob(came)))?.result).toEqual({ long });
  });

  it("leave a page as it is asked for while they are small", async () => {
    const { store } = bench;
    const made: string[] = [];
    for (let count = 0; count < 4; count += 1) made.unshift(await settled(store, { result: { count } }));
    expect(await pages(store)).toEqual([made.slice(0, 3), made.slice(3)]);
    expect(await pages(store, { limit: 4 })).toEqual([made]);
  });

  it("have their tails closed a few at a time", async () => {
    const { store } = bench;
    const ids = [await settled(store, { result: { long } }), await settled(store, { result: { long } })];
    const due = await store.read(() => openTails({ olderThan: 9_000, limit: 10 }));
    expect(due).toHaveLength(1);
    expect(ids).toContain(due[0]?.id);
  });

  it("say how they stand without what they came to", async () => {
    const { store } = bench;
    const id = await settled(store, { result: { long } });
    const outcome = { id, instanceId: null, state: "succeeded", startedAt: 2_000, error: null };
    expect(await store.read(() => findOutcomes(["job_none", id]))).toEqual([outcome]);
    expect(await store.read(() => findStates(["job_none", id]))).toEqual(new Map([[id, "succeeded"]]));
    expect(await store.read(() => findStates([]))).toEqual(new Map());
  });
});
