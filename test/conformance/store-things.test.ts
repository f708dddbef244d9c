/** What every store must keep of packs, plans, people and the installation itself. */
import { expect, it } from "vitest";
import { newId } from "../../src/model/ids.ts";
import type { RecordedType, Release } from "../../src/model/integration-type.ts";
import type { Plan } from "../../src/model/plan.ts";
import { appendAudit, listAudit, pruneAudit } from "../../src/store/audit.ts";
import { findInstance, insertInstance } from "../../src/store/instances.ts";
import { claimJob, insertJob } from "../../src/store/jobs.ts";
import { getMeta, keepMeta, setMeta } from "../../src/store/meta.ts";
import { findPlan, insertPlan, planOfJob, prunePlans, takePlan } from "../../src/store/plans.ts";
import { findRelease, insertRelease, listReleases, readContent, setReleaseStatus } from "../../src/store/releases.ts";
import { findToken, findTokenByHash, insertToken, isOver, listTokens, revokeToken } from "../../src/store/tokens.ts";
import {
  findManifestYaml,
  findType,
  listTypes,
  removeType,
  restoreInstances,
  setTypeStatus,
  upsertType,
} from "../../src/store/types.ts";
import { insertUpload, pruneUploads, readUpload } from "../../src/store/uploads.ts";
import { describeStores, newInstance, newJob } from "../kit/stores.ts";

const recorded: RecordedType = {
  id: "example.device",
  status: "valid",
  errors: {},
  manifest: { id: "example.device", name: "Example", capabilities: [] } as unknown as RecordedType["manifest"],
  manifestYaml: "id: example.device\n",
  language: "node",
  digest: "d1",
  installedAt: 1_000,
  isShipped: true,
  isRemoved: false,
  permissions: ["secrets:raw"],
  signedBy: null,
  quality: { tier: "silver", missing: ["plans"] },
  sandboxLevel: "full",
  lastValidatedAt: 1_000,
  createdAt: 1_000,
  updatedAt: 1_000,
};
const { manifestYaml, ...type } = recorded;

