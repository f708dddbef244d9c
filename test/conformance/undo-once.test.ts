/** An action is taken back once, however many ask for it in the same moment. */
import { expect, it } from "vitest";
import { claimJob, findUndo, insertJob, type NewJob, settleJob } from "../../src/store/jobs.ts";
import { describeStores, newJob } from "../kit/stores.ts";

describeStores("undo", (bench) => {
  const about = { kind: "action.run" as const, subject: { instanceId: "ins_1" } };
  const admit = (given: Partial<NewJob>) => bench.store.write(() => insertJob(newJob({ ...about, ...given })));
  const end = async (id: string, state: "succeeded" | "failed") => {
    await bench.store.write(() => claimJob({ id, workerId: "wrk_1", now: 2_000 }));
    const error = state === "failed" ? { code: "driver_failed" as const, title: "", detail: "" } : null;
    await bench.store.write(() => settleJob({ id, attempt: 1, state, result: {}, error, events: [], now: 3_000 }));
  };

  it("is admitted once for a job, and again only when the one that was failed", async () => {
    const { job } = await admit({});
    await end(job.id, "succeeded");
    const crowd = await Promise.all(Array.from({ length: 20 }, () => admit({ undoOf: job.id })));
    const created = crowd.filter(({ outcome }) => outcome === "created");
    const [undo] = created.map((one) => one.job.id);
    expect(created).toHaveLength(1);
    expect(crowd.filter((one) => one.outcome === "undone" && one.job.id === undo)).toHaveLength(19);
    await end(undo ?? "", "failed");
    const again = await admit({ undoOf: job.id });
    expect(again.outcome).toBe("created");
    await end(again.job.id, "succeeded");
    expect(await admit({ undoOf: job.id })).toMatchObject({ outcome: "undone", job: { id: again.job.id } });
  });

  it("says of an open undo that it is there, also where equal actions join", async () => {
    const { job } = await admit({});
    await end(job.id, "succeeded");
    const asked = { undoOf: job.id, dedupeKey: "d", dedupeHash: "h" };
    const first = await admit(asked);
    expect(await admit(asked)).toMatchObject({ outcome: "undone", job: { id: first.job.id } });
    const other = { dedupeKey: "d", dedupeHash: "h" };
    expect(await admit(other)).toMatchObject({ outcome: "joined", job: { id: first.job.id } });
  });

  it("is found by the job that it takes back, while it is open and when it succeeded", async () => {
    const { job } = await admit({});
    const found = async () => (await bench.store.read(() => findUndo({ ...job, instanceId: "ins_1" })))?.id;
    expect(await found()).toBeUndefined();
    await end(job.id, "succeeded");
    const failed = await admit({ undoOf: job.id });
    expect(await found()).toBe(failed.job.id);
    await end(failed.job.id, "failed");
    expect(await found()).toBeUndefined();
    const done = await admit({ undoOf: job.id });
    await end(done.job.id, "succeeded");
    expect(await found()).toBe(done.job.id);
  });

  it("is answered with the undo that its key stands for already", async () => {
    const { job } = await admit({});
    const keyed = { undoOf: job.id, idempotencyKey: "k", requestHash: "h" };
    const first = await admit(keyed);
    expect(await admit(keyed)).toMatchObject({ outcome: "replayed", job: { id: first.job.id } });
  });
});
