/** A backup is the store at one moment, whatever goes on meanwhile, and comes back on either database. */
import { randomBytes } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "better-sqlite3";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { isSettled } from "../../src/model/job.ts";
import { appendAudit } from "../../src/store/audit.ts";
import { missing } from "../../src/store/engine/schema.ts";
import { claimJob, findJob, insertJob } from "../../src/store/jobs.ts";
import { recordSent } from "../../src/store/journal.ts";
import { getMeta, setMeta } from "../../src/store/meta.ts";
import { migrate, openStore } from "../../src/store/open.ts";
import { insertUpload } from "../../src/store/uploads.ts";
import { takeBackup } from "../../src/upkeep/backup.ts";
import { restoreBackup } from "../../src/upkeep/restore.ts";
import { createKeyring } from "../../src/vault/keyring.ts";
import { everything, fillEveryTable } from "../kit/copies.ts";
import { missingPostgres, startTestPostgres } from "../kit/postgres.ts";
import { describeStores, newJob } from "../kit/stores.ts";

let folder = "";
const key = randomBytes(32);
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "sw-backup-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const backUp = (databaseUrl: string, options: { passphrase?: string; withKey?: boolean; path?: string } = {}) =>
  takeBackup({
    path: options.path ?? join(folder, "one.backup"),
    databaseUrl,
    ring: () => createKeyring(key),
    withKey: options.withKey ?? true,
    passphrase: options.passphrase ?? null,
    coreVersion: "1.0.0",
    now: 1_000,
  });

const restore = (options: { databaseUrl?: string; passphrase?: string; present?: Buffer; path?: string } = {}) => {
  const dataDir = join(folder, "data");
  return restoreBackup({
    path: options.path ?? join(folder, "one.backup"),
    passphrase: options.passphrase ?? null,
    dataDir,
    databaseUrl: options.databaseUrl ?? join(dataDir, "switchyard.db"),
    masterKey: { file: join(dataDir, "master.key"), present: options.present ?? null },
    now: 2_000,
  });
};
const restoredFile = () => join(folder, "data", "switchyard.db");

