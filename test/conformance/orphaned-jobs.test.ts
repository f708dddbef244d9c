/** A job that the store counts as a living worker's, and that this worker does not run, comes back to the queue. */
import { expect, it } from "vitest";
import { silentLog } from "../../src/log.ts";
import { claimJob, insertJob } from "../../src/store/jobs.ts";
import type { Attempt } from "../../src/workers/attempt.ts";
import { createOrphanSearch } from "../../src/workers/housekeeping.ts";
import { describeStores, newJob } from "../kit/stores.ts";

describeStores("jobs that nobody runs", (bench) => {
  const running = async (workerId: string): Promise<string> => {
    const { job } = await bench.store.write(() => insertJob(newJob()));
    await bench.store.write(() => claimJob({ id: job.id, workerId, now: 2_000 }));
    return job.id;
  };

  it("are found by the worker that they are said to be with, at its second look", async () => {
    const asked: string[] = [];
    const note = (what: string) => async (jobs: readonly { id: string }[]) => {
      for (const { id } of jobs) asked.push(`${what} ${id}`);
    };
    const queue = { add: note("add"), remove: note("remove") };
    const lost = await running("wrk_1");
    const held = await running("wrk_1");
    await running("wrk_2");
    const { job: waiting } = await bench.store.write(() => insertJob(newJob()));
    const search = createOrphanSearch({
      store: bench.store,
      running: new Map([[held, {} as Attempt]]),
      log: silentLog,
      tail: { queue } as never,
      workerId: "wrk_1",
    });
    await search();
    expect(asked).toEqual([]);
    await search();
    expect(asked).toEqual([`remove ${lost}`, `add ${lost}`]);
    const again = await bench.store.write(() => claimJob({ id: lost, workerId: "wrk_1", now: 3_000 }));
    expect(again).toMatchObject({ outcome: "claimed", lost: true, job: { attempt: 2 } });
    expect(asked.join()).not.toContain(waiting.id);
  });
});
