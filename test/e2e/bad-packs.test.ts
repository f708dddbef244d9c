/** Packs that are broken, hostile or both, uploaded to a running system: a clear refusal, and nothing stays behind. */
import { existsSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { type Caller, callerOf } from "../kit/caller.ts";
import { filesBelow } from "../kit/files.ts";
import { httpPack, zip } from "../kit/pack.ts";
import { type System, startSystem, until } from "../kit/system.ts";
import { makeZip, type ZipEntry } from "../kit/zip.ts";

type Pack = Record<string, string>;
interface TypeView {
  readonly version: string;
  readonly status: string;
  readonly errors: Record<string, unknown>;
  readonly release: { readonly digest: string };
}
interface Fault {
  readonly pointer: string;
  readonly message: string;
}

const id = "acme.bad";
const good = httpPack(id);
const asEntries = (pack: Pack): ZipEntry[] => Object.entries(pack).map(([name, bytes]) => ({ name, bytes }));
const withEntry = (entry: ZipEntry): Buffer => makeZip([...asEntries(good), entry]);
const withManifest = (manifest: string): Promise<Buffer> => zip({ ...good, "plugin.yaml": manifest });
const withDriver = (source: string): Promise<Buffer> => zip({ ...good, "driver.ts": source });
const manifest = good["plugin.yaml"]!;
const driver = good["driver.ts"]!;

/** Ten levels of ten aliases each. */
const aliasBomb = [
  "a0: &a0 [x,x,x,x,x,x,x,x,x,x]",
  ...Array.from({ length: 9 }, (_, index) => `a${index + 1}: &a${index + 1} [${Array(10).fill(`*a${index}`)}]`),
].join("\n");

const refusals: readonly (readonly [string, string, () => Buffer | Promise<Buffer>])[] = [
  ["no zip at all", "archive_invalid", () => Buffer.from("this is a text that somebody renamed to pack.int")],
  ["an empty file", "archive_invalid", () => Buffer.alloc(0)],
  ["a truncated zip", "archive_invalid", async () => (await zip(good)).subarray(0, -40)],
  ["a zip cut in its middle", "archive_invalid", async () => (await zip(good)).subarray(0, 200)],
  ["a size that lies", "archive_invalid", () => withEntry({ name: "lib.ts", bytes: "x".repeat(500), size: 10 })],
  ["a wrong checksum", "archive_invalid", () => withEntry({ name: "lib.ts", bytes: "export {}", crc: 1 })],
  ["more entries than announced", "archive_invalid", () => makeZip(asEntries(good), { announced: 1 })],
  ["a zip bomb", "archive_quota", () => withEntry({ name: "data.bin", bytes: Buffer.alloc(49 * 1024 * 1024) })],
  ["sixty megabytes", "archive_quota", () => withEntry({ name: "data.bin", bytes: Buffer.alloc(60 * 1024 * 1024) })],
  [
    "20,000 entries",
    "archive_quota",
    () => makeZip([...asEntries(good), ...Array.from({ length: 20_000 }, (_, n) => ({ name: `f${n}`, method: 0 }))]),
  ],
  ["a path that climbs", "archive_path_unsafe", () => withEntry({ name: "../../outside.ts", bytes: "x" })],
  ["an absolute path", "archive_path_unsafe", () => withEntry({ name: "/tmp/outside.ts", bytes: "x" })],
  ["a drive", "archive_path_unsafe", () => withEntry({ name: "C:/outside.ts", bytes: "x" })],
  ["a backslash", "archive_path_unsafe", () => withEntry({ name: "..\\outside.ts", bytes: "x" })],
  ["a NUL in a path", "archive_path_unsafe", () => withEntry({ name: "driver.ts\0.txt", bytes: "x" })],
  ["a symlink", "archive_path_unsafe", () => withEntry({ name: "link", bytes: "/etc/passwd", mode: 0o120777 })],
  ["a device", "archive_path_unsafe", () => withEntry({ name: "null", mode: 0o020666 })],
  ["no manifest", "manifest_missing", () => makeZip([{ name: "driver.ts", bytes: driver }])],
  ["two manifests", "manifest_invalid", () => withEntry({ name: "inner/plugin.yaml", bytes: manifest })],
  ["the same file twice", "archive_invalid", () => withEntry({ name: "plugin.yaml", bytes: manifest })],
  ["an id that is a path", "manifest_invalid", () => withManifest(manifest.replace(`id: ${id}`, "id: ../x"))],
  ["an id that is a number", "manifest_invalid", () => withManifest(manifest.replace(`id: ${id}`, "id: 5"))],
  ["no id", "manifest_id_missing", () => withManifest(manifest.replace(`id: ${id}\n`, ""))],
  ["an alias bomb", "manifest_invalid", () => withManifest(`${aliasBomb}\n${manifest}`)],
  ["a manifest that is no YAML", "manifest_invalid", () => withManifest("id: [unclosed\n  : :")],
  ["a manifest that is a list", "manifest_invalid", () => withManifest("- id: acme.bad")],
  ["a manifest of two documents", "manifest_invalid", () => withManifest(`${manifest}\n---\n${manifest}`)],
];

const loading: readonly (readonly [string, string, string])[] = [
  ["throws", `${driver}\nthrow new Error("not on this machine");`, "not on this machine"],
  ["does not parse", `${driver}\nexport class {`, ""],
  ["imports what is not there", `import "left-pad";\n${driver}`, "left-pad"],
  ["imports a file outside", `import "../../../../src/vault/vault.ts";\n${driver}`, ""],
  ["ends the process", `${driver}\nprocess.exit(0);`, ""],
  ["allocates 4 GB", `${driver}\nexport const hoard = Buffer.alloc(4 * 1024 ** 3, 1);`, "MiB"],
  ["loops for ever", `${driver}\nfor (;;);`, "does not end"],
  ["awaits for ever", `${driver}\nawait new Promise(() => setInterval(() => {}, 1000));`, "does not end"],
];

const incomplete: readonly (readonly [string, string, Record<string, unknown>])[] = [
  [
    "no test_connection",
    driver.replace("test_connection", "other"),
    { missing_test_connection: { message: expect.stringContaining("test_connection") } },
  ],
  [
    "no method for a capability, and a second parameter for the other",
    driver.replace("vm_power", "vm_other").replace("inventory_list()", "inventory_list(one, two)"),
    {
      capability_mismatch: [{ capability: "vm.power", message: expect.any(String) }],
      capability_signature: [{ method: "inventory_list", message: expect.stringContaining("2") }],
    },
  ],
  [
    "handles of other verbs",
    driver.replace("{\n", `{\n  static handles = { "vm.power": { verbs: ["start"], targets: ["vm"] } };\n`),
    { capability_mismatch: expect.arrayContaining([{ capability: "vm.power", message: expect.any(String) }]) },
  ],
  ["another class", driver.replace("class TestDriver", "class Other"), { import_error: expect.any(Object) }],
];

describe("a running system that is given bad packs", () => {
  let system: System;
  let caller: Caller;
  const strayPlaces = (): string[] =>
    [system.dataDir, dirname(system.dataDir)].flatMap((dir) =>
      ["outside.ts", "x.int", "x"].map((name) => join(dir, name)),
    );
  /** Somebody else's, beside the data folder. */
  let wasThere: ReadonlySet<string> = new Set();
  const releases = (): string[] => readdirSync(join(system.dataDir, "releases")).sort();
  const typeOf = async (type = id): Promise<TypeView | null> => {
    const { status, body } = await system.call<TypeView>("GET", `/api/integrations/types/${type}`);
    return status === 200 ? body : null;
  };
  /** No half-written folder, no scratch file, nothing beside the data folder. */
  const expectTidy = (): void => {
    expect(releases().filter((name) => !/^[0-9a-f]{64}$/.test(name))).toEqual([]);
    expect(filesBelow(join(system.dataDir, "uploads"))).toEqual([]);
    for (const place of strayPlaces()) expect(wasThere.has(place) || !existsSync(place), place).toBe(true);
  };

  beforeAll(async () => {
    system = await startSystem();
    wasThere = new Set(strayPlaces().filter((place) => existsSync(place)));
    caller = callerOf(system);
    await until(async () => ((await typeOf("walnut.proxmox.ve"))?.status === "valid" ? true : undefined), "packs");
  }, 90_000);
  afterAll(() => system?.dispose());
  afterEach(async () => {
    expectTidy();
    expect((await fetch(`${system.url}/readyz`)).status).toBe(200);
  });

  it.each(refusals)("refuses %s with %s and keeps nothing of it", async (_, code, bytes) => {
    const before = releases();
    const answer = await caller.uploadBytes(await bytes());
    expect(answer).toMatchObject({ status: 400, body: { code, detail: expect.stringMatching(/.{20}/) } });
    expect(await caller.job(answer.body.job_id!)).toMatchObject({ state: "failed", error: { code } });
    expect(releases()).toEqual(before);
    expect(await typeOf()).toBeNull();
  });

  it("refuses at once what is too large or is not called .int", async () => {
    const large = await caller.uploadBytes(Buffer.alloc(11 * 1024 * 1024));
    expect(large).toMatchObject({ status: 413, body: { code: "archive_too_large" } });
    const other = await caller.uploadBytes(await zip(good), { name: "pack.zip" });
    expect(other).toMatchObject({ status: 400, body: { code: "extension_not_int" } });
    expect(large.body.job_id ?? other.body.job_id).toBeUndefined();
  });

  it("names every place where a manifest has a wrong type, and keeps the type on view as invalid", async () => {
    const wrong = `id: ${id}
name: 5
version: [1]
min_core_version: soon
category: kitchen
driver: { entrypoint: 7 }
schema: { connection: { type: array } }
transports: { http: { url: 5 }, warp: {} }
defaults: { heartbeat_interval_s: often }
test: { method: telepathy }
requires: { node: 5, permissions: all }
capabilities: [ 5, { id: "Bad Id", verbs: [], targets: 3, dry_run: maybe, writes: 1 } ]
surprise: true
`;
    const answer = await caller.uploadBytes(await withManifest(wrong));
    expect(answer).toMatchObject({ status: 400, body: { code: "pack_invalid" } });
    const type = await typeOf();
    expect(type?.status).toBe("invalid");
    const faults = type?.errors["schema_error"] as Fault[];
    const pointers = faults.map(({ pointer }) => pointer);
    for (const place of [
      ...["/name", "/version", "/min_core_version", "/category", "/driver/entrypoint", "/schema/connection"],
      ...["/transports/http/url", "/transports/warp", "/defaults/heartbeat_interval_s", "/test/method"],
      ...["/requires/node", "/requires/permissions", "/capabilities/0", "/capabilities/1/id", "/capabilities/1/verbs"],
      ...["/capabilities/1/targets", "/capabilities/1/dry_run", "/capabilities/1/writes", "/surprise"],
    ]) {
      expect(
        pointers.some((pointer) => pointer.startsWith(place)),
        `${place} among ${pointers.join(" ")}`,
      ).toBe(true);
    }
    for (const { message } of faults) expect(message).toMatch(/expected/i);
  });

  it.each(loading)(
    "says so when a driver %s as it is loaded",
    async (_, source, said) => {
      const answer = await caller.uploadBytes(await withDriver(source));
      expect(answer).toMatchObject({ status: 400, body: { code: "pack_invalid" } });
      const type = await typeOf();
      expect(type).toMatchObject({ status: "invalid", errors: { import_error: { message: expect.any(String) } } });
      expect(JSON.stringify(type?.errors)).toContain(said);
      await until(() => (system.pids("switchyard-sandbox").length === 0 ? true : undefined), "the sandbox to be gone");
    },
    40_000,
  );

  it.each(incomplete)("says what is missing in a driver with %s", async (_, source, errors) => {
    const answer = await caller.uploadBytes(await withDriver(source));
    expect(answer).toMatchObject({ status: 400, body: { code: "pack_invalid" } });
    expect((await typeOf())?.errors).toEqual(errors);
  });

  it("asks nobody to use an invalid type", async () => {
    const { status, body } = await system.call("POST", "/api/integrations/instances", {
      type_id: id,
      name: "none",
      config: { host: "127.0.0.1", port: 1 },
    });
    expect({ status, code: body["code"] }).toEqual({ status: 400, code: "type_not_usable" });
  });

  it("takes nothing from the name a client gives its file", async () => {
    const answer = await caller.uploadBytes(await zip(good), { name: "../../x.int" });
    expect(answer).toMatchObject({ status: 200, body: { state: "succeeded", result: { status: "valid" } } });
  });

  it("keeps the active release through every failed upgrade, and the instance works on", async () => {
    const before = await typeOf();
    expect(before).toMatchObject({ status: "valid", errors: {}, version: "1.0.0" });
    const folders = releases();
    const instance = await caller.addInstance(id, "steady", { host: "127.0.0.1", port: 9 });
    const next = (pack: Pack): Pack => ({ ...pack, "plugin.yaml": pack["plugin.yaml"]!.replace("1.0.0", "1.1.0") });
    const upgrades: readonly (readonly [string, Pack])[] = [
      ["pack_invalid", next({ ...good, "driver.ts": `${driver}\nthrow new Error("no");` })],
      ["pack_invalid", next({ ...good, "plugin.yaml": manifest.replace("category: compute", "category: kitchen") })],
      ["pack_invalid", next({ ...good, "plugin.yaml": manifest.replace("0.10.0", "99.0.0") })],
      ["consent_required", next({ ...good, "plugin.yaml": `${manifest}requires: { permissions: ["secrets:raw"] }\n` })],
      ["pack_conflict", { ...good, "driver.ts": `${driver}// other` }],
      ["pack_conflict", { ...good, "plugin.yaml": manifest.replace("1.0.0", "0.9.0") }],
    ];
    for (const [code, pack] of upgrades) {
      const answer = await caller.uploadBytes(await zip(pack));
      expect(answer.body.code).toBe(code);
      expect(await typeOf()).toEqual(before);
      expect(releases()).toEqual(folders);
    }
    const tested = await system.call("POST", `/api/integrations/instances/${instance}/test`, undefined, {
      prefer: "wait=30",
    });
    expect(tested.body).toMatchObject({ state: "succeeded", result: { status: "connected" } });
  });

  it("does not install what asks for more than its uploader consents to", async () => {
    const asking = { ...httpPack("acme.curious", { extra: `requires: { permissions: ["secrets:raw"] }` }) };
    const bytes = await zip(asking);
    const asked = await caller.uploadBytes(bytes);
    expect(asked).toMatchObject({ status: 409, body: { code: "consent_required" } });
    const job = await caller.job(asked.body.job_id!);
    expect(job.error?.details).toMatchObject({ permissions: ["secrets:raw"], digest: expect.any(String) });
    const wrong = await caller.uploadBytes(bytes, { query: `?consent=${"0".repeat(64)}` });
    expect(wrong.body.code).toBe("consent_required");
    const granted = await caller.uploadBytes(bytes, { query: `?consent=${String(job.error?.details?.["digest"])}` });
    expect(granted.body).toMatchObject({ state: "succeeded" });
  });
});