describeStores("types and releases", (bench) => {
  it("keeps a type, and when it was first seen, over an upgrade", async () => {
    await bench.store.write(() => upsertType(recorded));
    expect(await bench.store.read(() => findType(type.id))).toEqual(type);
    expect(await bench.store.read(() => findManifestYaml(type.id))).toBe(manifestYaml);
    const next = { ...type, digest: "d2", createdAt: 9_000, updatedAt: 9_000, isShipped: false };
    await bench.store.write(() => upsertType({ ...next, manifestYaml: "id: new\n" }));
    expect(await bench.store.read(listTypes)).toEqual([{ ...next, createdAt: 1_000 }]);
    expect(await bench.store.read(() => findType("no.such"))).toBeUndefined();
  });

  it("keeps what a validation found", async () => {
    await bench.store.write(() => upsertType(recorded));
    const found = {
      id: type.id,
      status: "invalid",
      errors: { import_error: "no" },
      sandboxLevel: "degraded",
      now: 2_000,
    };
    expect(await bench.store.write(() => setTypeStatus(found as never))).toBe(true);
    const { id, now, ...kept } = found;
    expect(await bench.store.read(() => findType(id))).toMatchObject({ ...kept, lastValidatedAt: now, updatedAt: now });
    expect(await bench.store.write(() => setTypeStatus({ ...found, id: "no.such" } as never))).toBe(false);
  });

  it("takes the instances of a removed type out of use, and brings them back to be reviewed", async () => {
    await bench.store.write(() => upsertType(recorded));
    const [first, second] = [newInstance({ name: "a" }), newInstance({ name: "b" })];
    for (const one of [first, second]) await bench.store.write(() => insertInstance(one, []));
    await bench.store.write(() => insertInstance(newInstance({ name: "c", typeId: "other.type" }), []));
    expect(await bench.store.write(() => removeType({ id: type.id, now: 2_000, isRemoved: true }))).toBe(2);
    expect(await bench.store.read(() => findType(type.id))).toMatchObject({ status: "unavailable", isRemoved: true });
    expect(await bench.store.read(() => findInstance(first.id))).toMatchObject({ state: "type_unavailable" });
    const restored = await bench.store.write(() => restoreInstances({ typeId: type.id, now: 3_000 }));
    expect(restored.sort()).toEqual([first.id, second.id].sort());
    expect(await bench.store.read(() => findInstance(first.id))).toMatchObject({
      state: "needs_review",
      updatedAt: 3_000,
    });
    expect(await bench.store.write(() => restoreInstances({ typeId: type.id, now: 3_000 }))).toEqual([]);
  });

  it("keeps the files of a release by digest, byte for byte", async () => {
    const files = [
      { path: "plugin.yaml", bytes: Buffer.from("id: example.device\n") },
      { path: "data/ü.bin", bytes: Buffer.from(Array.from({ length: 70_000 }, (_, index) => index % 256)) },
      { path: "empty", bytes: Buffer.alloc(0) },
    ];
    const release: Release = { digest: "d1", typeId: type.id, version: "1.0.0", installedAt: 1_000, status: "valid" };
    await bench.store.write(() => insertRelease(release, files));
    await bench.store.write(() => insertRelease({ ...release, installedAt: 2_000 }, files));
    await bench.store.write(() =>
      insertRelease({ ...release, digest: "d2", installedAt: 1_500, version: "1.1.0" }, []),
    );
    const content = await bench.store.read(() => readContent("d1"));
    expect(content?.map(({ path, bytes }) => [path, Buffer.from(bytes)])).toEqual(
      files.map(({ path, bytes }) => [path, bytes]),
    );
    expect(await bench.store.read(() => readContent("d2"))).toEqual([]);
    expect(await bench.store.read(() => readContent("d3"))).toBeUndefined();
    const listed = await bench.store.read(() => listReleases(type.id));
    expect(listed.map(({ digest, installedAt }) => [digest, installedAt])).toEqual([
      ["d1", 2_000],
      ["d2", 1_500],
    ]);
    const superseded = { typeId: type.id, digest: "d1", status: "superseded" } as const;
    expect(await bench.store.write(() => setReleaseStatus(superseded))).toBe(true);
    expect(await bench.store.read(() => findRelease(type.id, "d1"))).toMatchObject({ status: "superseded" });
    expect(await bench.store.read(() => findRelease("other", "d1"))).toBeUndefined();
  });

  it("keeps an upload until it is old, counted from when it last came", async () => {
    const upload = { digest: "u", fileName: "a.int", bytes: Buffer.from([0, 1, 255]), now: 1_000 };
    await bench.store.write(() => insertUpload(upload));
    await bench.store.write(() => insertUpload({ ...upload, fileName: "b.int", now: 2_000 }));
    expect(await bench.store.write(() => pruneUploads({ before: 1_500, limit: 10 }))).toBe(0);
    const kept = await bench.store.read(() => readUpload("u"));
    expect([kept?.fileName, Buffer.from(kept!.bytes)]).toEqual(["b.int", upload.bytes]);
    expect(await bench.store.write(() => pruneUploads({ before: 2_500, limit: 10 }))).toBe(1);
    expect(await bench.store.read(() => readUpload("u"))).toBeUndefined();
  });
});

const plan = (given: Partial<Plan> = {}): Plan => ({
  id: newId("pln", 1_000),
  hash: "h",
  instanceId: "ins_1",
  configRevision: 2,
  digest: "d1",
  capability: "vm.lifecycle",
  verb: "shutdown",
  target: { type: "vm", id: "100" },
  params: { force: false },
  pinned: true,
  result: {
    ok: true,
    severity: "info",
    preconditions: [{ check: "running", ok: true }],
    plan: { kind: "api", steps: [] },
    effects: { summary: "stops 100", per_target: [{ id: "100", from: "running", to: "stopped" }] },
  },
  steps: [{ transport: "http", method: "POST", path: "/x", query: [["a", "b"]] }],
  createdAt: 1_000,
  expiresAt: 5_000,
  madeBy: "job_1",
  usedBy: null,
  ...given,
});

describeStores("plans", (bench) => {
  it("gives a plan to one job only, however many ask at once", async () => {
    const made = plan();
    await bench.store.write(() => insertPlan(made));
    expect(await bench.store.read(() => findPlan(made.id))).toEqual(made);
    const take = (jobId: string) => bench.store.write(() => takePlan({ id: made.id, jobId }));
    const taken = await Promise.all(["job_2", "job_3", "job_4"].map(take));
    expect(taken.filter(Boolean)).toHaveLength(1);
    const winner = ["job_2", "job_3", "job_4"][taken.indexOf(true)]!;
    expect(await take(winner)).toBe(true);
    expect(await bench.store.read(() => planOfJob(winner))).toEqual({ ...made, usedBy: winner });
    expect(await bench.store.read(() => planOfJob("job_9"))).toBeUndefined();
    expect(await bench.store.write(() => takePlan({ id: "pln_none", jobId: "job_2" }))).toBe(false);
  });

  it("forgets expired plans, but not the plan of an open job", async () => {
    const { job } = await bench.store.write(() => insertJob(newJob()));
    await bench.store.write(() => claimJob({ id: job.id, workerId: "wrk_1", now: 2_000 }));
    const plans = [plan(), plan({ usedBy: job.id }), plan({ usedBy: "job_gone" }), plan({ expiresAt: 99_000 })];
    for (const one of plans) await bench.store.write(() => insertPlan(one));
    expect(await bench.store.write(() => prunePlans({ before: 6_000, limit: 10 }))).toBe(2);
    expect(await bench.store.read(() => findPlan(plans[1]!.id))).toBeDefined();
    expect(await bench.store.read(() => findPlan(plans[3]!.id))).toBeDefined();
  });
});

