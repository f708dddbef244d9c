/** The two manifests that the first packs had, written out from where they are told of, validate as they stand. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { stringify } from "yaml";
import type { Fault } from "../../src/cli/authoring/faults.ts";
import { type Author, openAuthor } from "../kit/author.ts";
import { canRunPython } from "../kit/python.ts";

const folder = join(import.meta.dirname, "../../../shared/seeds");
const name = existsSync(folder) ? readdirSync(folder).find((file) => file.startsWith("000")) : undefined;
const text = name === undefined ? "" : readFileSync(join(folder, name), "utf8");

interface Told {
  readonly facts: Readonly<Record<string, string>>;
  readonly capabilities: readonly { id: string; verbs: string[]; targets: string[]; dry_run: string }[];
}

const listIn = (words = ""): string[] => words.replaceAll(/[[\]]/g, "").split(/,\s*/);

/** `  - id: x` begins a summary; what is indented below it are its facts and its capabilities. */
const tellOf = (id: string): Told => {
  const from = text.indexOf(`- id: ${id}\n`);
  const block = text.slice(from).split(/\n\n/, 1)[0] ?? "";
  const lines = block.split("\n").map((line) => line.trim().replace(/^- /, ""));
  const facts = lines.map((line) => /^([\w.]+): (.+)$/.exec(line)).filter((match) => match !== null);
  const capabilities = lines.flatMap((line) => {
    const [, own = "", verbs, targets, dryRun = ""] =
      /^([\w.]+): verbs=(\[.*?\]), targets=(\[.*?\]), dry_run=(\w+)/.exec(line) ?? [];
    return own === "" ? [] : [{ id: own, verbs: listIn(verbs), targets: listIn(targets), dry_run: dryRun }];
  });
  return { facts: Object.fromEntries(facts.map(([, key = "", value = ""]) => [key, value])), capabilities };
};

const whole = (words: string) => (/^\d+$/.test(words) ? Number(words) : words === "true" ? true : words);

/** `timeout_s:5, retries:2` and `transports.ssh(timeout_s:30,port:22)` as objects. */
const settingsIn = (words: string): Record<string, unknown> =>
  Object.fromEntries([...words.matchAll(/(\w+):\s*([\w.]+)/g)].map(([, key = "", value = ""]) => [key, whole(value)]));

const defaultsOf = ({ facts }: Told): Record<string, unknown> => {
  const { defaults = "", "defaults.http": http } = facts;
  const transports = [...defaults.matchAll(/transports\.(\w+)\(([^)]*)\)/g)].map(([, kind = "", inner = ""]) => [
    kind,
    settingsIn(inner),
  ]);
  const plain = settingsIn(defaults.replaceAll(/transports\.\w+\([^)]*\)/g, ""));
  return {
    ...plain,
    ...(http === undefined ? {} : { http: settingsIn(http) }),
    ...(transports.length === 0 ? {} : { transports: Object.fromEntries(transports) }),
  };
};

const testOf = (words: string): Record<string, unknown> => {
  const [, method, path, success_when] = /http \((\w+) (\S+); success_when: ([^)]+)\)/.exec(words) ?? [];
  return method === undefined ? { method: "driver" } : { method: "http", request: { method, path }, success_when };
};

const manifestOf = (id: string): Record<string, unknown> => {
  const told = tellOf(id);
  const { facts, capabilities } = told;
  const secrets = listIn(facts["schema.connection.secrets"]);
  const required = listIn(facts["schema.connection.required"]);
  const properties = Object.fromEntries(
    [...new Set([...required, ...secrets])].map((field) => [
      field,
      { type: /port$/.test(field) ? "integer" : "string", ...(secrets.includes(field) ? { secret: true } : {}) },
    ]),
  );
  return {
    id,
    ...{ name: facts["name"], version: facts["version"], min_core_version: facts["min_core_version"] },
    category: facts["category"],
    driver: { entrypoint: facts["driver.entrypoint"] },
    schema: { connection: { type: "object", required, properties } },
    defaults: defaultsOf(told),
    test: testOf(facts["test"] ?? ""),
    capabilities,
  };
};

