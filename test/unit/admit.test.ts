/** Admission: what an accepted job looks like, and who may ask for one. */
import { describe, expect, it, vi } from "vitest";
import { silentLog } from "../../src/log.ts";
import { createAdmission } from "../../src/queue/admit.ts";
import type { JobQueue } from "../../src/queue/queue.ts";
import { listAudit } from "../../src/store/audit.ts";
import { findJob, notEnqueued } from "../../src/store/jobs.ts";
import { dim, paperVault, power, useAdmission } from "../kit/admission.ts";
import { seedLamp, somebody } from "../kit/fixtures.ts";

const { bench, ask } = useAdmission();
const refusal = (code: string) => expect.objectContaining({ code });

describe("an accepted job", () => {
  it("is queued in the store and then on the queue, with what the catalog says of its kind", async () => {
    const { id } = await seedLamp(bench().store);
    const { job, isNew } = await ask("instance.test_connection", { instance_id: id }, { debug: true });
    expect(isNew).toBe(true);
    expect(job).toMatchObject({
      kind: "instance.test_connection",
      state: "queued",
      queue: "interactive",
      maxAttempts: 3,
      timeoutMs: 60_000,
      debug: true,
      subject: { instanceId: id, typeId: "acme.lamp" },
      requestedBy: { tokenId: "tok_1", name: "somebody" },
    });
    expect(await bench().store.read(() => findJob(job.id))).toEqual(job);
    await vi.waitFor(async () => expect((await bench().queue.counts()).interactive.waiting).toBe(1));
    await bench().admission.close();
    expect(await bench().store.read(() => notEnqueued({ olderThan: Date.now() + 1, limit: 10 }))).toEqual([]);
  });

  it("leaves one line in the audit log", async () => {
    const { id } = await seedLamp(bench().store);
    const { job } = await ask("instance.test_connection", { instance_id: id }, { address: "10.0.0.9" });
    const { items } = await bench().store.read(() => listAudit({ limit: 10 }));
    expect(items).toMatchObject([
      {
        principalName: "somebody",
        action: "job.create",
        objectType: "job",
        objectId: job.id,
        address: "10.0.0.9",
        outcome: "accepted",
      },
    ]);
  });

  it("takes the locks that its capability declares", async () => {
    const { id } = await seedLamp(bench().store);
    const first = await ask("action.run", power(id));
    expect(first.job.locks).toEqual([
      { name: `target/${id}/lamp/1`, mode: "exclusive" },
      { name: `instance/${id}`, mode: "shared" },
    ]);
    const second = await ask("action.run", dim(id, { level: 3 }));
    expect(second.job.locks).toEqual([{ name: `instance/${id}`, mode: "exclusive" }]);
  });

  it("seals secret parameters and shows a stand-in in their place", async () => {
    const { id } = await seedLamp(bench().store);
    const { job } = await ask("action.run", dim(id, { level: 3, pin: "4711" }));
    expect(job.input).toMatchObject({ params: { level: 3, pin: "[secret:pin]" } });
    expect(JSON.parse(job.sealedInput ?? "")).toEqual({ pin: `sealed(${job.id}/pin/4)` });
    expect(JSON.stringify(job)).not.toContain("4711");
  });

  it("inherits the sealed parameters of the job that it repeats", async () => {
    const { id } = await seedLamp(bench().store);
    const { job } = await ask("action.run", dim(id, { level: 3, pin: "4711" }));
    const again = await ask("action.run", job.input, { retryOf: job.id });
    expect(again.job).toMatchObject({ retryOf: job.id, input: job.input });
    expect(JSON.parse(again.job.sealedInput ?? "")).toEqual({ "@scope": job.id, pin: `sealed(${job.id}/pin/4)` });
    const third = await ask("action.run", again.job.input, { retryOf: again.job.id });
    expect(JSON.parse(third.job.sealedInput ?? "")["@scope"]).toBe(job.id);
  });

  it("is written although the queue refuses it, for the sweep to add", async () => {
    const { id } = await seedLamp(bench().store);
    const broken: JobQueue = { ...bench().queue, add: () => Promise.reject(new Error("gone")) };
    const other = createAdmission({
      store: bench().store,
      queue: broken,
      vault: paperVault,
      now: Date.now,
      isRedisUp: () => true,
      log: silentLog,
    });
    const { job } = await other.admit({
      kind: "instance.test_connection",
      input: { instance_id: id },
      principal: somebody(),
      action: "job.create",
    });
    await other.close();
    const forgotten = await bench().store.read(() => notEnqueued({ olderThan: Date.now() + 1, limit: 10 }));
    expect(forgotten.map((one) => one.id)).toEqual([job.id]);
  });

  it("goes to the queue that a schedule asks for", async () => {
    const { id } = await seedLamp(bench().store);
    const { job } = await ask("instance.test_connection", { instance_id: id }, { queue: "background" });
    expect(job.queue).toBe("background");
    await vi.waitFor(async () => expect((await bench().queue.counts()).background.waiting).toBe(1));
  });
});

describe("who may ask", () => {
  it("refuses a role below the catalog's, and writes that down", async () => {
    const { id } = await seedLamp(bench().store);
    const viewer = somebody({ role: "viewer" });
    await expect(ask("instance.test_connection", { instance_id: id }, { principal: viewer })).rejects.toEqual(
      refusal("forbidden"),
    );
    await expect(ask("pack.rescan", {})).rejects.toEqual(refusal("forbidden"));
    await vi.waitFor(async () =>
      expect((await bench().store.read(() => listAudit({ limit: 10 }))).items.map(({ outcome }) => outcome)).toEqual([
        "forbidden",
        "forbidden",
      ]),
    );
  });

  it("does not tell a limited token that another instance exists", async () => {
    const { id } = await seedLamp(bench().store);
    const limited = somebody({ instances: ["ins_other"] });
    const hidden = ask("instance.test_connection", { instance_id: id }, { principal: limited });
    await expect(hidden).rejects.toEqual(refusal("not_found"));
    const missing = ask("instance.test_connection", { instance_id: id.replace(/.$/, "0").replace(/.{3}$/, "zzz") });
    await expect(missing).rejects.toEqual(refusal("not_found"));
  });

  it("accepts nothing while Redis is away", async () => {
    const { id } = await seedLamp(bench().store);
    bench().setUp(false);
    await expect(ask("instance.test_connection", { instance_id: id })).rejects.toEqual(refusal("queue_unavailable"));
    expect(await bench().store.read(() => notEnqueued({ olderThan: Date.now() + 1, limit: 10 }))).toEqual([]);
  });
});
