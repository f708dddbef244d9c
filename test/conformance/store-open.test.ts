/** What every store knows of jobs that are still to be seen to, or to be forgotten. */
import { expect, it } from "vitest";
import { readEvents } from "../../src/store/events.ts";
import {
  closeTail,
  countOpenJobs,
  findJob,
  listJobs,
  markEnqueued,
  notEnqueued,
  openJobsOf,
  openTails,
  orphanedJobs,
  overdueJobs,
  pruneJobs,
  retryJob,
  runningJobs,
  unsettledJobs,
} from "../../src/store/jobs.ts";
import { admit, claim, ids, settle } from "../kit/stored-jobs.ts";
import { describeStores } from "../kit/stores.ts";

describeStores("what is still to do", (bench) => {
  it("knows the jobs that the queue never took", async () => {
    const taken = await admit(bench.store, { createdAt: 1_000 });
    const late = await admit(bench.store, { createdAt: 1_001 });
    await admit(bench.store, { createdAt: 5_000 });
    const settled = await admit(bench.store, { createdAt: 900 });
    await settle(bench.store, settled);
    await bench.store.write(() => markEnqueued([taken], 1_100));
    await bench.store.write(() => markEnqueued([], 1_100));
    expect(ids(await bench.store.read(() => notEnqueued({ olderThan: 4_000, limit: 10 })))).toEqual([late]);
    expect(await bench.store.read(() => findJob(taken))).toMatchObject({ enqueuedAt: 1_100 });
  });

  it("walks the unsettled jobs in the order of admission", async () => {
    const all: string[] = [];
    for (let index = 0; index < 5; index += 1) all.push(await admit(bench.store, { createdAt: 100 - index }));
    await settle(bench.store, all[1]!);
    await claim(bench.store, all[2]!);
    const first = await bench.store.read(() => unsettledJobs({ limit: 2 }));
    expect(ids(first)).toEqual([all[0], all[2]]);
    const rest = await bench.store.read(() => unsettledJobs({ after: first[1]!.admission, limit: 10 }));
    expect(ids(rest)).toEqual([all[3], all[4]]);
    expect(await bench.store.read(countOpenJobs)).toEqual(
      expect.arrayContaining([
        { state: "queued", queue: "interactive", count: 3 },
        { state: "running", queue: "interactive", count: 1 },
      ]),
    );
  });

  it("knows open tails until they are closed", async () => {
    const [first, second] = [await admit(bench.store), await admit(bench.store)];
    await settle(bench.store, first, { now: 3_000 });
    await settle(bench.store, second, { now: 4_000 });
    expect(ids(await bench.store.read(() => openTails({ olderThan: 9_000, limit: 10 })))).toEqual([first, second]);
    expect(ids(await bench.store.read(() => openTails({ olderThan: 3_500, limit: 10 })))).toEqual([first]);
    await bench.store.write(() => closeTail(first));
    expect(ids(await bench.store.read(() => openTails({ olderThan: 9_000, limit: 10 })))).toEqual([second]);
  });

  it("knows what runs, where, and what an instance has open", async () => {
    const subject = { instanceId: "ins_1" };
    const [waits, runs, over] = [
      await admit(bench.store, { subject }),
      await admit(bench.store, { subject }),
      await admit(bench.store, { subject }),
    ];
    await claim(bench.store, runs, "wrk_7");
    await settle(bench.store, over);
    expect(ids(await bench.store.read(() => runningJobs({ limit: 10 })))).toEqual([runs]);
    expect(ids(await bench.store.read(() => runningJobs({ workerId: "wrk_7", limit: 10 })))).toEqual([runs]);
    expect(await bench.store.read(() => runningJobs({ workerId: "wrk_8", limit: 10 }))).toEqual([]);
    expect(ids(await bench.store.read(() => openJobsOf("ins_1")))).toEqual([waits, runs]);
  });

  it("knows whose worker is gone, and whose time for another try came; not what they were given", async () => {
    const [lost, runs, tries, waits] = [
      await admit(bench.store),
      await admit(bench.store),
      await admit(bench.store),
      await admit(bench.store),
    ];
    await claim(bench.store, lost, "wrk_gone");
    await claim(bench.store, runs, "wrk_here");
    for (const [id, runAt] of [
      [tries, 4_000],
      [waits, 90_000],
    ] as const) {
      await claim(bench.store, id, "wrk_here");
      await bench.store.write(() => retryJob({ id, attempt: 1, runAt, events: [] }));
    }
    const far = Number.MAX_SAFE_INTEGER;
    const orphans = (alive: readonly string[], olderThan = far) =>
      bench.store.read(() => orphanedJobs({ alive, olderThan, limit: 10 }));
    expect(ids(await orphans(["wrk_here", "wrk_new"]))).toEqual([lost]);
    expect(ids(await orphans([])).toSorted()).toEqual([lost, runs].toSorted());
    expect(await orphans([], 0)).toEqual([]);
    const overdue = await bench.store.read(() => overdueJobs({ olderThan: 5_000, limit: 10 }));
    expect(ids(overdue)).toEqual([tries]);
    expect(overdue[0]).not.toHaveProperty("input");
  });

  it("forgets old jobs and old routine with their events, but none that is open", async () => {
    const jobs = { open: await admit(bench.store), tail: await admit(bench.store) };
    const settled: Record<string, string> = {};
    for (const [name, now, routine] of [
      ["old", 1_500, false],
      ["fresh", 8_000, false],
      ["routine", 4_000, true],
      ["freshRoutine", 8_000, true],
    ] as const) {
      const id = await admit(bench.store, { idempotencyKey: name, requestHash: "h" });
      await settle(bench.store, id, { now, routine });
      await bench.store.write(() => closeTail(id));
      settled[name] = id;
    }
    await settle(bench.store, jobs.tail, { now: 1_000 });
    const prune = () => bench.store.write(() => pruneJobs({ before: 2_000, scheduledBefore: 5_000, limit: 1 }));
    expect([await prune(), await prune(), await prune()]).toEqual([1, 1, 0]);
    expect((await bench.store.read(() => listJobs({ limit: 50 }))).items).toHaveLength(4);
    expect(await bench.store.read(() => findJob(jobs.open))).toBeDefined();
    for (const gone of ["old", "routine"]) {
      expect(await bench.store.read(() => findJob(settled[gone]!))).toBeUndefined();
      expect(await bench.store.read(() => readEvents({ jobId: settled[gone]!, after: 0, limit: 9 }))).toEqual([]);
    }
    expect(await bench.store.read(() => findJob(settled["freshRoutine"]!))).toBeDefined();
  });
});
