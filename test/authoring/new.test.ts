/** `new <id>`: from nothing to a pack that validates, whose types hold and whose test passes, wherever it lies. */
import { execFile } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { manifestSchema } from "../../src/model/manifest-schema.ts";
import { openPack } from "../../src/testing/index.ts";
import { type Author, openAuthor } from "../kit/author.ts";
import { madeUpDevice, ownTests } from "../kit/made-up.ts";
import { canRunPython } from "../kit/python.ts";

const root = join(import.meta.dirname, "../..");
/** The conformance kit, several times over, on a machine that has other things to do. */
const patienceMs = 120_000;
const transports = ["http", "ssh", "snmp", "tcp"] as const;
/** By language: the driver's file, and a line of it that its test is about. */
const languages = {
  typescript: { canRun: true, driver: "driver.ts", said: "external_id: id", wrong: 'external_id: "other"' },
  python: {
    canRun: canRunPython,
    driver: "driver.py",
    said: '"external_id": thing["id"]',
    wrong: '"external_id": "o"',
  },
} as const;
const cases = (["typescript", "python"] as const).flatMap((language) =>
  transports.map((transport) => [transport, language] as const),
);

/** What the compiler says of a folder; empty when its types hold. */
const typeFaults = async (folder: string): Promise<string> => {
  const tsc = join(root, "node_modules/typescript/bin/tsc");
  return promisify(execFile)(process.execPath, [tsc, "-p", folder]).then(
    () => "",
    (thrown: { stdout?: string }) => thrown.stdout ?? String(thrown),
  );
};

