/** Data folders that cannot be used: another user's, damaged, foreign, or of another version. One line says what to do. */
import { execFileSync } from "node:child_process";
import {
  accessSync,
  appendFileSync,
  chmodSync,
  constants,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "better-sqlite3";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { createBelongings, type Started, startProcess, untilListening } from "../kit/process.ts";
import { until } from "../kit/system.ts";

const own = createBelongings();
afterEach(() => own.giveBack(), 40_000);

const isRoot = process.getuid?.() === 0;
/** Rights mean nothing to root: then the system is started as another user. */
const uid = isRoot ? 65_534 : (process.getuid?.() ?? 0);
const root = join(import.meta.dirname, "..", "..");

const mayBeRead = (): boolean => {
  if (!isRoot) return true;
  try {
    const code = `require("node:fs").accessSync(${JSON.stringify(join(root, "src/main.ts"))}, ${constants.R_OK})`;
    execFileSync(process.execPath, ["-e", code], { uid, gid: uid, stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
};

/** A folder that a system used and left in order. */
let base = "";
beforeAll(async () => {
  base = mkdtempSync(join(tmpdir(), "sw-used-"));
  const dataDir = join(base, "data");
  const started = own.start({ SWITCHYARD_DATA: dataDir });
  await untilListening(started, dataDir);
  const releases = join(dataDir, "releases");
  await until(() => (existsSync(releases) && readdirSync(releases).length > 0 ? true : undefined), "a release");
  expect(await started.stop()).toBe(0);
}, 60_000);
afterAll(() => rmSync(base, { recursive: true, force: true }));

const used = (): string => {
  const folder = own.folder();
  execFileSync("cp", ["-a", join(base, "data"), folder]);
  return join(folder, "data");
};

const start = (dataDir: string, as?: number): Started =>
  own.add(startProcess({ SWITCHYARD_DATA: dataDir }, undefined, [], as), (started) => started.stop());

const expectLine = async (started: Started, words: RegExp, code: number): Promise<void> => {
  expect(await started.ended(), started.output()).toBe(code);
  expect(started.output().trim().split("\n")).toEqual([expect.stringMatching(words)]);
};

describe.skipIf(!mayBeRead())("a data folder with wrong rights", () => {
  const whole = 0o000;
  it.each([
    ["is read-only", ".", 0o500, /expected a folder to write in, found .*EACCES/],
    ["cannot be entered", ".", whole, /expected a folder to write in, found .*EACCES/],
    ["has a Redis folder that is read-only", "redis", 0o500, /may read and write .*redis, found mode 0500/],
    ["has a log of Redis that is read-only", "redis/redis.log", 0o400, /redis\.log, found mode 0400/],
    ["has an append-only folder that is closed", "redis/appendonlydir", whole, /appendonlydir, found mode 0000/],
    ["has releases that are read-only", "releases", 0o500, /may read and write .*releases/],
    ["has uploads that are read-only", "uploads", 0o500, /may read and write .*uploads/],
    ["has a database that is read-only", "switchyard.db", 0o400, /may read and write .*switchyard\.db/],
    ["has a key that cannot be read", "master.key", whole, /may read .*master\.key, found mode 0000/],
    ["has a key that everybody may read", "master.key", 0o644, /its owner's alone, found mode 0644 .*: chmod 600 /],
    ["has a token that cannot be read", "admin.token", whole, /may read .*admin\.token/],
  ])("that %s is refused", async (_, name, mode, words) => {
    const dataDir = used();
    if (isRoot) execFileSync("chown", ["-R", `${uid}:${uid}`, join(dataDir, "..")]);
    chmodSync(join(dataDir, name), mode);
    await expectLine(start(dataDir, uid), words, 78);
    chmodSync(join(dataDir, name), 0o700);
    expect(readdirSync(dataDir)).not.toContain("switchyard.lock");
    expect(existsSync(join(dataDir, "redis/redis.sock"))).toBe(false);
  });

  it.skipIf(!isRoot)("that is another user's is refused, and says whose it is", async () => {
    const dataDir = used();
    chmodSync(join(dataDir, ".."), 0o755);
    await expectLine(start(dataDir, uid), /expected a folder to write in, found .*EACCES/, 78);
    execFileSync("chown", [`${uid}:${uid}`, dataDir]);
    const words = new RegExp(
      `found mode 0700 and owner 0: as root, chown -R ${uid} ${dataDir}, or start as that owner`,
    );
    await expectLine(start(dataDir, uid), words, 78);
  });

  it.skipIf(!isRoot)(
    "works once it is given to the user",
    async () => {
      const dataDir = used();
      execFileSync("chown", ["-R", `${uid}:${uid}`, join(dataDir, "..")]);
      const started = start(dataDir, uid);
      await untilListening(started, dataDir);
      expect(await started.stop()).toBe(0);
    },
    40_000,
  );
});

const editDatabase = (dataDir: string, sql: string): void => {
  const file = new Database(join(dataDir, "switchyard.db"));
  file.exec(sql);
  file.close();
};
const appendFile = (dataDir: string, end: string): string => {
  const folder = join(dataDir, "redis/appendonlydir");
  return join(folder, readdirSync(folder).find((name) => name.endsWith(end)) ?? "");
};
const foreign = (dataDir: string, sql: string): void => {
  rmSync(join(dataDir, "switchyard.db"));
  editDatabase(dataDir, sql);
};

/** What is wrong, how it comes about, what the one line says, and the exit code. */
const damages: readonly [string, (dataDir: string) => void, RegExp, number][] = [
  [
    "a later schema",
    (dir) => editDatabase(dir, "insert into schema_migrations values (99, 'x')"),
    /schema 99, this version knows \d/,
    1,
  ],
  [
    "a database that was cut off",
    (dir) => truncateSync(join(dir, "switchyard.db"), 100_000),
    /SQLITE_CORRUPT.*restore a backup/,
    1,
  ],
  ["an emptied database", (dir) => truncateSync(join(dir, "switchyard.db"), 0), /an empty file.*restore a backup/, 1],
  [
    "a file that is no database",
    (dir) => writeFileSync(join(dir, "switchyard.db"), "x".repeat(9_000)),
    /SQLITE_NOTADB.*restore a backup/,
    1,
  ],
  [
    "another program's database",
    (dir) => foreign(dir, "create table notes (a)"),
    /another program \(tables notes\): move it away/,
    1,
  ],
  [
    "a half-written key",
    (dir) => writeFileSync(join(dir, "master.key"), "AAAA"),
    /is not a key: expected 32 bytes/,
    78,
  ],
  [
    "an empty token",
    (dir) => writeFileSync(join(dir, "admin.token"), ""),
    /expected a token in .*: remove the file/,
    78,
  ],
  [
    "a damaged file of Redis",
    (dir) => appendFileSync(appendFile(dir, ".incr.aof"), "nonsense\r\n".repeat(9)),
    /redis-check-aof.*or move .*redis away/,
    1,
  ],
  [
    "a damaged list of Redis' files",
    (dir) => writeFileSync(appendFile(dir, ".manifest"), "nonsense"),
    /manifest.*or move .*redis away/i,
    1,
  ],
  [
    "a folder in the place of the database",
    (dir) => {
      rmSync(join(dir, "switchyard.db"));
      mkdirSync(join(dir, "switchyard.db"));
    },
    /switchyard\.db to be a file, found a folder: move it away/,
    78,
  ],
  [
    "a file in the place of the releases",
    (dir) => {
      rmSync(join(dir, "releases"), { recursive: true });
      writeFileSync(join(dir, "releases"), "");
    },
    /releases to be a folder, found a file: move it away/,
    78,
  ],
  ["a folder in the place of the socket", (dir) => mkdirSync(join(dir, "redis/redis.sock")), /redis\.sock/, 1],
];

describe("a data folder", () => {
  it.each(damages)("with %s is refused, and stays as it is", async (_, damage, words, code) => {
    const dataDir = used();
    damage(dataDir);
    const file = join(dataDir, "switchyard.db");
    const before = statSync(file).isFile() ? readFileSync(file) : undefined;
    await expectLine(start(dataDir), words, code);
    if (before !== undefined) expect(readFileSync(file).equals(before)).toBe(true);
    expect(existsSync(join(dataDir, "switchyard.lock"))).toBe(false);
    expect(existsSync(join(dataDir, "url"))).toBe(false);
  });

  it.each([
    ["a half-written lock", (dir: string) => writeFileSync(join(dir, "switchyard.lock"), '{"pid":')],
    [
      "the end of Redis' file cut off",
      (dir: string) => {
        const file = appendFile(dir, ".incr.aof");
        truncateSync(file, statSync(file).size - 7);
      },
    ],
    ["junk among its releases", (dir: string) => writeFileSync(join(dir, "releases/junk"), "x")],
    ["uploads of a process that is long gone", (dir: string) => mkdirSync(join(dir, "uploads/999999-1-1"))],
  ])(
    "with %s is taken, and ends in order",
    async (_, damage) => {
      const dataDir = used();
      damage(dataDir);
      const started = start(dataDir);
      const url = await untilListening(started, dataDir);
      await until(async () => ((await fetch(`${url}/readyz`).catch(() => null))?.ok ? true : undefined), "readiness");
      expect(await started.stop(), started.output()).toBe(0);
      expect(() => accessSync(join(dataDir, "switchyard.lock"))).toThrow();
    },
    40_000,
  );

  it("holds nothing of its uploads when the system has ended", () => {
    expect(readdirSync(join(base, "data/uploads"))).toEqual([]);
  });
});