describeStores("a backup", (bench) => {
  it("brings back every row of every table, on SQLite", async () => {
    const tables = await fillEveryTable(bench.store, bench.url);
    const before = await everything(bench.url);
    expect(Object.values(before).every((rows) => rows.length > 0)).toBe(true);
    const facts = await backUp(bench.url);
    expect(Object.keys(facts.rows).sort()).toEqual([...tables].sort());
    await restore();
    expect(await everything(restoredFile())).toEqual(before);
    expect(readFileSync(join(folder, "data", "master.key"), "utf8").trim()).toBe(key.toString("base64"));
    expect(statSync(join(folder, "data", "master.key")).mode & 0o777).toBe(0o600);
    expect(statSync(restoredFile()).mode & 0o777).toBe(0o600);
    expect(statSync(join(folder, "data")).mode & 0o777).toBe(0o700);
  });

  it.skipIf(missingPostgres !== undefined)("brings back every row of every table, on PostgreSQL", async () => {
    await fillEveryTable(bench.store, bench.url);
    const before = await everything(bench.url);
    await backUp(bench.url);
    const server = await startTestPostgres();
    try {
      const databaseUrl = await server.createDatabase();
      await restore({ databaseUrl });
      expect(await everything(databaseUrl)).toEqual(before);
      const store = await openStore({ url: databaseUrl });
      // Numbers that the database gives go on where they were.
      const { job } = await store.write(() => insertJob(newJob()));
      expect(job.admission).toBeGreaterThan(7);
      await store.close();
      await expect(restore({ databaseUrl })).rejects.toMatchObject({ code: "restore_refused" });
    } finally {
      await server.stop();
    }
  });

  it("is of one moment: what is written while it is taken is not half in it", async () => {
    // Among the first tables and among the last ones, with something between that takes a while to read.
    await bench.store.write(function* () {
      for (let at = 0; at < 5_000; at += 1) yield* setMeta(`m${at}`, "x".repeat(2_000));
    });
    let rounds = 0;
    let isOver = false;
    const writing = (async () => {
      while (!isOver) {
        rounds += 1;
        const id = `round-${rounds}`;
        const who = { principalId: "tok_1", principalName: "ada", address: null, outcome: "ok" };
        const entry = { ...who, id, at: rounds, action: "x", objectType: "job", objectId: null };
        await bench.store.write(function* () {
          yield* appendAudit(entry);
          yield* insertUpload({ digest: id, fileName: "a", bytes: Buffer.from("a"), now: rounds });
        });
      }
    })();
    await backUp(bench.url);
    isOver = true;
    await writing;
    await restore();
    const { audit = [], uploads = [] } = await everything(restoredFile());
    const roundsIn = (rows: readonly unknown[], column: string): string[] =>
      rows.map((row) => Object.fromEntries(row as [string, string][])[column] ?? "").sort();
    expect(roundsIn(audit, "id")).toEqual(roundsIn(uploads, "digest"));
    expect(audit.length).toBeLessThan(rounds);
  });

  it("leaves what was open settled, and says of what had written that its outcome is not known", async () => {
    const open = [newJob(), newJob(), newJob()];
    const [queued, reading, writing] = open.map(({ id }) => id) as [string, string, string];
    for (const job of open) await bench.store.write(() => insertJob(job));
    for (const id of [reading, writing]) {
      await bench.store.write(() => claimJob({ id, workerId: "wrk_1", now: 1_000 }));
    }
    await bench.store.write(() =>
      recordSent({
        jobId: writing,
        index: 0,
        attempt: 1,
        transport: "http",
        request: {},
        idempotent: false,
        now: 1_500,
      }),
    );
    await backUp(bench.url);
    expect((await restore()).settled).toBe(3);
    const store = await openStore({ url: restoredFile() });
    const stateOf = async (id: string) => (await store.read(() => findJob(id)))?.state;
    expect(await stateOf(queued)).toBe("cancelled");
    expect(await stateOf(reading)).toBe("cancelled");
    expect(await stateOf(writing)).toBe("unknown_outcome");
    await store.close();
    // The system that was backed up goes on as before.
    for (const id of open.map((job) => job.id)) {
      const job = await bench.store.read(() => findJob(id));
      expect(isSettled(job?.state ?? "queued")).toBe(false);
    }
  });
});

