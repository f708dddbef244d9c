/** The outbox: what was admitted together is added together, and a queue that falls behind slows admission down. */
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { silentLog } from "../../src/log.ts";
import { createOutbox, type Outbox } from "../../src/queue/outbox.ts";
import type { JobQueue, QueuedJob } from "../../src/queue/queue.ts";
import { sealedParamsOf } from "../../src/queue/secret-params.ts";
import { openTestStore, type TestStore } from "../kit/store.ts";

let kept: TestStore;
let added: (readonly QueuedJob[])[];
let outbox: Outbox;
/** While set, adds wait for it. */
let gate: Promise<void> | undefined;

beforeEach(async () => {
  kept = await openTestStore();
  added = [];
  gate = undefined;
  const queue: Pick<JobQueue, "add"> = {
    add: async (jobs) => {
      await gate;
      added.push(jobs);
    },
  };
  outbox = createOutbox({ store: kept.store, queue: queue as JobQueue, now: Date.now, log: silentLog });
});
afterEach(async () => {
  await outbox.close();
  await kept.end();
});

const job = (index: number): QueuedJob => ({ id: `job_${index}`, queue: "interactive" });

it("adds in one go what one turn of the loop admitted, in its order", async () => {
  await Promise.all(Array.from({ length: 100 }, (_, index) => outbox.put(job(index))));
  await vi.waitFor(() => expect(added).toHaveLength(1));
  expect(added[0]?.map(({ id }) => id)).toEqual(Array.from({ length: 100 }, (_, index) => `job_${index}`));
});

it("lets admission wait for its add once more than 500 rows wait for theirs", async () => {
  let open = (): void => undefined;
  gate = new Promise((resolve) => {
    open = resolve;
  });
  await Promise.all(Array.from({ length: 500 }, (_, index) => outbox.put(job(index))));
  let isThrough = false;
  const late = outbox.put(job(500)).then(() => {
    isThrough = true;
  });
  await new Promise((resolve) => setImmediate(resolve));
  expect(isThrough).toBe(false);
  open();
  await late;
  expect(added.flat()).toHaveLength(501);
});

it("sends on closing what is still on its way", async () => {
  void outbox.put(job(1));
  await outbox.close();
  expect(added.flat()).toEqual([job(1)]);
});

it("names the job for which inherited secret parameters open", () => {
  const own = { id: "job_2", sealedInput: JSON.stringify({ pin: "x" }) };
  expect(sealedParamsOf(own)).toEqual([{ name: "pin", sealed: "x", scope: "job_2" }]);
  const inherited = { id: "job_2", sealedInput: JSON.stringify({ "@scope": "job_1", pin: "x" }) };
  expect(sealedParamsOf(inherited)).toEqual([{ name: "pin", sealed: "x", scope: "job_1" }]);
  expect(sealedParamsOf({ id: "job_2", sealedInput: null })).toEqual([]);
});
