/** The pack of docs/write-a-pack.md, block by block: installed and used as it stands there. */
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Author, openAuthor } from "../kit/author.ts";
import { upload, zip } from "../kit/pack.ts";
import { canRunPython } from "../kit/python.ts";
import { type System, startSystem } from "../kit/system.ts";

const page = readFileSync(join(import.meta.dirname, "../../docs/write-a-pack.md"), "utf8");
const block = (language: string): string => new RegExp(`\`\`\`${language}\\n([\\s\\S]*?)\`\`\``).exec(page)?.[1] ?? "";

const commands = block("sh")
  .split("\n")
  .map((line) =>
    line
      .replace(/\s+#.*$/, "")
      .replace(/^npx switchyard /, "")
      .trim(),
  )
  .filter((line) => line !== "");

describe("the commands that the docs begin with", () => {
  let author: Author;
  beforeAll(() => {
    author = openAuthor();
  });
  afterAll(() => author.dispose());

  it("lead from nothing to an archive, in their order", async () => {
    expect(commands.map((line) => line.split(" ")[0])).toEqual(["new", "check", "validate", "install", "build"]);
    for (const line of commands.filter((one) => !one.startsWith("install "))) {
      const { code, out, err } = await author.run(line.split(/\s+/));
      expect({ line, code, out, err }).toMatchObject({ code: 0 });
    }
    expect(await author.run(["validate", "example.lamp-0.1.0.int"])).toMatchObject({ code: 0 });
  });
});

const drivers = [
  ["TypeScript", { "driver.ts": block("ts") }],
  ["Python", { "driver.py": block("python") }],
] as const;

describe.each(drivers)("the pack that the docs write, in %s", (language, driver) => {
  const isThere = language === "TypeScript" || canRunPython;
  let system: System;
  let lamps: Server;
  const writes: string[] = [];

  beforeAll(async () => {
    lamps = createServer((request, response) => {
      if (request.headers.authorization !== "Bearer a-long-lamp-token") response.statusCode = 401;
      if (request.method === "POST") writes.push(request.url ?? "");
      response.end(JSON.stringify([{ id: "desk", on: writes.at(-1)?.endsWith("/on") ?? false }]));
    }).listen(0, "127.0.0.1");
    await once(lamps, "listening");
    system = await startSystem();
  }, 60_000);
  afterAll(async () => {
    await system?.dispose();
    lamps?.close();
  });

  it.skipIf(!isThere)("installs, connects, lists, plans, applies and undoes", async () => {
    const files = { "plugin.yaml": block("yaml"), ...driver };
    const wait = { prefer: "wait=30" };
    const installed = await system.call("POST", "/api/integrations/types/upload", upload(await zip(files)), wait);
    expect(installed.body).toMatchObject({ state: "succeeded", result: { type_id: "example.lamp", status: "valid" } });

    const created = await system.call<{ instance_id: string }>("POST", "/api/integrations/instances", {
      type_id: "example.lamp",
      name: "lamps",
      config: { host: "127.0.0.1", port: (lamps.address() as AddressInfo).port },
      secrets: { token: "a-long-lamp-token" },
    });
    expect(created.status).toBe(201);
    const path = `/api/integrations/instances/${created.body.instance_id}`;
    const tested = await system.call("POST", `${path}/test`, undefined, wait);
    expect(tested.body).toMatchObject({ state: "succeeded", result: { status: "connected" } });
    const listed = await system.call("GET", `${path}/inventory?type=lamp`);
    expect(listed.body).toMatchObject({ items: [{ external_id: "desk", attrs: { on: false } }] });

    const action = { capability: "lamp.power", verb: "on", target: { type: "lamp", id: "desk" } };
    const planned = await system.call("POST", `${path}/actions`, { ...action, dry_run: true }, wait);
    expect(planned.body).toMatchObject({
      result: { ok: true, plan: { preview: [expect.stringContaining("/lamps/desk/on")] } },
    });
    expect(writes).toEqual([]);
    const ran = await system.call<{ id: string }>("POST", `${path}/actions`, action, wait);
    expect(ran.body).toMatchObject({ state: "succeeded", result: { steps_done: 1, details: { status: 200 } } });
    const undone = await system.call("POST", `/api/jobs/${ran.body.id}/undo`, {}, wait);
    expect(undone.body).toMatchObject({ state: "succeeded" });
    expect(writes).toEqual(["/api/lamps/desk/on", "/api/lamps/desk/off"]);
  });
});
