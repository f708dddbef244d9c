/** The types of a driver: what the manifest's schemas say, in TypeScript that a compiler takes. */
import { execFile } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { driverTypes } from "../../src/cli/authoring/driver-types.ts";
import { schemaType } from "../../src/cli/authoring/schema-types.ts";
import type { JsonObject } from "../../src/model/json.ts";
import { checkManifest } from "../../src/model/manifest-check.ts";
import { type Author, openAuthor } from "../kit/author.ts";
import { smallManifest } from "../kit/manifests.ts";

const root = join(import.meta.dirname, "../..");
const flat = (text: string): string => text.replaceAll(/\s+/g, " ");

describe("a schema as a type", () => {
  it.each<[JsonObject, string]>([
    [{ type: "string" }, "string"],
    [{ type: "integer", minimum: 1 }, "number"],
    [{ type: ["string", "null"] }, "string | null"],
    [{ enum: ["low", "high", 3, null] }, '"low" | "high" | 3 | null'],
    [{ const: true }, "true"],
    [{ type: "array", items: { type: "string" } }, "readonly string[]"],
    [{ type: "array", items: { type: ["string", "number"] } }, "readonly (string | number)[]"],
    [
      { type: "array", prefixItems: [{ type: "string" }, { type: "number" }], items: false },
      "readonly [string, number]",
    ],
    [{ type: "array" }, "readonly Json[]"],
    [{ type: "object" }, "Readonly<Record<string, Json>>"],
    [{ type: "object", additionalProperties: false }, "Record<string, never>"],
    [{ type: "object", additionalProperties: { type: "number" } }, "Readonly<Record<string, number>>"],
    [{ anyOf: [{ type: "string" }, { type: "array", items: { type: "string" } }] }, "string | readonly string[]"],
    [{ $defs: { level: { enum: ["a", "b"] } }, $ref: "#/$defs/level" }, '"a" | "b"'],
    [{ $defs: { node: { type: "array", items: { $ref: "#/$defs/node" } } }, $ref: "#/$defs/node" }, "readonly Json[]"],
    [{ $ref: "https://elsewhere.example/schema" }, "Json"],
    [{}, "Json"],
    [
      { required: ["a"], properties: { a: { type: "string" }, "b-c": {} } },
      '{ readonly a: string; readonly "b-c"?: Json; }',
    ],
    [
      { type: "object", properties: { in: { type: "object", properties: { x: { type: "number", default: 1 } } } } },
      "{ readonly in?: { /** Default: 1. */ readonly x: number; }; }",
    ],
    [
      { allOf: [{ type: "object", properties: { a: { type: "string" } } }, { type: "object" }] },
      "{ readonly a?: string; } & Readonly<Record<string, Json>>",
    ],
  ])("%j is %s", (schema, type) => {
    expect(flat(schemaType(schema))).toBe(type);
  });
});

describe("the types of a driver", () => {
  let author: Author;
  beforeAll(() => {
    author = openAuthor();
  });
  afterAll(() => author.dispose());

  const manifest = () => ({
    ...smallManifest(),
    schema: {
      connection: {
        type: "object",
        required: ["host", "token"],
        properties: {
          host: { type: "string", description: "Where it is: */ or there" },
          port: { type: "integer", default: 80 },
          mode: { enum: ["fast", "safe"] },
          token: { type: "string", secret: true },
        },
      },
    },
    capabilities: [
      {
        id: "light.set_level",
        verbs: ["set"],
        targets: ["lamp"],
        dry_run: "not_supported",
        params: { type: "object", required: ["level"], properties: { level: { type: "integer" }, fade: {} } },
      },
    ],
  });

  it("hold config without secrets, their names, and each capability's words", () => {
    const { manifest: checked, problems } = checkManifest(manifest());
    expect(problems).toEqual([]);
    const text = driverTypes(checked!);
    expect(text).toContain('import type { Json } from "switchyard/sdk";');
    expect(flat(text)).toContain(
      'readonly host: string; /** Default: 80. */ readonly port: number; readonly mode?: "fast" | "safe"; };',
    );
    expect(text).toContain('export type SecretName = "token";');
    expect(text).toContain('export type LightSetLevelVerb = "set";');
    expect(flat(text)).toContain(
      "export type LightSetLevelParams = { readonly level: number; readonly fade?: Json; };",
    );
    expect(text).not.toContain("readonly token");
  });

  it("are written by validate --types, and the compiler holds a driver to them", async () => {
    const driver = (use: string): string => `import { type ActionCall, Driver } from "switchyard/sdk";
import type { Config, LightSetLevelParams } from "./driver.types.d.ts";
export class LampDriver extends Driver<Config> {
  async test_connection() { return { status: "connected" as const, latency_ms: this.config.port }; }
  async light_set_level({ params }: ActionCall<LightSetLevelParams>) { return { ok: true, details: { level: ${use} } }; }
}
`;
    const tsconfig = JSON.stringify({ extends: "./.switchyard/tsconfig.json" });
    const folder = author.write("typed", {
      "plugin.yaml": JSON.stringify(manifest()),
      "driver.ts": driver("params.level + 1"),
      "tsconfig.json": tsconfig,
    });
    const { code, err } = await author.run(["validate", "./typed", "--types"]);
    expect({ code, err }).toEqual({ code: 0, err: expect.stringContaining("Wrote driver.types.d.ts.") });
    const compile = () =>
      promisify(execFile)(process.execPath, [join(root, "node_modules/typescript/bin/tsc"), "-p", folder]).then(
        () => "",
        ({ stdout }: { stdout: string }) => stdout,
      );
    expect(await compile()).toBe("");
    writeFileSync(join(folder, "driver.ts"), driver("params.brightness"));
    expect(await compile()).toMatch(/driver\.ts\(5,.*'brightness' does not exist/);
  });

  it("are left as they are while the manifest is at fault", async () => {
    const folder = author.write("faulty", {
      "plugin.yaml": "id: acme.lamp\nname: x\n",
      "driver.types.d.ts": "// mine\n",
      "driver.ts": "export class D {}",
    });
    expect(await author.run(["validate", "./faulty", "--types"])).toMatchObject({ code: 1 });
    expect(readFileSync(join(folder, "driver.types.d.ts"), "utf8")).toBe("// mine\n");
    author.write(".", { "some.int": "x" });
    expect(await author.run(["validate", "some.int", "--types"])).toMatchObject({ code: 2 });
  });
});
