/** A group commit tells nobody of a write before it is on the disk. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { groupCommit } from "../../src/store/engine/group-commit.ts";
import { openSqliteFile, type SqliteFile } from "../../src/store/engine/sqlite-file.ts";
import { getMeta, setMeta } from "../../src/store/meta.ts";
import { migrate, openStore } from "../../src/store/open.ts";

let dir: string;
let path: string;
let file: SqliteFile;

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), "sw-commit-"));
  path = join(dir, "switchyard.db");
  await migrate(path);
  file = openSqliteFile(path);
});

afterEach(() => {
  file.close();
  rmSync(dir, { recursive: true, force: true });
});

/** The file, on a disk whose syncs end when they are told to. */
const onSlowDisk = () => {
  const syncs: PromiseWithResolvers<void>[] = [];
  const sync = (): Promise<void> => {
    const one = Promise.withResolvers<void>();
    syncs.push(one);
    return one.promise;
  };
  return { syncs, slow: Object.assign(Object.create(file) as SqliteFile, { sync }) };
};

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const turns = async (): Promise<void> => {
  for (let count = 0; count < 5; count += 1) await turn();
};

it("acknowledges a write only once its commit is on the disk", async () => {
  const { syncs, slow } = onSlowDisk();
  const commits = groupCommit(slow, Date.now);
  const heard: string[] = [];
  const first = commits.write(() => setMeta("one", "1")).then(() => heard.push("one"));
  await turns();
  expect([heard, syncs.length, commits.pending]).toEqual([[], 1, 1]);
  syncs[0]?.resolve();
  await first;
  expect([heard, commits.pending]).toEqual([["one"], 0]);
});

it("lets what comes during a sync share the next commit", async () => {
  const { syncs, slow } = onSlowDisk();
  const commits = groupCommit(slow, Date.now);
  const first = commits.write(() => setMeta("key 0", "first"));
  await turns();
  const rest = [1, 2, 3].map((index) => commits.write(() => setMeta(`key ${index}`, "later")));
  await turns();
  expect(syncs).toHaveLength(1);
  syncs[0]?.resolve();
  await first;
  await turns();
  expect(syncs).toHaveLength(2);
  syncs[1]?.resolve();
  await Promise.all(rest);
});

it("refuses what could not be brought to the disk", async () => {
  const { syncs, slow } = onSlowDisk();
  const commits = groupCommit(slow, Date.now);
  const writing = commits.write(() => setMeta("one", "1"));
  await turns();
  syncs[0]?.reject(Object.assign(new Error("EIO: i/o error, fdatasync"), { code: "EIO" }));
  await expect(writing).rejects.toMatchObject({ code: "store_unavailable" });
});

it("tells at once what may lag, and brings it to the disk with the next write that may not", async () => {
  const { syncs, slow } = onSlowDisk();
  const commits = groupCommit(slow, Date.now);
  await commits.write(() => setMeta("claim", "1"), { mayLag: () => true });
  expect(syncs).toHaveLength(0);
  const strict = commits.write(() => getMeta("claim"));
  await turns();
  expect(syncs).toHaveLength(1);
  syncs[0]?.resolve();
  expect(await strict).toBe("1");
});

it("does not let lag what turns out to matter", async () => {
  const { syncs, slow } = onSlowDisk();
  const writing = groupCommit(slow, Date.now).write(
    function* () {
      yield* setMeta("one", "1");
      return "settled";
    },
    { mayLag: (value) => value !== "settled" },
  );
  await turns();
  expect(syncs).toHaveLength(1);
  syncs[0]?.resolve();
  expect(await writing).toBe("settled");
});

it("does not go to the disk for what only read", async () => {
  const { syncs, slow } = onSlowDisk();
  expect(await groupCommit(slow, Date.now).write(() => getMeta("one"))).toBeUndefined();
  expect(syncs).toHaveLength(0);
});

it("syncs the real log, so that another connection finds what was acknowledged", async () => {
  await groupCommit(file, Date.now).write(() => setMeta("one", "1"));
  const other = await openStore({ url: path });
  expect(await other.read(() => getMeta("one"))).toBe("1");
  await other.close();
});
