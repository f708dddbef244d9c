/** What is older than the setting goes, table by table, in small steps; what is in use stays, however old. */
import { createHash } from "node:crypto";
import { expect, it } from "vitest";
import { newId } from "../../src/model/ids.ts";
import { pruneOld } from "../../src/queue/retention.ts";
import { appendAudit } from "../../src/store/audit.ts";
import { claimJob, closeTail, findJob, insertJob, settleJob } from "../../src/store/jobs.ts";
import { recordSent } from "../../src/store/journal.ts";
import { insertRelease, keptReleases, listReleases, readContent } from "../../src/store/releases.ts";
import type { Store } from "../../src/store/store.ts";
import { findToken, insertToken } from "../../src/store/tokens.ts";
import type { Unit } from "../../src/store/unit.ts";
import { insertUpload, readUpload } from "../../src/store/uploads.ts";
import { everything, fillEveryTable } from "../kit/copies.ts";
import { describeStores, eventsFrom, newJob } from "../kit/stores.ts";

const dayMs = 86_400_000;
const now = 1_800_000_000_000;
const daysAgo = (days: number): number => now - days * dayMs;
const digestOf = (text: string): string => createHash("sha256").update(text).digest("hex");

describeStores("retention", (bench) => {
  const prune = (store: Store = bench.store) =>
    pruneOld({ store, now: () => now, retentionDays: 90 }, new AbortController().signal);

  /** A job that settled then, with an event, a step in its journal and an idempotency key. */
  const addSettled = async (settledAt: number, given: { routine?: boolean } = {}): Promise<string> => {
    const job = newJob({ createdAt: settledAt, idempotencyKey: newId("job", settledAt), requestHash: "same" });
    await bench.store.write(function* () {
      yield* insertJob(job);
      yield* claimJob({ id: job.id, workerId: "wrk_1", now: settledAt });
      yield* recordSent({
        jobId: job.id,
        index: 0,
        attempt: 1,
        transport: "http",
        request: {},
        idempotent: true,
        now: 1,
      });
      const end = { id: job.id, attempt: 1, state: "succeeded", result: null, error: null } as const;
      yield* settleJob({ ...end, events: eventsFrom(1, 3), now: settledAt, routine: given.routine ?? false });
      yield* closeTail(job.id);
    });
    return job.id;
  };
  const isThere = async (id: string): Promise<boolean> => (await bench.store.read(() => findJob(id))) !== undefined;

  it("forgets settled jobs with everything that hangs on them, and no open one", async () => {
    const old = await addSettled(daysAgo(91));
    const young = await addSettled(daysAgo(89));
    const routine = await addSettled(now - 2 * 3_600_000, { routine: true });
    const open = newJob({ createdAt: daysAgo(400) });
    await bench.store.write(() => insertJob(open));
    await prune();
    expect(await isThere(old)).toBe(false);
    expect(await isThere(routine)).toBe(false);
    expect(await isThere(young)).toBe(true);
    expect(await isThere(open.id)).toBe(true);
    const { job_events, job_journal, idempotency_keys } = await everything(bench.url);
    for (const rows of [job_events, job_journal, idempotency_keys]) {
      expect(rows).toHaveLength(1);
      expect(JSON.stringify(rows)).toContain(young);
    }
  });

  it("forgets old audit entries, archives, and tokens that ended; not the hash of one that has no end", async () => {
    const audit = { principalId: "tok_1", principalName: "ada", action: "x", objectType: "job", objectId: null };
    for (const days of [91, 1]) {
      const entry = { ...audit, id: newId("aud", daysAgo(days)), at: daysAgo(days), address: null, outcome: "ok" };
      await bench.store.write(() => appendAudit(entry));
      const bytes = Buffer.from(`archive ${days}`);
      await bench.store.write(() => insertUpload({ digest: `d${days}`, fileName: "a", bytes, now: daysAgo(days) }));
      const token = { name: "t", role: "viewer", instances: null, createdAt: daysAgo(200) } as const;
      for (const [id, expiresAt] of [
        ["ending", daysAgo(days)],
        ["endless", null],
      ] as const) {
        const own = `tok_${id}_${days}`;
        await bench.store.write(() => insertToken({ ...token, id: own, hash: own, expiresAt }));
      }
    }
    await prune();
    expect((await everything(bench.url))["audit"]).toHaveLength(1);
    expect(await bench.store.read(() => readUpload("d91"))).toBeUndefined();
    expect(await bench.store.read(() => readUpload("d1"))).toBeDefined();
    expect(await bench.store.read(() => findToken("tok_ending_91"))).toBeUndefined();
    for (const id of ["tok_ending_1", "tok_endless_91"]) {
      expect(await bench.store.read(() => findToken(id)), id).toBeDefined();
    }
  });

  it("forgets releases that nobody goes back to any more, with their contents; the one in use stays, however old", async () => {
    const count = keptReleases + 5;
    const digests: string[] = [];
    for (let at = 0; at < count; at += 1) {
      const digest = digestOf(String(at));
      digests.push(digest);
      const release = { digest, typeId: "acme.vm", version: `1.0.${at}`, installedAt: daysAgo(300 - at) };
      const files = [{ path: "plugin.yaml", bytes: Buffer.from(`release ${at}`) }];
      await bench.store.write(() => insertRelease({ ...release, status: "superseded" }, files));
    }
    // Somebody went back to the second one.
    const inUse = digests[1] ?? "";
    await bench.store.write(function* (): Unit<void> {
      const columns = `id, status, errors, manifest, manifest_yaml, language, digest, installed_at, is_shipped, is_removed, permissions, created_at, updated_at`;
      const sql = `insert into integration_types (${columns}) values ('acme.vm', 'valid', '{}', '{}', '', 'node', '${inUse}', 1, 0, 0, '[]', 1, 1)`;
      yield { on: () => ({ sql, parameters: [] }) };
    });
    await prune();
    const left = (await bench.store.read(() => listReleases("acme.vm"))).map(({ digest }) => digest);
    expect(left.sort()).toEqual([inUse, ...digests.slice(-keptReleases)].sort());
    for (const digest of digests) {
      const content = await bench.store.read(() => readContent(digest));
      expect(content !== undefined, digest).toBe(left.includes(digest));
    }
  });

  it("takes no step larger than a few hundred rows, and stops when it is told to", async () => {
    for (let at = 0; at < 450; at += 1) {
      const entry = { principalId: "tok_1", principalName: "ada", action: "x", objectType: "job", objectId: null };
      await bench.store.write(() =>
        appendAudit({ ...entry, id: newId("aud", at), at: daysAgo(100) + at, address: null, outcome: "ok" }),
      );
    }
    const steps: number[] = [];
    const counting: Store = {
      ...bench.store,
      write: async (unit) => {
        const done = await bench.store.write(unit);
        steps.push(Number(done));
        return done;
      },
    };
    await pruneOld({ store: counting, now: () => now, retentionDays: 90 }, AbortSignal.abort());
    expect(steps).toEqual([]);
    await prune(counting);
    expect(steps.filter((done) => done > 0)).toEqual([200, 200, 50]);
  });

  it("knows of every table whether it has a limit", async () => {
    /** Where rows come with what happens, and where with what there is. */
    const limited = {
      byRetention: ["jobs", "plans", "audit", "inventory_changes", "uploads", "releases", "release_contents", "tokens"],
      withTheirJob: ["job_events", "job_journal", "job_artifacts", "idempotency_keys"],
      perInstance: ["instance_secrets", "instance_host_keys", "inventory_payloads", "inventory_failures", "schedules"],
      perThing: ["instances", "integration_types", "meta"],
    };
    const tables = await fillEveryTable(bench.store, bench.url);
    const known = new Set(Object.values(limited).flat());
    expect(tables.filter((name) => !known.has(name))).toEqual([]);
  });
});