describe("a backup file", () => {
  let url = "";
  beforeEach(async () => {
    url = join(folder, "source", "switchyard.db");
    await migrate(url);
    const store = await openStore({ url });
    await store.write(() => setMeta("word", "a canary in clear text"));
    await store.close();
  });
  const path = () => join(folder, "one.backup");

  it("is for its owner's eyes, replaces no other file, and leaves no draft", async () => {
    await backUp(url);
    expect(statSync(path()).mode & 0o777).toBe(0o600);
    await expect(backUp(url)).rejects.toMatchObject({ code: "backup_failed" });
    expect(readdirSync(folder).sort()).toEqual(["one.backup", "source"]);
  });

  it("is not left half written when it is interrupted", async () => {
    const taken = takeBackup({
      path: path(),
      databaseUrl: url,
      ring: () => createKeyring(key),
      withKey: true,
      passphrase: null,
      coreVersion: "1.0.0",
      now: 1_000,
      signal: AbortSignal.abort(),
    });
    await expect(taken).rejects.toThrow();
    expect(readdirSync(folder)).toEqual(["source"]);
  });

  it("is refused when any byte of it was changed, or its end is missing", async () => {
    await backUp(url);
    const whole = readFileSync(path());
    const places = [5, 120, Math.floor(whole.length / 2), whole.length - 40, whole.length - 1];
    for (const at of places) {
      const changed = Buffer.from(whole);
      changed.writeUInt8((changed.readUInt8(at) + 1) % 256, at);
      writeFileSync(path(), changed);
      await expect(restore(), `byte ${at}`).rejects.toMatchObject({ code: "backup_invalid" });
    }
    for (const length of [0, 10, 200, whole.length - 1, whole.length - 33]) {
      writeFileSync(path(), whole.subarray(0, length));
      await expect(restore(), `${length} bytes`).rejects.toMatchObject({ code: "backup_invalid" });
    }
    expect(existsSync(join(folder, "data"))).toBe(false);
  });

  it("is refused when a newer version made it, with what to do next", async () => {
    await backUp(url);
    const whole = readFileSync(path());
    const end = whole.indexOf("\n");
    const header = { ...JSON.parse(whole.toString("utf8", 0, end)), core: "9.1.0", schema: 99 };
    writeFileSync(path(), Buffer.concat([Buffer.from(JSON.stringify(header)), whole.subarray(end)]));
    await expect(restore()).rejects.toMatchObject({
      code: "backup_invalid",
      message: expect.stringMatching(/9\.1\.0.*newer one/),
    });
  });

  it("of an earlier schema comes back in today's", async () => {
    const early = join(folder, "early.db");
    const file = new Database(early);
    file.exec(
      "pragma journal_mode = WAL; create table schema_migrations (version integer primary key, name text not null)",
    );
    for (const statement of missing("sqlite", 0, 1)) file.exec(statement);
    file.exec("insert into meta (key, value) values ('word', 'from an earlier time')");
    file.close();
    await expect(openStore({ url: early })).rejects.toMatchObject({ code: "store_unavailable" });
    expect(await backUp(early)).toMatchObject({ schema: 1 });
    await restore();
    const store = await openStore({ url: restoredFile() });
    expect(await store.read(() => getMeta("word"))).toBe("from an earlier time");
    await store.close();
  });

  it("says nothing to who has no passphrase, and opens for who has it", async () => {
    const facts = await backUp(url, { passphrase: "correct horse" });
    expect(facts.isSealed).toBe(true);
    const text = readFileSync(path()).toString("latin1");
    expect(text).not.toContain(key.toString("base64"));
    await expect(restore()).rejects.toMatchObject({ code: "backup_invalid", message: expect.stringMatching(/sealed/) });
    await expect(restore({ passphrase: "wrong horse" })).rejects.toMatchObject({
      code: "backup_invalid",
      message: expect.stringMatching(/passphrase is not/),
    });
    expect(existsSync(join(folder, "data"))).toBe(false);
    expect(await restore({ passphrase: "correct horse" })).toMatchObject({ hasKey: true });
    expect(JSON.stringify(await everything(restoredFile()))).toContain("a canary in clear text");
  });

  it("goes into an empty folder only", async () => {
    await backUp(url);
    mkdirSync(join(folder, "data"));
    writeFileSync(join(folder, "data", "master.key"), "mine");
    await expect(restore()).rejects.toMatchObject({
      code: "restore_refused",
      message: expect.stringMatching(/empty data folder/),
    });
    expect(readdirSync(join(folder, "data"))).toEqual(["master.key"]);
  });

  it("without its key wants that key from the settings, and no other", async () => {
    await backUp(url, { withKey: false });
    await expect(restore({ present: randomBytes(32) })).rejects.toMatchObject({ code: "restore_refused" });
    expect(await restore({ present: key })).toMatchObject({ hasKey: true });
    expect(existsSync(join(folder, "data", "master.key"))).toBe(false);
    rmSync(join(folder, "data"), { recursive: true });
    expect(await restore()).toMatchObject({ hasKey: false });
  });

  it("leaves nothing behind when its last step fails, and can be restored again", async () => {
    const store = await openStore({ url });
    await store.write(() => setMeta("x".repeat(10), "y"));
    await store.close();
    await backUp(url);
    // A file where the folder of the key would be: the restore fails at its last step.
    const dataDir = join(folder, "data");
    const failing = () =>
      restoreBackup({
        path: path(),
        passphrase: null,
        dataDir,
        databaseUrl: join(dataDir, "switchyard.db"),
        masterKey: { file: join(path(), "master.key"), present: null },
        now: 2_000,
      });
    await expect(failing()).rejects.toMatchObject({ code: "secret_unreadable" });
    expect(existsSync(dataDir)).toBe(false);
    // An empty folder that was there is not its to remove.
    mkdirSync(dataDir);
    await expect(failing()).rejects.toMatchObject({ code: "secret_unreadable" });
    expect(readdirSync(dataDir)).toEqual([]);
    await restore();
  });
});
