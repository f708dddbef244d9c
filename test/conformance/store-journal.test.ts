/** What every store must keep of the writes a job sent to a device. */
import { expect, it } from "vitest";
import { claimJob, findJob, insertJob, requestCancel, requeueJob } from "../../src/store/jobs.ts";
import { readJournal, recordAnswered, recordSent } from "../../src/store/journal.ts";
import type { Store } from "../../src/store/store.ts";
import { describeStores, newJob } from "../kit/stores.ts";

const claim = (store: Store, id: string) => store.write(() => claimJob({ id, workerId: "wrk_1", now: 2_000 }));
const find = (store: Store, id: string) => store.read(() => findJob(id));
const running = async (store: Store): Promise<string> => {
  const { job } = await store.write(() => insertJob(newJob()));
  await claim(store, job.id);
  return job.id;
};

const sent = (jobId: string, given: { idempotent?: boolean; attempt?: number; index?: number } = {}) => ({
  jobId,
  attempt: 1,
  index: 0,
  transport: "http",
  request: { method: "POST", path: "/start" },
  idempotent: true,
  now: 2_100,
  ...given,
});
const answer = { ok: true, status: 200, answer: { data: "UPID:1" }, ms: 12 };

describeStores("journal", (bench) => {
  const record = (step: ReturnType<typeof sent>) => bench.store.write(() => recordSent(step));

  it("records what was sent and what was answered", async () => {
    const id = await running(bench.store);
    expect(await record(sent(id))).toBe("recorded");
    const answered = { jobId: id, index: 0, attempt: 1, answer, now: 2_200 };
    expect(await bench.store.write(() => recordAnswered({ ...answered, attempt: 2 }))).toBe(false);
    expect(await bench.store.write(() => recordAnswered(answered))).toBe(true);
    expect(await bench.store.write(() => recordAnswered(answered))).toBe(false);
    const { now, index, ...step } = sent(id);
    const entry = { ...step, index, sentAt: now, answeredAt: 2_200, answer };
    expect(await bench.store.read(() => readJournal(id))).toEqual([entry]);
  });

  it("refuses a stale attempt and a write that must not be repeated", async () => {
    const id = await running(bench.store);
    expect(await record(sent(id, { attempt: 2 }))).toBe("stale");
    expect(await record(sent("job_none"))).toBe("stale");
    await record(sent(id, { idempotent: false }));
    await claim(bench.store, id);
    expect(await record(sent(id, { attempt: 1, index: 1 }))).toBe("stale");
    expect(await record(sent(id, { attempt: 2, idempotent: false }))).toBe("already_sent");
  });

  it("knows an attempt's own unanswered entry again when it asks once more, and nobody else's", async () => {
    const id = await running(bench.store);
    const step = sent(id, { idempotent: false });
    await record(step);
    const repeat = (attempt: number) => bench.store.write(() => recordSent({ ...step, attempt, isRepeated: true }));
    expect(await repeat(1)).toBe("recorded");
    expect(await bench.store.read(() => readJournal(id))).toHaveLength(1);
    await claim(bench.store, id);
    expect(await repeat(2)).toBe("already_sent");
    await bench.store.write(() => recordAnswered({ jobId: id, index: 0, attempt: 1, answer, now: 2_200 }));
    expect(await repeat(1)).toBe("stale");
  });

  it("lets the next attempt take over an idempotent write that was never answered", async () => {
    const id = await running(bench.store);
    await record(sent(id));
    await claim(bench.store, id);
    expect(await record(sent(id, { attempt: 2 }))).toBe("recorded");
    await bench.store.write(() => recordAnswered({ jobId: id, index: 0, attempt: 2, answer, now: 2_300 }));
    expect(await record(sent(id, { attempt: 2 }))).toBe("already_sent");
    expect(await bench.store.read(() => readJournal(id))).toMatchObject([{ attempt: 2, answer }]);
  });

  it("lets the next attempt take over a write that could not be sent, once", async () => {
    const id = await running(bench.store);
    const unsent = { ok: false, status: null, answer: { sent: false, error: "internal" }, ms: 0 };
    const first = sent(id, { idempotent: false });
    await record(first);
    await bench.store.write(() => recordAnswered({ jobId: id, index: 0, attempt: 1, answer: unsent, now: 2_200 }));
    expect(await record(first)).toBe("already_sent");
    await claim(bench.store, id);
    expect(await record({ ...first, attempt: 2 })).toBe("recorded");
    expect(await bench.store.read(() => readJournal(id))).toMatchObject([
      { attempt: 2, answeredAt: null, answer: null },
    ]);
    await claim(bench.store, id);
    expect(await record({ ...first, attempt: 3 })).toBe("already_sent");
  });

  it("calls the outcome unknown when an unrepeatable write was under way in a crash loop", async () => {
    const id = await running(bench.store);
    await bench.store.write(() => recordSent(sent(id, { idempotent: false })));
    await claim(bench.store, id);
    await claim(bench.store, id);
    const last = await claim(bench.store, id);
    expect(last).toMatchObject({ outcome: "crash_loop", job: { state: "unknown_outcome" } });
    expect((await find(bench.store, id))?.error?.code).toBe("outcome_unknown");
  });

  it("says what was written before a job that had been given back was cancelled", async () => {
    const id = await running(bench.store);
    await record(sent(id));
    await bench.store.write(() => recordAnswered({ jobId: id, index: 0, attempt: 1, answer, now: 2_200 }));
    await bench.store.write(() => requeueJob({ id, attempt: 1, events: [] }));
    await bench.store.write(() => requestCancel({ id, now: 2_300 }));
    expect(await claim(bench.store, id)).toMatchObject({
      outcome: "cancelled",
      job: { error: { code: "job_cancelled", details: { steps_done: 1, outcome: "partial" } } },
    });
  });
});
