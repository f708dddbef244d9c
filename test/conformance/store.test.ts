/** What every store must keep of a job's life: admission, claim and settlement. */
import { expect, it } from "vitest";
import { appendAudit, listAudit } from "../../src/store/audit.ts";
import { lastSpilled, readEvents } from "../../src/store/events.ts";
import {
  cancelledAmong,
  claimJob,
  findJob,
  findJobs,
  insertJob,
  type NewJob,
  requestCancel,
  requeueJob,
  retryJob,
  type Settlement,
  setPlan,
  setProgress,
  setSandboxLevel,
  settleJob,
  settleUnstarted,
  spillEvents,
} from "../../src/store/jobs.ts";
import type { Store } from "../../src/store/store.ts";
import { describeStores, eventsFrom, newJob } from "../kit/stores.ts";

const admit = (store: Store, given: Partial<NewJob> = {}) => store.write(() => insertJob(newJob(given)));
const claim = (store: Store, id: string, workerId = "wrk_1") =>
  store.write(() => claimJob({ id, workerId, now: 2_000 }));
const settlement = (id: string, given: Partial<Settlement> = {}): Settlement => ({
  id,
  attempt: 1,
  state: "succeeded",
  result: { status: "connected" },
  error: null,
  events: [],
  now: 3_000,
  ...given,
});
const settle = (store: Store, id: string, given: Partial<Settlement> = {}) =>
  store.write(() => settleJob(settlement(id, given)));
const find = (store: Store, id: string) => store.read(() => findJob(id));
const cancelled = { code: "job_cancelled", title: "The job was cancelled", detail: "Enough." } as const;
const day = 24 * 3_600_000;

const running = async (store: Store, given: Partial<NewJob> = {}): Promise<string> => {
  const { job } = await admit(store, given);
  await claim(store, job.id);
  return job.id;
};

