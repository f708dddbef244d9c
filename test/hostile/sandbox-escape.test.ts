/** A driver tries every way out of the sandbox, at every level; canaries outside tell whether it got there. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { JsonObject } from "../../src/model/json.ts";
import { testableLevels } from "../kit/levels.ts";
import { type Bench, openBench } from "../kit/sandbox.ts";
import { type Canaries, canarySecret, expectTold, setOutCanaries } from "./canaries.ts";
import { attempts, escapeDriver } from "./escape-driver.ts";

const addons = fileURLToPath(new URL("../../node_modules/better-sqlite3/prebuilds", import.meta.url));
const addon = readdirSync(addons).find((name) => name.endsWith("linux-x64.node")) ?? "";

/** What a driver in JavaScript has means to read or load. */
const layOut = (folder: string): void => {
  writeFileSync(join(folder, "other-pack.cjs"), "module.exports = 'ran';");
  const database = new DatabaseSync(join(folder, "secrets.db"));
  database.exec(`create table secrets (value text); insert into secrets values ('${canarySecret}')`);
  database.close();
};

describe.each(await testableLevels())("at level %s", (level) => {
  let bench: Bench;
  let canaries: Canaries;
  let facts: JsonObject;
  beforeAll(async () => {
    bench = await openBench(level, { "driver.js": escapeDriver });
    canaries = await setOutCanaries(layOut);
    const { folder } = canaries;
    const own = level === "full" ? "/pack" : bench.dir;
    facts = {
      ...{ ...canaries.facts, folder, own, sdk: "/switchyard/sdk/index.mjs", addon: join(addons, addon) },
      ...{ script: join(folder, "other-pack.cjs"), database: join(folder, "secrets.db") },
    };
  });
  afterAll(async () => {
    await bench.close();
    canaries.close();
  });

  /** Whatever ends the sandbox in the attempt (an uncaught refusal, a frozen flag) has not got out either. */
  const attempt = (name: string): Promise<unknown> =>
    bench.call("attempt", { name, facts }).catch((error: { code: string }) => ({ out: false, said: error.code }));

  test.each(attempts.files)("files outside the pack stay closed: %s", async (name) => {
    expect(await attempt(name)).toMatchObject({ out: false });
    expect(readFileSync(canaries.facts.file, "utf8")).toBe(canarySecret);
  });

  test.each(attempts.network)("nothing outside is reached: %s", async (name) => {
    expect(await attempt(name)).toMatchObject({ out: false });
    expect(canaries.contacts).toEqual([]);
  });

  test.each(attempts.processes)("no process is started, joined or signalled: %s", async (name) => {
    expect(await attempt(name)).toMatchObject({ out: false });
  });

  test.each([
    ["readFile", "FileSystemRead"],
    ["writeTemporary", "FileSystemWrite"],
    ["tcp", "Net"],
    ["lookup", "Net"],
    ["spawn", "ChildProcess"],
    ["killParent", "kill"],
    ["binding", "binding"],
    ["importFile", "import"],
    ["addon", "import"],
    ["sqliteFile", "import"],
    ["report", "report"],
    ["setuid", "setuid"],
  ])("what a driver tries and keeps silent about is named, once a call: %s", async (name, permission) => {
    bench.events.length = 0;
    await attempt(name);
    expectTold(bench, permission, 1);
    await attempt(name);
    expectTold(bench, permission, 2);
  });

  test("a driver that only does its work is not suspected of anything", async () => {
    bench.events.length = 0;
    await bench.call("surroundings");
    expect(bench.events).toEqual([]);
  });

  test.each(["fetchApi", "webSocket", "worker", "inspector"])(
    "what stops it is a wall, and no accident on the way there: %s",
    async (name) => {
      const { said } = (await attempt(name)) as { said: string };
      expect(said).not.toMatch(/read only property|is not defined|undefined/);
    },
  );

  test("nothing was written anywhere", () => {
    expect(existsSync(join(tmpdir(), "switchyard-hostile-canary"))).toBe(false);
    expect(readdirSync(bench.dir)).toEqual(["driver.js"]);
    expect(readdirSync(canaries.folder).sort()).toEqual(["master.key", "other-pack.cjs", "runner.sock", "secrets.db"]);
  });

  test("there is no environment, no argument and no privilege to see", async () => {
    const seen = (await bench.call("surroundings")) as { uid: number; pid: number };
    expect(seen).toMatchObject({ env: {}, argv: [], execArgv: [], title: "switchyard-sandbox" });
    if (level === "full") expect(seen).toMatchObject({ uid: 65_534, pid: 1 });
    else if (process.getuid?.() === 0) expect(seen.uid).not.toBe(0);
  });
});