/** A driver with the methods that the manifest asks for; what it does is not looked at here. */
const driverOf = ({ driver, capabilities }: Record<string, unknown>): string => {
  const className = (driver as { entrypoint: string }).entrypoint.split(":")[1];
  const methods = (capabilities as { id: string }[]).map(({ id }) => `  async ${id.replaceAll(".", "_")}(call) {}`);
  return `import { Driver } from "switchyard/sdk";
export class ${className} extends Driver {
  async test_connection() {}
${methods.join("\n")}
}
`;
};

/** The same in Python, with the parameters that its callers gave by name. */
const pythonDriverOf = ({ driver, capabilities }: Record<string, unknown>): string => {
  const className = (driver as { entrypoint: string }).entrypoint.split(":")[1];
  const parametersOf = (id: string): string =>
    id === "inventory.list" ? "target_type, active_only=True, options=None" : "verb, target, dry_run";
  const methods = (capabilities as { id: string }[]).map(
    ({ id }) => `    async def ${id.replaceAll(".", "_")}(self, ${parametersOf(id)}):\n        pass`,
  );
  return `class ${className}:
    def __init__(self, instance, secrets, transports):
        pass

    async def test_connection(self):
        pass

${methods.join("\n\n")}
`;
};

describe.skipIf(text === "")("a manifest of the first packs", () => {
  let author: Author;
  beforeAll(() => {
    author = openAuthor();
  });
  afterAll(() => author.dispose());

  it.each([
    ["com.aruba.aoss", 9],
    ["walnut.proxmox.ve", 3],
  ])("%s validates as it stands", async (id, count) => {
    const manifest = manifestOf(id);
    expect(manifest["capabilities"]).toHaveLength(count);
    author.write(id, {
      "plugin.yaml": stringify(manifest),
      "driver.ts": driverOf(manifest),
      "__init__.py": "",
      "utils/a.pyc": "x",
    });
    expect(await author.json("validate", `./${id}`)).toMatchObject({ type_id: id, status: "valid", faults: [] });
  });

  it.skipIf(!canRunPython).each(["com.aruba.aoss", "walnut.proxmox.ve"])(
    "%s validates as it stands with a driver in Python, too",
    async (id) => {
      const manifest = manifestOf(id);
      author.write(`python/${id}`, { "plugin.yaml": stringify(manifest), "driver.py": pythonDriverOf(manifest) });
      expect(await author.json("validate", `./python/${id}`)).toMatchObject({
        type_id: id,
        status: "valid",
        faults: [],
      });
    },
  );

  it("of an older form is refused with the exact path of each difference", async () => {
    const { driver: _driver, ...rest } = manifestOf("com.aruba.aoss");
    const capabilities = [
      { id: "poe.port", verbs: ["set"], targets: ["poe-port"], dry_run: "required" },
      { id: "switch.health", verbs: ["read"], targets: ["switch"], dry_run: "unsupported" },
    ];
    const manifest = { ...rest, category: "network", test: { method: "ssh" }, capabilities, discovery: {}, errors: {} };
    author.write("old/com.aruba.aoss", { "plugin.yaml": stringify(manifest), "driver.py": "class A:\n  pass\n" });
    const { faults } = await author.json<{ faults: Fault[] }>("validate", "./old/com.aruba.aoss");
    const pointers = faults.filter(({ code }) => code === "schema_error").map(({ pointer }) => pointer);
    expect(pointers.sort()).toEqual([
      "/capabilities/0/targets/0",
      "/capabilities/1/dry_run",
      "/category",
      "/discovery",
      "/driver",
      "/errors",
      "/test/method",
    ]);
  });

  it("with an older category is refused at its place, with the ones that there are", async () => {
    const manifest = { ...manifestOf("walnut.proxmox.ve"), category: "hypervisor" };
    author.write("older", { "plugin.yaml": stringify(manifest), "driver.ts": driverOf(manifest) });
    const { faults } = await author.json<{ faults: Fault[] }>("validate", "./older");
    expect(faults).toMatchObject([
      {
        code: "schema_error",
        pointer: "/category",
        line: 5,
        column: 11,
        message: expect.stringMatching(/one of "host-orchestrator".*got "hypervisor"/),
      },
    ]);
  });
});