describeStores("admission", (bench) => {
  it("keeps every field of a job as it was given", async () => {
    const given = newJob({
      subject: { typeId: "a.b", instanceId: "ins_1", target: { type: "vm", id: "100" } },
      input: { note: 'quotes " and \u0000 and ü', nested: { list: [1, null, true] } },
      locks: [{ name: "instance/ins_1", mode: "shared" }],
      sealedInput: "sealed",
      debug: true,
      queue: "background",
      planId: "pln_1",
      retryOf: "job_0",
      undoOf: "job_00",
      dedupeKey: "d",
    });
    const { outcome, job } = await bench.store.write(() => insertJob(given));
    const { requestHash, dedupeHash, joinKeys, ...kept } = given;
    expect(outcome).toBe("created");
    expect(job).toMatchObject({ ...kept, state: "queued", attempt: 0, tail: "none", startedAt: null, result: null });
    expect(await find(bench.store, given.id)).toEqual(job);
    expect(await bench.store.read(() => findJobs(["job_none", given.id]))).toEqual([job]);
  });

  it("numbers admissions upwards", async () => {
    const first = await admit(bench.store);
    const second = await admit(bench.store);
    expect(second.job.admission).toBeGreaterThan(first.job.admission);
    expect(first.job.admission).toBeGreaterThan(0);
  });

  it("replays an idempotency key with the same request and refuses it with another", async () => {
    const key = { idempotencyKey: "k", requestHash: "h" };
    const first = await admit(bench.store, key);
    expect(await admit(bench.store, key)).toEqual({ outcome: "replayed", job: first.job });
    const other = await admit(bench.store, { ...key, requestHash: "other" });
    expect(other).toEqual({ outcome: "idempotency_conflict", job: first.job });
    expect((await admit(bench.store, { ...key, principalId: "tok_2" })).outcome).toBe("created");
  });

  it("replays a key also after the job settled, and forgets it after a day", async () => {
    const key = { idempotencyKey: "k", requestHash: "h" };
    const { job } = await admit(bench.store, key);
    await claim(bench.store, job.id);
    await settle(bench.store, job.id);
    expect(await admit(bench.store, { ...key, createdAt: 1_000 + day - 1 })).toMatchObject({ outcome: "replayed" });
    const late = await admit(bench.store, { ...key, requestHash: "new", createdAt: 1_000 + day });
    expect(late.outcome).toBe("created");
    const again = await admit(bench.store, { ...key, requestHash: "new", createdAt: 1_000 + day + 1 });
    expect(again).toEqual({ outcome: "replayed", job: late.job });
  });

  it("lets a key stand for the job it joined, also when that is over", async () => {
    const { job } = await admit(bench.store, { dedupeKey: "refresh/vm" });
    const key = { idempotencyKey: "k", requestHash: "h", dedupeKey: "refresh/vm" };
    expect(await admit(bench.store, key)).toMatchObject({ outcome: "joined", job: { id: job.id } });
    await bench.store.write(() => settleUnstarted({ id: job.id, state: "cancelled", error: cancelled, now: 2_000 }));
    expect(await admit(bench.store, key)).toMatchObject({ outcome: "replayed", job: { id: job.id } });
  });

  it("joins an open job of the same action and refuses another action under its key", async () => {
    const { job } = await admit(bench.store, { dedupeKey: "stop/100", dedupeHash: "a" });
    const same = await admit(bench.store, { dedupeKey: "stop/100", dedupeHash: "a" });
    expect(same).toMatchObject({ outcome: "joined", job: { id: job.id } });
    await claim(bench.store, job.id);
    const other = await admit(bench.store, { dedupeKey: "stop/100", dedupeHash: "b" });
    expect(other).toMatchObject({ outcome: "action_conflict", job: { id: job.id, state: "running" } });
    await settle(bench.store, job.id);
    expect((await admit(bench.store, { dedupeKey: "stop/100", dedupeHash: "b" })).outcome).toBe("created");
  });

  it("joins a wider open job, but its own key first", async () => {
    const wide = await admit(bench.store, { dedupeKey: "refresh/*" });
    const narrow = { dedupeKey: "refresh/vm", joinKeys: ["refresh/*"] };
    expect(await admit(bench.store, narrow)).toMatchObject({ outcome: "joined", job: { id: wide.job.id } });
    const own = await admit(bench.store, { dedupeKey: "refresh/vm" });
    expect(own.outcome).toBe("created");
    expect(await admit(bench.store, narrow)).toMatchObject({ outcome: "joined", job: { id: own.job.id } });
  });

  it("makes one job of many that ask at once", async () => {
    const stores = [bench.store, await bench.openAnother()];
    const asked = { idempotencyKey: "k", requestHash: "h", dedupeKey: "d" };
    const all = await Promise.all(Array.from({ length: 20 }, (_, index) => admit(stores[index % 2]!, asked)));
    const outcomes = all.map(({ outcome }) => outcome);
    expect(new Set(all.map(({ job }) => job.id)).size).toBe(1);
    expect(outcomes.filter((outcome) => outcome === "created")).toHaveLength(1);
    expect(outcomes.filter((outcome) => outcome === "replayed")).toHaveLength(19);
    const joins = await Promise.all(stores.flatMap((store) => [0, 1, 2].map(() => admit(store, { dedupeKey: "e" }))));
    expect(joins.filter(({ outcome }) => outcome === "created")).toHaveLength(1);
    expect(new Set(joins.map(({ job }) => job.id)).size).toBe(1);
  });

  it("writes the job and its audit entry together or not at all", async () => {
    const entry = { id: "aud_1", at: 1, principalId: "p", principalName: "ada", action: "job.create" };
    const full = { ...entry, objectType: "job", objectId: "job_1", address: "10.0.0.9", outcome: "ok" };
    const job = newJob();
    const doomed = bench.store.write(function* () {
      yield* insertJob(job);
      yield* appendAudit(full);
      throw new Error("no");
    });
    await expect(doomed).rejects.toThrow("no");
    expect(await find(bench.store, job.id)).toBeUndefined();
    expect((await bench.store.read(() => listAudit({ limit: 5 }))).items).toEqual([]);
  });
});

