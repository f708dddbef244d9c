/** The support bundle: complete enough to help, fetched by an admin, and without a secret in it. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { readArchive } from "../../src/packs/archive.ts";
import { makeBundle } from "../../src/upkeep/support-bundle.ts";
import { httpPack, upload, zip } from "../kit/pack.ts";
import { hasRedis } from "../kit/redis.ts";
import { openTestStore } from "../kit/store.ts";
import { type System, startSystem } from "../kit/system.ts";

const canaries = {
  masterKey: `${"ca".repeat(31)}7e`,
  collectorKey: "canary-collector-key-88",
  deviceToken: 'canary "device" token\nline two 5521',
  otherToken: "Y2FuYXJ5LWJhc2U2NC10b2tlbi0x",
  configValue: "canary-config-value-4410",
};

/** A driver that says its own handle and the answer of a device that is not there. */
const driver = `  async test_connection() {
    this.log.warn("about to fail", { handle: this.secrets.token });
    throw new Error("cannot log in with " + this.secrets.token);
  }
  async inventory_list() { return []; }
  async vm_power() { throw new Error("no"); }`;

const formsOf = (value: string): string[] => [
  value,
  encodeURIComponent(value),
  JSON.stringify(value).slice(1, -1),
  Buffer.from(value).toString("base64"),
  Buffer.from(value).toString("hex"),
];

const wait = { prefer: "wait=30" };

describe("what reaches a support bundle by accident", () => {
  it("is taken out when it is a secret of the process that writes it", async () => {
    const { store, end } = await openTestStore();
    const secrets = ["planted secret", "", "abc"];
    const logLines = ['{"msg":"GET /?key=planted%20secret"}', '{"msg":"planted secret, abc"}'];
    const facts = { versions: {}, settings: {}, health: {}, metrics: "# planted secret\n", logLines, secrets };
    const { bytes, files } = await makeBundle(store, facts, Date.now());
    await end();
    const found = new Map(
      (await readArchive(bytes)).map(({ path, bytes: text }) => [path, Buffer.from(text).toString()]),
    );
    expect([...found.keys()].sort()).toEqual([...files].sort());
    expect(found.get("log.jsonl")).toBe('{"msg":"GET /?key=[secret]"}\n{"msg":"[secret], abc"}\n');
    expect(found.get("metrics.prom")).toBe("# [secret]\n");
  });
});

