/** A driver tries every way out of the sandbox, at every level; canaries outside tell whether it got there. */

import { createSocket } from "node:dgram";
import { once } from "node:events";
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer as createHttpServer } from "node:http";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { JsonObject } from "../../src/model/json.ts";
import { testableLevels } from "../kit/levels.ts";
import { type Bench, openBench } from "../kit/sandbox.ts";
import { attempts, escapeDriver } from "./escape-driver.ts";

const secret = "the-master-key-in-clear";
const addon = fileURLToPath(new URL("../../node_modules/better-sqlite3/prebuilds", import.meta.url));

/** Things that must stay out of reach, open to every user of the machine so that file modes do not protect them. */
const setOut = async () => {
  const folder = mkdtempSync(join(tmpdir(), "canary-"));
  const contacts: string[] = [];
  const put = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  const database = new DatabaseSync(join(folder, "secrets.db"));
  database.exec(`create table secrets (value text); insert into secrets values ('${secret}')`);
  database.close();
  const web = createHttpServer((_, response) => response.end(secret));
  web.on("connection", () => contacts.push("tcp"));
  const local = createServer(() => contacts.push("unix"));
  const udp = createSocket("udp4", () => contacts.push("udp"));
  web.listen(0, "127.0.0.1");
  local.listen(join(folder, "runner.sock"));
  udp.bind(0, "127.0.0.1");
  await Promise.all([once(web, "listening"), once(local, "listening"), once(udp, "listening")]);
  const facts = {
    file: put("master.key", secret),
    script: put("other-pack.cjs", "module.exports = 'ran';"),
    folder,
    database: join(folder, "secrets.db"),
    socket: join(folder, "runner.sock"),
    port: (web.address() as AddressInfo).port,
    udpPort: udp.address().port,
    addon:
      readdirSync(addon)
        .map((name) => join(addon, name))
        .find((path) => path.endsWith("linux-x64.node")) ?? addon,
    parent: process.pid,
  };
  chmodSync(folder, 0o777);
  for (const name of readdirSync(folder)) chmodSync(join(folder, name), 0o666);
  return {
    facts,
    folder,
    contacts,
    close: () => {
      web.close();
      web.closeAllConnections();
      local.close();
      udp.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
};

type Canaries = Awaited<ReturnType<typeof setOut>>;

describe.each(await testableLevels())("at level %s", (level) => {
  let bench: Bench;
  let canaries: Canaries;
  let facts: JsonObject;
  beforeAll(async () => {
    bench = await openBench(level, { "driver.js": escapeDriver });
    canaries = await setOut();
    const own = level === "full" ? "/pack" : bench.dir;
    facts = { ...canaries.facts, own, sdk: "/switchyard/sdk/index.mjs" };
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
    expect(readFileSync(canaries.facts.file, "utf8")).toBe(secret);
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
  ])("what a driver tries and keeps silent about is named, once a call: %s", async (name, permission) => {
    bench.events.length = 0;
    await attempt(name);
    const told = bench.events as { level: string; message: string; meta: { refused: string } }[];
    expect(told.filter(({ meta }) => meta.refused === permission)).toHaveLength(1);
    expect(told[0]).toMatchObject({ level: "warn", message: expect.stringMatching(/^The sandbox refused /) });
    await attempt(name);
    expect(told.filter(({ meta }) => meta.refused === permission)).toHaveLength(2);
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
