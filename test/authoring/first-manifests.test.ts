/** The manifests of the first packs, as files: they validate as they stand, and what is shipped today adds to them. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parse, stringify } from "yaml";
import type { JsonObject } from "../../src/model/json.ts";
import { compileSchema } from "../../src/model/schema.ts";
import type { Fault } from "../../src/packs/faults.ts";
import { type Author, openAuthor } from "../kit/author.ts";
import { canRunPython } from "../kit/python.ts";
import { told, toldManifest } from "../kit/told-manifests.ts";

const ids = ["com.aruba.aoss", "walnut.proxmox.ve"] as const;
type Id = (typeof ids)[number];

const firstPacks = join(import.meta.dirname, "../fixtures/first-packs");
const textOf = (id: Id): string => readFileSync(join(firstPacks, `${id}.yaml`), "utf8");
const manifestOf = (id: Id): Record<string, unknown> => parse(textOf(id));
const shippedOf = (id: Id): unknown =>
  parse(readFileSync(join(import.meta.dirname, "../../integrations", id, "plugin.yaml"), "utf8"));

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

describe("a manifest of the first packs", () => {
  let author: Author;
  beforeAll(() => {
    author = openAuthor();
  });
  afterAll(() => author.dispose());

  it.skipIf(told === "").each(ids)("%s is what the summary says of it, no more and no less", (id) => {
    expect(manifestOf(id)).toEqual(toldManifest(id));
  });

  it.each(ids)("%s validates as it stands", async (id) => {
    author.write(id, {
      "plugin.yaml": textOf(id),
      "driver.ts": driverOf(manifestOf(id)),
      "__init__.py": "",
      "utils/a.pyc": "x",
    });
    expect(await author.json("validate", `./${id}`)).toMatchObject({ type_id: id, status: "valid", faults: [] });
  });

  it.skipIf(!canRunPython).each(ids)("%s validates as it stands with a driver in Python, too", async (id) => {
    author.write(`python/${id}`, { "plugin.yaml": textOf(id), "driver.py": pythonDriverOf(manifestOf(id)) });
    expect(await author.json("validate", `./python/${id}`)).toMatchObject({ type_id: id, status: "valid", faults: [] });
  });

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

/** Where what is shipped says something else than the first manifest did, and why. */
const changes: Readonly<Record<Id, Readonly<Record<string, string>>>> = {
  "com.aruba.aoss": {
    "/name": "the vendor's name of the system, which is on other switches than Aruba's as well",
    "/version": "the first release for this runner",
    "/schema/connection/required":
      "a key may stand for the password, and SNMPv3 for a community: allOf asks for one of them",
  },
  "walnut.proxmox.ve": {
    "/version": "a release that adds containers and the whole cluster",
    "/schema/connection/required": "without a node it is the whole cluster",
  },
};

interface Connection {
  readonly required: readonly string[];
  readonly properties: Readonly<Record<string, { readonly type: string }>>;
}

const connectionOf = (manifest: unknown): Connection =>
  (manifest as { schema: { connection: Connection } }).schema.connection;

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const namesOf = (list: readonly unknown[]): readonly unknown[] =>
  list.map((item) => (isObject(item) ? item["id"] : item));

/** Pointers to all that `now` lacks or has otherwise; lists may be longer, those of objects go by `id`. */
const lostIn = (first: unknown, now: unknown, at = ""): readonly string[] => {
  if (isObject(first)) {
    if (!isObject(now)) return [at];
    return Object.entries(first).flatMap(([name, value]) => lostIn(value, now[name], `${at}/${name}`));
  }
  if (!Array.isArray(first)) return Object.is(first, now) ? [] : [at];
  if (!Array.isArray(now) || namesOf(first).some((name) => !namesOf(now).includes(name))) return [at];
  return first.filter(isObject).flatMap((item) => {
    const twin = now.find((other) => isObject(other) && other["id"] === item["id"]);
    return lostIn(item, twin, `${at}/${item["id"]}`);
  });
};

describe("a manifest that is shipped today", () => {
  it.each(ids)("of %s keeps every key and value of the first one, but for what is listed with its reason", (id) => {
    expect(lostIn(manifestOf(id), shippedOf(id)).toSorted()).toEqual(Object.keys(changes[id]).toSorted());
  });

  it.each(ids)(
    "of %s takes a config that was made for the first one, and asks for what is listed as required",
    (id) => {
      const { required, properties } = connectionOf(manifestOf(id));
      const values = Object.entries(properties).map(([name, { type }]) => [
        name,
        type === "integer" ? 22 : "some-word",
      ]);
      const config: JsonObject = Object.fromEntries(values);
      const check = compileSchema(connectionOf(shippedOf(id)) as unknown as JsonObject);
      expect(check(config)).toEqual([]);
      const missed = required.filter((name) => {
        const { [name]: _, ...rest } = config;
        return check(rest).length > 0;
      });
      expect(missed).toEqual(required.filter((name) => name !== "node"));
    },
  );
});