describe.skipIf(!hasRedis)("a support bundle", () => {
  let system: System;
  let dir: string;
  const root = join(import.meta.dirname, "..", "..");
  const cli = (...args: string[]) =>
    spawnSync(process.execPath, ["--no-warnings", "src/cli/main.ts", "--url", system.url, ...args], {
      cwd: root,
      encoding: "utf8",
      env: { ...process.env, SWITCHYARD_TOKEN: system.token },
    });

  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), "sw-bundle-"));
    system = await startSystem({
      env: {
        SWITCHYARD_MASTER_KEY: canaries.masterKey,
        SWITCHYARD_OTLP_URL: "http://127.0.0.1:9",
        OTEL_EXPORTER_OTLP_HEADERS: `x-key=${canaries.collectorKey}`,
      },
    });
    const { call } = system;
    await call("POST", "/api/integrations/types/upload", upload(await zip(httpPack("test.canary", { driver }))), wait);
    for (const [name, token] of Object.entries({ one: canaries.deviceToken, two: canaries.otherToken })) {
      const created = await call("POST", "/api/integrations/instances", {
        type_id: "test.canary",
        name,
        config: { host: `${canaries.configValue}.invalid`, port: 1 },
        secrets: { token },
      });
      expect(created.status, JSON.stringify(created.body)).toBe(201);
      const tested = await call(
        "POST",
        `/api/integrations/instances/${created.body["instance_id"]}/test`,
        undefined,
        wait,
      );
      expect(tested.status).toBeGreaterThanOrEqual(400);
    }
    // A log line that holds what no log line should: the collector is away, and this is said with its reason.
    await vi.waitFor(() => expect(system.output()).toContain("traces do not reach their collector"), 10_000);
  }, 60_000);
  afterAll(async () => {
    await system?.dispose();
    rmSync(dir, { recursive: true, force: true });
  }, 40_000);

  const unpack = async (file: string): Promise<Map<string, string>> => {
    const files = await readArchive(readFileSync(file));
    return new Map(files.map(({ path, bytes }) => [path, Buffer.from(bytes).toString()]));
  };

  it("is made and fetched by one command, readable by its owner alone", async () => {
    const file = join(dir, "bundle.zip");
    const { status, stdout, stderr } = cli("support-bundle", "--out", file);
    expect([status, stderr]).toEqual([0, expect.stringContaining("Look through it")]);
    expect(stdout).toContain(file);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const again = cli("support-bundle", "--out", file);
    expect([again.status, again.stderr]).toEqual([2, expect.stringContaining("already")]);
  });

  it("shows every line of its job with --watch, and in JSON nothing but them", () => {
    const shown = cli("support-bundle", "--watch", "--out", join(dir, "watched.zip"));
    expect([shown.status, shown.stderr]).toEqual([0, expect.stringContaining("Look through it")]);
    expect(shown.stdout).toMatch(/holds \d+ files, \d+ bytes[\s\S]*watched\.zip holds /);
    const { status, stdout, stderr } = cli("support-bundle", "--watch", "--json", "--out", join(dir, "lines.zip"));
    const lines = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as { state?: string });
    expect([status, lines.length > 1, stderr]).toEqual([0, true, expect.stringContaining("lines.zip holds ")]);
    expect(lines.at(-1)).toMatchObject({ state: "succeeded" });
    expect(statSync(join(dir, "lines.zip")).size).toBeGreaterThan(0);
  });

  it("holds what helps: versions, settings, health, figures, types, instances, failed jobs and the log", async () => {
    const files = await unpack(join(dir, "bundle.zip"));
    const json = (name: string) => JSON.parse(files.get(name) ?? "null");
    expect(files.get("README.txt")).toContain("Look through it");
    expect(json("versions.json")).toMatchObject({
      switchyard: "1.0.0",
      schema: expect.any(Number),
      node: process.version,
    });
    expect(json("settings.json")).toMatchObject({
      database: "file",
      admin_token: "not set",
      master_key: "environment",
      otlp: "set",
    });
    expect(json("health.json")).toMatchObject({
      redis: { aof_enabled: "1" },
      workers: [{ level: expect.any(String) }],
      queues: { interactive: { waiting: expect.any(Number) } },
    });
    expect(files.get("metrics.prom")).toContain("switchyard_jobs_settled_total");
    const types = json("types.json") as { id: string; status: string }[];
    expect(types.find(({ id }) => id === "test.canary")).toMatchObject({ status: "valid" });
    expect(json("instances.json")).toMatchObject([
      { name: "one", state: "error", config: { host: "string", port: "number" }, secrets_set: ["token"] },
      { name: "two" },
    ]);
    const failed = json("failed-jobs.json") as { kind: string; error: { code: string } }[];
    expect(failed).toMatchObject([{ kind: "instance.test_connection", error: { code: expect.any(String) } }, {}]);
    expect(json("open-jobs.json")).toMatchObject([{ kind: "system.support_bundle", state: "running" }]);
    const lines = (files.get("log.jsonl") ?? "")
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(lines.find(({ msg }) => msg === "traces do not reach their collector")).toMatchObject({ level: 40 });
  });

  it("holds no secret in any form, of an instance's config the types only, and no stand-in of a secret", async () => {
    const all = [...(await unpack(join(dir, "bundle.zip"))).values()].join("\n");
    // What errors quote of addresses is told to whoever makes the bundle.
    const { configValue: _, ...secret } = canaries;
    for (const value of [...Object.values(secret), system.token]) {
      for (const form of formsOf(value)) expect(all).not.toContain(form);
    }
    const instances = (await unpack(join(dir, "bundle.zip"))).get("instances.json") ?? "";
    expect(JSON.parse(instances).map(({ config }: { config: object }) => config)).toEqual([
      { host: "string", port: "number" },
      { host: "string", port: "number" },
    ]);
    expect(all).not.toMatch(/secret_[0-9A-Za-z_-]{20}/);
  });

  it("is for admins only, and a job that made none has none", async () => {
    const headers = { authorization: `Bearer ${system.token}` };
    const { body: made } = await system.call<{ token: string }>(
      "POST",
      "/api/tokens",
      { name: "o", role: "operator" },
      headers,
    );
    const operator = { authorization: `Bearer ${made.token}` };
    expect((await system.call("POST", "/api/support-bundles", undefined, operator)).status).toBe(403);
    const { body } = await system.call<{ items: { id: string; kind: string }[] }>(
      "GET",
      "/api/jobs?limit=100",
      undefined,
      headers,
    );
    const bundle = body.items.find(({ kind }) => kind === "system.support_bundle")?.id;
    const other = body.items.find(({ kind }) => kind === "instance.test_connection")?.id;
    expect((await fetch(`${system.url}/api/support-bundles/${bundle}`, { headers })).headers.get("content-type")).toBe(
      "application/zip",
    );
    expect((await fetch(`${system.url}/api/support-bundles/${bundle}`, { headers: operator })).status).toBe(403);
    expect((await system.call("GET", `/api/support-bundles/${other}`, undefined, headers)).status).toBe(404);
  });
});