describe("new", () => {
  let author: Author;
  beforeAll(() => {
    author = openAuthor();
  });
  afterAll(() => author.dispose());

  describe.each(cases)("over %s, in %s", (transport, language) => {
    const { canRun, driver: driverFile, said, wrong } = languages[language];
    const place = `${transport}-${language}`;
    const folder = (): string => join(author.home, place);
    beforeAll(async () => {
      const capabilities = ["--capability", "lamp.power:on,off", "--capability", "lamp.facts:read"];
      const kind = ["--transport", transport, "--language", language];
      const flags = ["--dir", place, ...kind, "--target", "lamp", "--category", "smart-home"];
      expect(await author.run(["new", "acme.lamp", ...flags, ...capabilities])).toMatchObject({ code: 0 });
    });

    it.skipIf(!canRun)("writes a pack that an install would take", async () => {
      const { out, code } = await author.run(["validate", `./${place}`]);
      expect({ out, code }).toEqual({ code: 0, out: expect.stringContaining("acme.lamp 0.1.0 is valid") });
    });

    it.skipIf(!canRun)(
      "whose test passes, and fails when its driver does something else",
      async () => {
        expect(await ownTests(folder())).toEqual({ isGood: true, detail: "" });
        const checked = await author.run(["check", place], { environment: { PATH: process.env["PATH"] ?? "" } });
        expect({ ...checked, err: "" }).toEqual({
          code: 0,
          out: expect.stringMatching(/ok .*Its own tests pass/),
          err: "",
        });
        expect(await author.run(["check", place, "--least", "bronze"])).toMatchObject({ code: 1 });
        const driver = readFileSync(join(folder(), driverFile), "utf8");
        writeFileSync(join(folder(), driverFile), driver.replace(said, wrong));
        expect(await ownTests(folder())).toMatchObject({
          isGood: false,
          detail: expect.stringMatching(/lists.each.lamp/),
        });
        expect(await author.run(["check", place])).toMatchObject({ code: 1 });
        writeFileSync(join(folder(), driverFile), driver);
      },
      patienceMs,
    );

    it.skipIf(!canRun)("whose recording replays, and proves nothing of a device", async () => {
      const played = await author.json<{ calls: { differences: string[] }[] }[]>("replay", place);
      expect(played.map(({ calls }) => calls.map(({ differences }) => differences))).toEqual([[[], []]]);
      const { out } = await author.run(["check", place]);
      expect(out).toMatch(/MISS bronze +A recorded device is connected/);
    });

    it.skipIf(!canRun)(
      "whose driver plans one step for its action, and finds no target that is not there",
      async () => {
        await using pack = await openPack(folder());
        const device = madeUpDevice(folder());
        const read = await pack.call("read lamp.facts read lamp/1", device);
        expect(read).toMatchObject({ ok: true, details: { name: "First", state: "off" } });
        const planned = await pack.call("plan lamp.power on lamp/1", device);
        expect(planned).toMatchObject({
          ok: true,
          plan: { steps: [{ transport }], preview: [expect.any(String)] },
          effects: { per_target: [{ id: "1", from: "off", to: "on" }] },
        });
        expect(await pack.call("plan lamp.power on lamp/2", device).catch(({ code }) => code)).toBe("target_not_found");
      },
    );

    it.skipIf(language === "python")("whose types hold, and refuse what the connection does not have", async () => {
      expect(await typeFaults(folder())).toBe("");
      const driver = readFileSync(join(folder(), "driver.ts"), "utf8");
      const wrong = driver.replace("async test_connection() {", "async test_connection() {\n    this.config.nowhere;");
      writeFileSync(join(folder(), "driver.ts"), wrong);
      expect(await typeFaults(folder())).toMatch(/driver\.ts.*'nowhere' does not exist/);
      writeFileSync(join(folder(), "driver.ts"), driver);
    });
  });

  it("asks at a terminal, again when an answer cannot be taken, and takes what is usual for none", async () => {
    const names = ["Hall lights", "lamps", "smart-home", "rust", "python", "", "lamp"];
    const answers = [...names, "Lamp!", "pass:set", "lamp.power:on,off lamp.facts:read"];
    const { code, err } = await author.run(["new", "acme.hall"], { answers, columns: 300 });
    expect(code).toBe(0);
    expect(err).toMatch(/category lamps: expected one of .*smart-home/);
    expect(err).toMatch(/language rust: expected one of typescript, python/);
    expect(err).toMatch(/"Lamp!" is no capability/);
    expect(err).toMatch(/pass is a word of Python/);
    const manifest = readFileSync(join(author.home, "acme.hall/plugin.yaml"), "utf8");
    expect(manifest).toContain('name: "Hall lights"');
    expect(manifest).toContain("category: smart-home");
    expect(manifest).toContain("  http:");
    expect(manifest).toContain("id: lamp.facts");
    expect(manifest).toContain("language: python");
    expect(existsSync(join(author.home, "acme.hall/driver.py"))).toBe(true);
  });

  it("writes nothing when the person leaves", async () => {
    expect(await author.run(["new", "acme.left"], { answers: ["Left"] })).toMatchObject({ code: 6 });
    expect(readdirSync(author.home).filter((name) => name.includes("acme.left"))).toEqual([]);
  });

  it("tells a program what it wrote", async () => {
    const told = await author.json<{ id: string; folder: string; files: string[] }>("new", "acme.told");
    expect(told).toMatchObject({ id: "acme.told", folder: join(author.home, "acme.told") });
    expect(told.files).toEqual(expect.arrayContaining(["README.md", "driver.ts", "driver.types.d.ts", "plugin.yaml"]));
    for (const file of told.files) expect(existsSync(join(told.folder, file)), file).toBe(true);
  });

  it("gives editors the schema of the manifest, which the program prints as well", async () => {
    await author.run(["new", "acme.editor"]);
    const folder = join(author.home, "acme.editor");
    const [first = ""] = readFileSync(join(folder, "plugin.yaml"), "utf8").split("\n", 1);
    const [, path = ""] = /^# yaml-language-server: \$schema=(\S+)$/.exec(first) ?? [];
    const copied = JSON.parse(readFileSync(join(folder, path), "utf8"));
    expect(copied).toMatchObject(JSON.parse(JSON.stringify(manifestSchema)));
    expect(JSON.parse((await author.run(["schema", "manifest"])).out)).toEqual(copied);
  });

  it("writes over nothing, but into an empty folder", async () => {
    author.write("full", { "notes.txt": "mine" });
    const { code, err } = await author.run(["new", "acme.full", "--dir", "full"]);
    expect({ code, err }).toEqual({ code: 1, err: expect.stringMatching(/is there already: nothing was written/) });
    expect(readdirSync(join(author.home, "full"))).toEqual(["notes.txt"]);
    author.write(".", { file: "mine" });
    expect(await author.run(["new", "acme.full", "--dir", "file"])).toMatchObject({ code: 1 });
    mkdirSync(join(author.home, "empty"));
    expect(await author.run(["new", "acme.empty", "--dir", "empty"])).toMatchObject({ code: 0 });
  });

  it.each([
    [["Acme.Lamp"], /Did you mean acme\.lamp/],
    [["../escaped"], /cannot be an id/],
    [["acme..lamp"], /cannot be an id/],
    [["acme.x", "--category", "network"], /expected one of .*Did you mean network-device/s],
    [["acme.x", "--transport", "telnet"], /expected one of http, ssh, snmp, tcp/],
    [["acme.x", "--language", "pyton"], /expected one of typescript, python.*Did you mean python/s],
    [["acme.x", "--language", "python", "--capability", "import:set"], /a word of Python/],
    [["acme.x", "--target", "Lamp"], /cannot be a target type/],
    [["acme.x", "--capability", "lamp.power:On"], /is no capability/],
    [
      ["acme.x", "--capability", "lamp power:on"],
      /"lamp power:on" is no capability: expected .* such as lamp\.power:on,off\.\s+-> Did you mean lamp\.power:on\?/,
    ],
    [["acme.x", "--capability", "lamp.power:on, off"], /Did you mean lamp\.power:on,off\?/],
    [["acme.x", "--capability", "lamp.power:on lamp.level:set"], /is no capability/],
    [["acme.x", "--capability", "lamp.power:read,set"], /each their own capability/],
  ])("refuses %j", async (args, words) => {
    const { code, err } = await author.run(["new", ...args]);
    expect({ code, err }).toEqual({ code: 2, err: expect.stringMatching(words) });
    expect(existsSync(join(author.home, "acme.x"))).toBe(false);
  });

  describe("beside a server", () => {
    let server: Server;
    let answers: boolean;
    const environment = (): Record<string, string> => ({
      SWITCHYARD_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      SWITCHYARD_TOKEN: "a-token-of-the-test",
    });
    beforeAll(async () => {
      answers = true;
      server = createServer((_, response) => {
        if (!answers) return;
        response.setHeader("content-type", "application/json");
        response.end(
          JSON.stringify([
            { id: "acme.taken", removed: false },
            { id: "acme.gone", removed: true },
          ]),
        );
      });
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    });
    afterAll(() => {
      server.closeAllConnections();
      server.close();
    });

    it("refuses an id that an installed type has", async () => {
      const { code, err } = await author.run(["new", "acme.taken"], { environment: environment() });
      expect({ code, err }).toEqual({ code: 1, err: expect.stringMatching(/acme\.taken is taken/) });
      expect(await author.run(["new", "acme.gone"], { environment: environment() })).toMatchObject({ code: 0 });
    });

    it("goes on without one that is away, or that does not answer", async () => {
      const away = { ...environment(), SWITCHYARD_URL: "http://127.0.0.1:9" };
      expect(await author.run(["new", "acme.away"], { environment: away })).toMatchObject({ code: 0 });
      answers = false;
      expect(await author.run(["new", "acme.silent"], { environment: environment() })).toMatchObject({ code: 0 });
    });
  });
});
