/** The journal of a running job while the store comes and goes. */
import { expect, it } from "vitest";
import { SwitchyardError } from "../../src/errors.ts";
import { claimJob, insertJob } from "../../src/store/jobs.ts";
import { readJournal } from "../../src/store/journal.ts";
import type { Store } from "../../src/store/store.ts";
import { storeJournal } from "../../src/workers/journal.ts";
import { describeStores, newJob } from "../kit/stores.ts";

const away = () => new SwitchyardError("store_unavailable", { detail: "The connection ended." });

/** Its first writes are kept, but their confirmation is lost. */
const forgetful = (store: Store, times: number): Store => {
  let left = times;
  const write: Store["write"] = async (unit, options) => {
    const written = await store.write(unit, options);
    left -= 1;
    if (left >= 0) throw away();
    return written;
  };
  return { ...store, write };
};

const entry = { index: 0, transport: "http", request: { method: "POST", path: "/start" }, idempotent: false };
const answer = { ok: true, status: 200, answer: { data: "UPID:1" }, ms: 12 };

describeStores("the journal of a running job", (bench) => {
  const open = async (times: number, signal = new AbortController().signal) => {
    const { job } = await bench.store.write(() => insertJob(newJob()));
    const claimed = await bench.store.write(() => claimJob({ id: job.id, workerId: "wrk_1", now: 2_000 }));
    if (claimed.outcome !== "claimed") throw new Error("expected the job to be claimed");
    const store = forgetful(bench.store, times);
    return { job, journal: storeJournal({ store, job: claimed.job, earlier: [], now: () => 2_100, signal }) };
  };

  it("sends what was recorded although the store did not confirm it", async () => {
    const { job, journal } = await open(1);
    await journal.sent(entry);
    await journal.answered(0, answer);
    expect(await bench.store.read(() => readJournal(job.id))).toMatchObject([{ ...entry, attempt: 1, answer }]);
    await expect(journal.sent(entry)).rejects.toMatchObject({ code: "internal" });
  });

  it("keeps an answer that the store did not confirm at first", async () => {
    const { job, journal } = await open(2);
    await journal.sent(entry);
    await journal.answered(0, answer);
    expect(await bench.store.read(() => readJournal(job.id))).toMatchObject([{ answer }]);
  });

  it("sends nothing when the attempt is to end while the store is away", async () => {
    const { journal } = await open(99, AbortSignal.abort());
    await expect(journal.sent(entry)).rejects.toMatchObject({ code: "store_unavailable" });
  });
});
