/** A new pack as the program writes it, in each language: recorded from its device, checked, built, installed and used. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { CheckedPack } from "../../src/testing/conformance.ts";
import { type Author, openAuthor } from "../kit/author.ts";
import { makeCertificate } from "../kit/certificate.ts";
import { type HttpDevice, sendJson, startHttp } from "../kit/device.ts";
import { canRunPython } from "../kit/python.ts";
import { type System, startSystem } from "../kit/system.ts";

const token = "a-token-of-the-lamps-7d1f";
const id = "acme.lamp";

/** One lamp, which is off at first. */
const startLamp = (): Promise<HttpDevice> => {
  let state = "off";
  return startHttp(
    ({ method, url, headers }, response) => {
      if (headers.authorization !== `Bearer ${token}`) return sendJson(response, { error: "who?" }, 401);
      if (url === "/api/version") return sendJson(response, { version: "1.0" });
      if (url === "/api/lamps") return sendJson(response, [{ id: "1", name: "Desk", state }]);
      const [, wanted] = /^\/api\/lamps\/1\/(on|off)$/.exec(url) ?? [];
      if (method !== "POST" || wanted === undefined) return sendJson(response, { error: "what?" }, 404);
      state = wanted;
      return sendJson(response, {});
    },
    { certificate: makeCertificate("IP:127.0.0.1") },
  );
};

const languages = [
  ["typescript", true],
  ["python", canRunPython],
] as const;

describe.each(languages)("a new pack in %s", (language, canRun) => {
  let author: Author;
  let device: HttpDevice;
  let system: System;
  let environment: Record<string, string>;
  beforeAll(async () => {
    author = openAuthor();
    if (canRun) [device, system] = await Promise.all([startLamp(), startSystem()]);
    environment = { SWITCHYARD_URL: system?.url ?? "", SWITCHYARD_TOKEN: system?.token ?? "" };
    author.write("keys", { token });
    const flags = ["--language", language, "--target", "lamp", "--capability", "lamp.power:on,off"];
    expect(await author.run(["new", id, ...flags])).toMatchObject({ code: 0 });
  }, 90_000);
  afterAll(async () => {
    author.dispose();
    await system?.dispose();
    await device?.close();
  });
  const given = () => [
    ...["--set", "host=127.0.0.1", "--set", `port=${device.port}`, "--set", "verify_tls=false"],
    ...["--secret", `token=@${join(author.home, "keys/token")}`],
  ];
  const succeeds = async (...args: string[]) => {
    const told = await author.run(args, { environment });
    expect({ args, ...told }).toMatchObject({ code: 0 });
    return told;
  };

  it.skipIf(!canRun)(
    "is recorded, replayed, and fails no check of the conformance kit",
    async () => {
      const calls = ["test_connection", "inventory_list type=lamp", "run lamp.power on lamp/1", "undo"];
      await succeeds("record", id, ...given(), ...calls.flatMap((call) => ["--call", call]), "--allow-writes");
      await succeeds("replay", id);
      const before = await author.json<{ tier: string; missing: string[] }>("check", id);
      expect(before).toMatchObject({ tier: "gold", missing: ["documented"] });
      const readme = join(author.home, id, "README.md");
      const own = "Switches the lamps of a hall; tried on two of them.";
      writeFileSync(readme, readFileSync(readme, "utf8").replace(/^TO BE WRITTEN:.*$/m, own));
      const { tier, checks } = await author.json<{ tier: string; checks: CheckedPack[] }>("check", id, "--write");
      const faults = checks.flatMap(({ name, outcome, detail }) =>
        outcome === "failed" ? [`${name}: ${detail}`] : [],
      );
      expect(faults).toEqual([]);
      expect(tier).toBe("platinum");
      expect(checks.find(({ name }) => name === "undoes")).toMatchObject({ outcome: "passed" });
    },
    120_000,
  );

  it.skipIf(!canRun)("is built and installed, and its action is planned, run and undone", async () => {
    await succeeds("build", id, "--out", "lamp.int");
    const { out } = await succeeds("install", "lamp.int", "--wait", "--json");
    expect(JSON.parse(out)).toMatchObject({ state: "succeeded", result: { type_id: id, status: "valid" } });
    expect((await succeeds("types")).out).toMatch(
      /^TYPE +VERSION +STATUS +QUALITY .*\n(?:.*\n)*acme\.lamp +0\.1\.0 +valid +platinum /,
    );
    const type = await system.call("GET", `/api/integrations/types/${id}`);
    expect(type.body["quality"]).toEqual({ tier: "platinum", missing: [] });
    await succeeds("add", id, "--name", "lamps", ...given());
    await succeeds("test", "lamps");
    const listed = await succeeds("inventory", "lamps", "--all", "--json");
    expect(JSON.parse(listed.out)).toMatchObject({ items: [{ external_id: "1", name: "Desk" }] });
    const before = device.seen.length;
    const ran = JSON.parse((await succeeds("run", "lamps", "lamp.power", "on", "lamp/1", "--wait", "--json")).out);
    expect(ran).toMatchObject({ state: "succeeded", result: { pinned: true, steps_done: 1 } });
    await succeeds("undo", ran.id, "--wait");
    const writes = device.seen.slice(before).filter(({ method }) => method === "POST");
    expect(writes.map(({ url }) => url)).toEqual(["/api/lamps/1/on", "/api/lamps/1/off"]);
  });

  it.skipIf(!canRun)("has no tier any more when something in it was changed after its check", async () => {
    const manifest = join(author.home, id, "plugin.yaml");
    writeFileSync(manifest, readFileSync(manifest, "utf8").replace("version: 0.1.0", "version: 0.2.0"));
    await succeeds("install", id, "--wait");
    expect((await succeeds("types")).out).toMatch(/acme\.lamp +0\.2\.0 +valid +- +\w/);
    const type = await system.call("GET", `/api/integrations/types/${id}`);
    expect(type.body["quality"]).toMatchObject({ tier: null });
  });
});
