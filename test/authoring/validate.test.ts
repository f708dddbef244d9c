/** `validate <folder>`: everything an install would say, at its place, without a server. */
import { readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Fault } from "../../src/packs/faults.ts";
import { type Author, type Files, openAuthor } from "../kit/author.ts";
import { httpPack, zip } from "../kit/pack.ts";

interface Answer {
  readonly type_id: string | null;
  readonly version: string | null;
  readonly status: string;
  readonly errors: Readonly<Record<string, unknown>>;
  readonly permissions: readonly string[];
  readonly faults: readonly Fault[];
}

const manifestOf20 = `id: Acme.Lamp
name: ""
version: 1.0
min_core_version: 99.0.0
category: lamps
colour: red
driver: { entrypoint: "driver:Lamp", speed: 9 }
schema:
  connection:
    type: object
    required: [host]
    properties:
      host: { type: text }
      token: { type: integer, secret: true }
      pin: { type: string, secret: yes please }
transports:
  http:
    url: "http://{hots}:80"
defaults:
  dry_run_refresh_sla_s: 900
  http: { retries: 99 }
test: { method: http, request: { method: DELETE, path: /x }, success_when: "status = 200" }
requires:
  node: 5
  platform: []
capabilities:
  - id: Light
    verbs: []
    targets: [lamp, lamp]
  - id: lamp.power
    verbs: ["on", "off"]
    targets: [lamp]
    dry_run: maybe
    lock: everything
    colour: blue
  - id: lamp.dim
    verbs: [set]
    targets: [lamp]
    invertible: { set: { inverse: unset } }
    destructive: [explode]
`;