describeStores("claim and settlement", (bench) => {
  it("counts the attempt and marks the job running", async () => {
    const { job } = await admit(bench.store);
    const claimed = await claim(bench.store, job.id);
    const expected = { state: "running", attempt: 1, triesUsed: 1, startedAt: 2_000, workerId: "wrk_1" };
    expect(claimed).toMatchObject({ outcome: "claimed", lost: false, job: expected });
    expect(await find(bench.store, job.id)).toMatchObject(expected);
    expect(await claim(bench.store, "job_none")).toEqual({ outcome: "missing" });
  });

  it("gives each of many claims at once its own attempt", async () => {
    const { job } = await admit(bench.store);
    const other = await bench.openAnother();
    const claims = await Promise.all([claim(bench.store, job.id), claim(other, job.id, "wrk_2")]);
    const seen = claims.map((one) => (one.outcome === "claimed" ? [one.job.attempt, one.lost] : one.outcome)).sort();
    expect(seen).toEqual([
      [1, false],
      [2, true],
    ]);
  });

  it("does not count a lost worker as a try, and gives up at the third", async () => {
    const id = await running(bench.store);
    const second = await claim(bench.store, id, "wrk_2");
    expect(second).toMatchObject({ outcome: "claimed", lost: true, job: { attempt: 2, triesUsed: 1, lostWorkers: 1 } });
    expect(await claim(bench.store, id)).toMatchObject({ lost: true, job: { attempt: 3, lostWorkers: 2 } });
    const last = await claim(bench.store, id);
    expect(last).toMatchObject({ outcome: "crash_loop", job: { state: "failed", tail: "open", attempt: 3 } });
    expect(await find(bench.store, id)).toMatchObject({
      state: "failed",
      error: { code: "crash_loop" },
      lostWorkers: 3,
    });
    expect(await claim(bench.store, id)).toMatchObject({ outcome: "settled" });
  });

  it("settles a job once, for the attempt that runs it", async () => {
    const id = await running(bench.store, { dedupeKey: "d" });
    expect(await settle(bench.store, id, { attempt: 2 })).toBe(false);
    const other = await bench.openAnother();
    const results = await Promise.all([
      settle(bench.store, id, { events: eventsFrom(1, 3) }),
      settle(other, id, { state: "failed", result: null, error: cancelled }),
    ]);
    expect(results.filter(Boolean)).toHaveLength(1);
    expect(await settle(bench.store, id)).toBe(false);
    expect(await find(bench.store, id)).toMatchObject({ finishedAt: 3_000, tail: "open", dedupeKey: null });
  });

  it("keeps result, events, plan and level of a settlement", async () => {
    const id = await running(bench.store);
    await bench.store.write(() => setProgress({ id, attempt: 1, progress: { phase: "p", percent: 5, message: "m" } }));
    await bench.store.write(() => setPlan({ id, attempt: 1, planId: "pln_1" }));
    await bench.store.write(() => setSandboxLevel({ id, attempt: 1, level: "degraded" }));
    expect(await find(bench.store, id)).toMatchObject({ planId: "pln_1", sandboxLevel: "degraded" });
    await settle(bench.store, id, { events: eventsFrom(1, 450), sandboxLevel: "full", planId: "pln_2" });
    expect(await find(bench.store, id)).toMatchObject({
      state: "succeeded",
      result: { status: "connected" },
      lastSeq: 450,
      sandboxLevel: "full",
      planId: "pln_2",
      progress: { phase: "p", percent: 5, message: "m" },
    });
    expect(await bench.store.read(() => readEvents({ jobId: id, after: 0, limit: 10_000 }))).toEqual(
      eventsFrom(1, 450),
    );
    expect(await bench.store.read(() => readEvents({ jobId: id, after: 198, limit: 5 }))).toEqual(eventsFrom(199, 203));
    expect(await bench.store.read(() => readEvents({ jobId: id, after: 450, limit: 5 }))).toEqual([]);
  });

  it("spills events as they come and adds none twice", async () => {
    const id = await running(bench.store);
    const spill = (attempt: number, from: number, to: number) =>
      bench.store.write(() => spillEvents({ id, attempt, events: eventsFrom(from, to) }));
    expect(await spill(2, 1, 2)).toBe(false);
    expect(await spill(1, 1, 30)).toBe(true);
    expect(await spill(1, 20, 40)).toBe(true);
    expect(await bench.store.read(() => lastSpilled(id))).toBe(40);
    await settle(bench.store, id, { events: eventsFrom(35, 42) });
    expect(await bench.store.read(() => readEvents({ jobId: id, after: 0, limit: 100 }))).toEqual(eventsFrom(1, 42));
    expect((await find(bench.store, id))?.lastSeq).toBe(42);
  });

  it("ends an attempt for another one, or gives the try back", async () => {
    const id = await running(bench.store);
    const retry = { id, attempt: 1, runAt: 9_000, events: eventsFrom(1, 2) };
    expect(await bench.store.write(() => retryJob({ ...retry, attempt: 7 }))).toBe(false);
    expect(await bench.store.write(() => retryJob(retry))).toBe(true);
    expect(await find(bench.store, id)).toMatchObject({ state: "retrying", runAt: 9_000, lastSeq: 2, triesUsed: 1 });
    await claim(bench.store, id);
    expect(await bench.store.write(() => requeueJob({ id, attempt: 2, events: eventsFrom(3, 3) }))).toBe(true);
    expect(await find(bench.store, id)).toMatchObject({ state: "queued", attempt: 2, triesUsed: 1, lastSeq: 3 });
    expect(await claim(bench.store, id)).toMatchObject({
      lost: false,
      job: { attempt: 3, triesUsed: 2, startedAt: 2_000 },
    });
  });

  it("gives up a job whose workers stood still and gave it back three times", async () => {
    const id = await running(bench.store);
    for (const attempt of [1, 2, 3]) {
      expect(await bench.store.write(() => requeueJob({ id, attempt, events: [], isLost: true }))).toBe(true);
      const next = await claim(bench.store, id);
      if (attempt < 3) expect(next).toMatchObject({ outcome: "claimed", job: { triesUsed: 1, lostWorkers: attempt } });
      else expect(next).toMatchObject({ outcome: "crash_loop", job: { state: "failed", lostWorkers: 3, attempt: 3 } });
    }
  });

  it("cancels a job that waits at once, and asks a running one", async () => {
    const { job } = await admit(bench.store);
    const asked = { id: job.id, state: "cancelled", error: cancelled, now: 2_500 } as const;
    expect(await bench.store.write(() => settleUnstarted(asked))).toMatchObject({ state: "cancelled", tail: "open" });
    expect(await bench.store.write(() => settleUnstarted(asked))).toBeUndefined();
    const id = await running(bench.store);
    expect(await bench.store.write(() => settleUnstarted({ ...asked, id }))).toBeUndefined();
    expect(await bench.store.write(() => requestCancel({ id, now: 2_600 }))).toMatchObject({
      cancelRequestedAt: 2_600,
    });
    expect(await bench.store.write(() => requestCancel({ id, now: 2_700 }))).toMatchObject({
      cancelRequestedAt: 2_600,
    });
    expect(await bench.store.read(() => cancelledAmong([id, job.id, "job_none"]))).toEqual([id]);
    await settle(bench.store, id, { state: "cancelled", result: null, error: cancelled });
    const late = await bench.store.write(() => requestCancel({ id: job.id, now: 9_000 }));
    expect(late).toMatchObject({ state: "cancelled", cancelRequestedAt: null });
    expect(await bench.store.write(() => requestCancel({ id: "job_none", now: 1 }))).toBeUndefined();
  });

  it("settles a claim of a job whose end was asked for before it ran", async () => {
    const { job } = await admit(bench.store);
    await bench.store.write(() => requestCancel({ id: job.id, now: 1_500 }));
    expect(await claim(bench.store, job.id)).toMatchObject({ outcome: "cancelled", job: { state: "cancelled" } });
    expect(await find(bench.store, job.id)).toMatchObject({ state: "cancelled", tail: "open", attempt: 0 });
  });
});