describeStores("tokens, audit and meta", (bench) => {
  const token = {
    id: "tok_1",
    name: "ci",
    role: "operator",
    hash: "h1",
    instances: ["ins_1"],
    expiresAt: null,
    createdAt: 1_000,
  } as const;

  it("keeps tokens by the hash of their value", async () => {
    await bench.store.write(() => insertToken(token));
    await bench.store.write(() => insertToken({ ...token, id: "tok_1b", name: "again" }));
    await bench.store.write(() =>
      insertToken({ ...token, id: "tok_2", hash: "h2", instances: null, expiresAt: 9, createdAt: 2_000 }),
    );
    const { hash, ...shown } = token;
    expect(await bench.store.read(() => findTokenByHash("h1"))).toEqual({ ...shown, revokedAt: null });
    expect(await bench.store.read(() => findTokenByHash("none"))).toBeUndefined();
    expect((await bench.store.read(listTokens)).map(({ id }) => id)).toEqual(["tok_2", "tok_1"]);
    expect(JSON.stringify(await bench.store.read(listTokens))).not.toContain(hash);
  });

  it("revokes a token once", async () => {
    await bench.store.write(() => insertToken(token));
    expect(await bench.store.read(() => isOver({ id: "tok_1", now: 4 }))).toBe(false);
    expect(await bench.store.write(() => revokeToken({ id: "tok_1", now: 5 }))).toBe(true);
    expect(await bench.store.write(() => revokeToken({ id: "tok_1", now: 6 }))).toBe(false);
    expect(await bench.store.read(() => isOver({ id: "tok_1", now: 4 }))).toBe(true);
    expect(await bench.store.read(() => isOver({ id: "tok_none", now: 4 }))).toBe(true);
    expect(await bench.store.read(() => findToken("tok_1"))).toMatchObject({ revokedAt: 5 });
  });

  it("knows that a token is over from the moment it expires", async () => {
    await bench.store.write(() => insertToken({ ...token, expiresAt: 50 }));
    const isOverAt = (now: number) => bench.store.read(() => isOver({ id: "tok_1", now }));
    expect([await isOverAt(49), await isOverAt(50)]).toEqual([false, true]);
  });

  it("lists the audit log newest first by page, and forgets what is old", async () => {
    const entry = { principalId: "tok_1", principalName: "ci", action: "instance.test", objectType: "instance" };
    const ats = [1, 2, 2, 2, 3];
    for (const [index, at] of ats.entries()) {
      const full = { ...entry, id: `aud_${index}`, at, objectId: null, address: null, outcome: "ok" };
      await bench.store.write(() => appendAudit(full));
    }
    const first = await bench.store.read(() => listAudit({ limit: 3 }));
    const second = await bench.store.read(() => listAudit({ limit: 3, cursor: first.nextCursor }));
    expect([...first.items, ...second.items].map(({ id }) => id)).toEqual([
      "aud_4",
      "aud_3",
      "aud_2",
      "aud_1",
      "aud_0",
    ]);
    expect(second.nextCursor).toBeNull();
    expect(await bench.store.write(() => pruneAudit({ before: 3, limit: 3 }))).toBe(3);
    expect(await bench.store.write(() => pruneAudit({ before: 3, limit: 3 }))).toBe(1);
  });

  it("keeps facts by key", async () => {
    expect(await bench.store.read(() => getMeta("epoch"))).toBeUndefined();
    expect(await bench.store.write(() => keepMeta("epoch", "a"))).toBe("a");
    expect(await bench.store.write(() => keepMeta("epoch", "b"))).toBe("a");
    await bench.store.write(() => setMeta("epoch", "c"));
    expect(await bench.store.read(() => getMeta("epoch"))).toBe("c");
  });
});