describe("validate", () => {
  let author: Author;
  beforeAll(() => {
    author = openAuthor();
  });
  afterAll(() => author.dispose());

  const look = async (name: string, files: Files): Promise<Answer> => {
    author.write(name, files);
    return author.json<Answer>("validate", `./${name}`);
  };

  it("finds a sound pack valid, and says what an admin will be asked for", async () => {
    const sound = httpPack("acme.sound");
    author.write("sound", sound);
    const { code, out } = await author.run(["validate", "./sound"]);
    expect({ code, out }).toEqual({ code: 0, out: expect.stringMatching(/^acme\.sound 1\.0\.0 is valid/) });
    const asking = await look(
      "asking",
      httpPack("acme.asking", {
        transports: '  http: { url: "http://10.0.0.9/api" }',
        extra: 'requires: { permissions: ["net:http:10.0.0.9"] }',
      }),
    );
    expect(asking).toMatchObject({ status: "valid", permissions: ["net:http:10.0.0.9"] });
    const said = await author.run(["validate", "./asking"]);
    expect(said.err).toContain("Grant it with: npx switchyard install ./asking --consent\n");
  });

  it("tells twenty faults of a manifest at once, each with its line and column", async () => {
    const { status, faults } = await look("bad", { "plugin.yaml": manifestOf20, "driver.ts": "export class Lamp {}" });
    expect(status).toBe("invalid");
    const inManifest = faults.filter(({ file }) => file === "plugin.yaml");
    expect(inManifest.length).toBeGreaterThanOrEqual(20);
    const places = inManifest.map(({ pointer, line, column }) => `${pointer} ${line}:${column}`);
    expect(places).toEqual(
      expect.arrayContaining([
        "/id 1:5",
        "/name 2:7",
        "/version 3:10",
        "/min_core_version 4:19",
        "/category 5:11",
        "/colour 6:9",
        "/driver/speed 7:45",
        "/schema/connection/properties/token/type 14:22",
        "/defaults/dry_run_refresh_sla_s 20:26",
        "/defaults/http/retries 21:20",
        "/capabilities/0/id 27:9",
        "/capabilities/1/dry_run 33:14",
        "/capabilities/2/destructive/0 40:19",
      ]),
    );
    const lines = inManifest.map(({ line }) => line ?? 0);
    expect(lines).toEqual([...lines].sort((one, other) => one - other));
  });

  it("says of a wrong value once what was expected, and of an import that cannot work once that it cannot", async () => {
    const typo = httpPack("acme.once")["plugin.yaml"]?.toString().replace("type: object", "type: objekt") ?? "";
    const { faults } = await look("once", { ...httpPack("acme.once"), "plugin.yaml": typo });
    const atType = faults.filter(({ pointer }) => pointer === "/schema/connection/type");
    expect(atType.map(({ message }) => message)).not.toContainEqual(expect.stringContaining("allowed forms"));
    expect(atType.length).toBeGreaterThan(0);
    const driver = 'import _ from "lodash";\nexport class Lamp {}\n';
    const imported = await look("once-import", { ...httpPack("acme.once"), "driver.ts": driver });
    expect(imported.faults.filter(({ message }) => message.includes("lodash"))).toHaveLength(1);
  });

  it("prints each fault after its place, and ends with 1", async () => {
    author.write("wrong", { ...httpPack("acme.wrong"), "driver.ts": "export class Other {}" });
    const { code, out, err } = await author.run(["validate", "wrong"]);
    expect(code).toBe(1);
    expect(out).toMatch(
      /^wrong\/driver\.ts: Expected driver\.ts to export a class TestDriver, got: Other\. \(import_error\)$/m,
    );
    expect(err).toContain("1 fault: acme.wrong would not be valid.");
  });

  it.each([
    [
      "a syntax error",
      'import { Driver } from "switchyard/sdk";\nexport class TestDriver extends Driver {\n  const = 3 +;\n}\n',
      { line: 3 },
      /SyntaxError/,
    ],
    [
      "a default export",
      'import { Driver } from "switchyard/sdk";\nexport default class TestDriver extends Driver {}',
      {},
      /export a class TestDriver, got: default/,
    ],
    ["a class of another name", "export class Lamp {}", {}, /export a class TestDriver, got: Lamp/],
    ["no export at all", "class TestDriver {}", {}, /got: nothing/],
    [
      "an import that no sandbox has",
      'import "node:fs";\nimport net from "node:net";\nexport class TestDriver {}',
      { line: 2 },
      /"node:net" cannot be used/,
    ],
    ["a package", 'import axios from "axios";\nexport class TestDriver {}', { line: 1 }, /got "axios"/],
    [
      "something thrown at its top",
      'const a = 1;\nthrow new Error("boom");\nexport class TestDriver {}',
      { line: 2 },
      /boom/,
    ],
  ])("says the file and the line of a driver with %s", async (name, driver, place, message) => {
    const folder = name.replaceAll(" ", "-");
    const { faults } = await look(folder, { ...httpPack("acme.faulty"), "driver.ts": driver });
    const fault = faults.find(({ code }) => code === "import_error");
    expect(fault).toMatchObject({ code: "import_error", file: "driver.ts", ...place });
    expect(fault?.message).toMatch(message);
  });

  it("says that a CommonJS driver is none", async () => {
    const { "plugin.yaml": manifest = "" } = httpPack("acme.common");
    const driver =
      'const { Driver } = require("switchyard/sdk");\nmodule.exports = { TestDriver: class extends Driver {} };\n';
    const { faults } = await look("common", { "plugin.yaml": manifest, "driver.js": driver });
    expect(faults).toMatchObject([{ code: "import_error", file: "driver.js", line: 1 }]);
  });

  it("ends a driver whose top level does not end", async () => {
    const driver =
      'import { Driver } from "switchyard/sdk";\nawait new Promise(() => {});\nexport class TestDriver extends Driver {}';
    const { faults } = await look("hanging", { ...httpPack("acme.hanging"), "driver.ts": driver });
    expect(faults).toMatchObject([
      { code: "import_error", file: "driver.ts", message: expect.stringMatching(/top level/) },
    ]);
  }, 30_000);

  it("says of what a driver lacks which capability of the manifest asks for it", async () => {
    const driver = "async vm_power(one, two) {}";
    const { faults } = await look("lacking", httpPack("acme.lacking", { driver }));
    expect(faults).toMatchObject([
      {
        code: "capability_mismatch",
        file: "plugin.yaml",
        line: 23,
        message: expect.stringMatching(/inventory\.list: .*inventory_list/),
      },
      { code: "capability_signature", file: "driver.ts", message: expect.stringMatching(/vm_power/) },
      { code: "missing_test_connection", file: "driver.ts" },
    ]);
  });

  it.each([
    ["no manifest", { "readme.md": "x" }, "manifest_missing", {}],
    [
      "broken YAML",
      { "plugin.yaml": "id: acme.lamp\nname: [a, b\nversion: 1.0.0\n" },
      "manifest_invalid",
      { file: "plugin.yaml", line: 3 },
    ],
    [
      "a key twice",
      { "plugin.yaml": "id: acme.lamp\nname: a\nname: b\n" },
      "manifest_invalid",
      { file: "plugin.yaml", line: 3, column: 1 },
    ],
    ["a manifest deeper inside", { "a/plugin.yaml": "id: acme.lamp", "b.txt": "" }, "manifest_missing", {}],
    ["no id", { "plugin.yaml": "name: x\n" }, "manifest_id_missing", {}],
  ])("tells %s as an install would refuse it", async (name, files, code, place) => {
    const { status, faults } = await look(`refused ${name}`, files as unknown as Files);
    expect(status).toBe("invalid");
    expect(faults[0]).toMatchObject({ code, ...place });
  });

  it("looks into archives, with a folder around everything or without", async () => {
    const flat = httpPack("acme.flat");
    const nested = Object.fromEntries(Object.entries(flat).map(([path, text]) => [`acme.flat/${path}`, text]));
    author.write(".", {
      "flat.int": await zip({ ...flat, "__pycache__/driver.cpython-311.pyc": "stale" }),
      "nested.int": await zip(nested),
    });
    const [one, other] = [
      await author.json<Answer>("validate", "flat.int"),
      await author.json<Answer>("validate", "nested.int"),
    ];
    expect(one.status).toBe("valid");
    expect(other).toEqual(one);
    author.write(".", { "broken.int": "no zip" });
    expect(await author.json("validate", "broken.int")).toMatchObject({
      status: "invalid",
      faults: [{ code: "archive_invalid" }],
    });
  });

  it("refuses what is not there, and leaves nothing behind", async () => {
    const before = readdirSync(tmpdir()).filter((name) => name.startsWith("switchyard-look-"));
    expect(await author.run(["validate", "./nowhere"])).toMatchObject({
      code: 2,
      err: expect.stringMatching(/no file or folder/),
    });
    await look("passing", httpPack("acme.passing"));
    expect(
      readdirSync(tmpdir()).filter((name) => name.startsWith("switchyard-look-") && !before.includes(name)),
    ).toEqual([]);
  });
});
