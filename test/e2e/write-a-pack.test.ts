/** docs/write-a-pack.md, every block of it: the commands as they stand there, the pack recorded, checked, installed and used. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Running } from "../kit/cli.ts";
import { type HttpDevice, ownAddress, sendJson, startHttp } from "../kit/device.ts";
import { upload, zip } from "../kit/pack.ts";
import { blockOf, blocksOf, commandsOf } from "../kit/page.ts";
import { canRunPython } from "../kit/python.ts";
import { openShell, type Shell } from "../kit/shell.ts";
import { type System, startSystem, until } from "../kit/system.ts";

const page = "write-a-pack";
const token = "a-long-lamp-token";
/** An id that does not stand in a path as it is. */
const desk = "desk / 1";

/** Lamps as the page has them in mind, with names of ours. */
const startLamps = (lamps: readonly string[]) => {
  let lit = "";
  return startHttp(({ method, url, headers }, response) => {
    if (headers.authorization !== `Bearer ${token}`) return sendJson(response, { error: "who?" }, 401);
    if (url === "/api/version") return sendJson(response, { version: "1.0" });
    const [, id = "", verb] = /^\/api\/lamps\/([^/]+)\/(on|off)$/.exec(url) ?? [];
    if (method === "POST") lit = verb === "on" ? decodeURIComponent(id) : "";
    sendJson(
      response,
      lamps.map((own) => ({ id: own, on: own === lit })),
    );
  });
};

it("has no block that no test here runs", () => {
  expect(blocksOf(page).map(({ language }) => language)).toEqual(["sh", "yaml", "ts", "ts", "js", "console", "python"]);
});

describe("the commands that the docs begin with", () => {
  let shell: Shell;
  let system: System;
  beforeAll(async () => {
    system = await startSystem();
    shell = openShell({ SWITCHYARD_DATA: system.dataDir });
  }, 90_000);
  afterAll(async () => {
    shell?.dispose();
    await system?.dispose();
  });
  const commands = commandsOf(blockOf(page, "sh"));
  const succeeds = async (command: string): Promise<void> => {
    const { code, out, err } = await shell.run(command);
    expect({ command, code, out, err }).toMatchObject({ code: 0 });
  };
  const nameOf = async (): Promise<unknown> =>
    (await system.call("GET", "/api/integrations/types/example.lamp")).body["name"];

  /** Beside the system, with a change of the author's while it runs. */
  const installs = async (command: string): Promise<void> => {
    const running = shell.start(command);
    try {
      await until(() => running.out().includes("example.lamp 0.1.0 is valid") || undefined, "the first install");
      const manifest = join(shell.home, "example.lamp/plugin.yaml");
      writeFileSync(manifest, readFileSync(manifest, "utf8").replace(/^name: .*$/m, "name: Changed lamp"));
      await until(async () => (await nameOf()) === "Changed lamp" || undefined, "the change to be installed");
    } catch (error) {
      running.interrupt();
      throw new Error(`${String(error)}; it said: ${JSON.stringify(await running.done)}`);
    }
    running.interrupt();
    expect(await running.done).toMatchObject({ err: expect.stringContaining("Installs again when") });
  };

  it("lead from nothing to an installed pack and an archive of it, in their order", async () => {
    const wordOf = (command: string) => command.split(" ")[2];
    expect(commands.map(wordOf)).toEqual(["new", "check", "validate", "install", "build"]);
    for (const command of commands) await (wordOf(command) === "install" ? installs : succeeds)(command);
    await succeeds("npx switchyard validate example.lamp-0.1.0.int");
  }, 90_000);
});

const drivers = [
  ["TypeScript", { "driver.ts": blockOf(page, "ts", "// driver.ts") }],
  ["Python", { "driver.py": blockOf(page, "python") }],
] as const;
const test = { "lamp.test.ts": blockOf(page, "ts", "// lamp.test.ts") };

describe.each(drivers)("the pack that the docs write, in %s", (language, driver) => {
  const canRun = language === "TypeScript" || canRunPython;
  const files = { "plugin.yaml": blockOf(page, "yaml"), ...driver, ...test };

  it.skipIf(!canRun)(
    "is recorded by the commands of the docs, with the lamp of the docs, and reaches gold",
    async () => {
      const address = ownAddress(7);
      const here = (text: string) => text.replaceAll("127.0.0.1", address);
      const shell = openShell();
      let lamp: Running | undefined;
      const [light = "", ...commands] = commandsOf(blockOf(page, "console")).map(here);
      try {
        const [create = ""] = commandsOf(blockOf(page, "sh"));
        expect(
          await shell.run(create.replace(" --target", ` --language ${language.toLowerCase()} --target`)),
        ).toMatchObject({ code: 0 });
        shell.write("example.lamp", files);
        shell.write(".", { "lamp.mjs": here(blockOf(page, "js")) });
        lamp = shell.start(light.replace(/ &$/, ""));
        await until(() => fetch(`http://${address}:8081`).catch(() => undefined), "the lamp");
        for (const command of commands) {
          const { code, out, err } = await shell.run(command);
          expect(code, `${command}\n${out}${err}`).toBe(0);
        }
      } finally {
        lamp?.interrupt();
        await lamp?.done;
        shell.dispose();
      }
    },
    90_000,
  );

  describe("in a running system", () => {
    let system: System;
    let lamps: HttpDevice;
    beforeAll(async () => {
      if (canRun) [lamps, system] = await Promise.all([startLamps([desk]), startSystem()]);
    }, 60_000);
    afterAll(async () => {
      await system?.dispose();
      await lamps?.close();
    });
    const writes = () => lamps.seen.filter(({ method }) => method === "POST").map(({ url }) => url);

    it.skipIf(!canRun)("installs, connects, lists, plans, applies and undoes", async () => {
      const wait = { prefer: "wait=30" };
      const installed = await system.call("POST", "/api/integrations/types/upload", upload(await zip(files)), wait);
      expect(installed.body).toMatchObject({
        state: "succeeded",
        result: { type_id: "example.lamp", status: "valid" },
      });

      const created = await system.call<{ instance_id: string }>("POST", "/api/integrations/instances", {
        type_id: "example.lamp",
        name: "lamps",
        config: { host: "127.0.0.1", port: lamps.port },
        secrets: { token },
      });
      expect(created.status).toBe(201);
      const path = `/api/integrations/instances/${created.body.instance_id}`;
      const tested = await system.call("POST", `${path}/test`, undefined, wait);
      expect(tested.body).toMatchObject({ state: "succeeded", result: { status: "connected" } });
      const listed = await system.call("GET", `${path}/inventory?type=lamp`);
      expect(listed.body).toMatchObject({ items: [{ external_id: desk, attrs: { on: false } }] });

      const action = { capability: "lamp.power", verb: "on", target: { type: "lamp", id: desk } };
      const planned = await system.call("POST", `${path}/actions`, { ...action, dry_run: true }, wait);
      expect(planned.body).toMatchObject({
        result: { ok: true, plan: { preview: [expect.stringContaining("/lamps/desk%20%2F%201/on")] } },
      });
      expect(writes()).toEqual([]);
      const ran = await system.call<{ id: string }>("POST", `${path}/actions`, action, wait);
      expect(ran.body).toMatchObject({ state: "succeeded", result: { steps_done: 1, details: { sent: 1 } } });
      const undone = await system.call("POST", `/api/jobs/${ran.body.id}/undo`, {}, wait);
      expect(undone.body).toMatchObject({ state: "succeeded" });
      expect(writes()).toEqual(["/api/lamps/desk%20%2F%201/on", "/api/lamps/desk%20%2F%201/off"]);
    });
  });
});
