/** A disk that fills up while packs come, backups are taken, keys are exchanged and files are kept: all goes on with room. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "better-sqlite3";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { missingSmallDisk, mountSmallDisk, type SmallDisk } from "../chaos/kit/small-disk.ts";
import { type Answer, type Caller, callerOf, type JobView } from "../kit/caller.ts";
import { type HttpDevice, startHttp } from "../kit/device.ts";
import { httpPack, upload, zip } from "../kit/pack.ts";
import { startProcess } from "../kit/process.ts";
import { type Reply, type System, startSystem, until } from "../kit/system.ts";

const typeId = "acme.keeper";
const secret = "a-token-that-nobody-guesses";

const capabilities = `  - { id: inventory.list, verbs: [list], targets: [vm] }
  - { id: file.read, verbs: [read], targets: [vm] }
  - { id: vm.queue, verbs: [add], targets: [vm], dry_run: optional, lock: target, writes: ["POST /vms/{target}/{verb}"] }`;

const driver = `
  async test_connection() {
    const { status } = await this.transports.http.request({ path: "/" });
    return { status: status === 200 ? "connected" : "error", latency_ms: 1 };
  }
  async inventory_list() { return [{ type: "vm", external_id: "1", name: "one", attrs: { status: "running" }, labels: {} }]; }
  async file_read() {
    this.artifact("large.bin", Buffer.alloc(8 * 1024 * 1024, Math.floor(Math.random() * 255)), "application/octet-stream");
    return "kept";
  }
  async vm_queue({ target, dryRun }) {
    if (!dryRun) { await this.apply(); return { ok: true }; }
    return { ok: true, severity: "info", preconditions: [], plan: { kind: "api", steps: [
      { transport: "http", method: "POST", path: "/vms/" + target.id + "/add" } ] },
      effects: { summary: "add", per_target: [{ id: target.id, from: null, to: 1 }] } };
  }`;

const packOf = (version: string) => httpPack(typeId, { capabilities, driver, version });

describe.skipIf(missingSmallDisk !== undefined)("a system on a disk that fills up", () => {
  let folder: string;
  let dataDir: string;
  let disk: SmallDisk;
  let device: HttpDevice;
  let system: System;
  let caller: Caller;
  let instance: string;
  const writes: string[] = [];
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "sw-full-"));
    dataDir = join(folder, "data");
    disk = mountSmallDisk(dataDir);
    device = await startHttp(({ method, url, headers }, response) => {
      if (method === "POST") writes.push(url);
      response.writeHead(headers.authorization === `Bearer ${secret}` ? 200 : 401).end("{}");
    });
    system = await startSystem({ dataDir });
    caller = callerOf(system);
    await caller.install(packOf("1.0.0"));
    instance = await caller.addInstance(typeId, "one", { host: "127.0.0.1", port: device.port }, { token: secret });
  }, 90_000);
  afterAll(async () => {
    await system?.dispose();
    await device?.close();
    disk?.unmount();
    rmSync(folder, { recursive: true, force: true });
  }, 40_000);

  const ready = () =>
    until(
      async () => ((await fetch(`${system.url}/readyz`).catch(() => null))?.ok ? true : undefined),
      "readiness",
      60_000,
    );
  /** What is asked of a full system is refused by name, or taken and kept. */
  const ask = async (path: string, body: unknown = {}): Promise<string | undefined> => {
    const answer: Reply<JobView & { code?: string }> = await system.call("POST", path, body);
    if (answer.status === 202) return answer.body.id;
    expect(answer).toMatchObject({ status: 503, body: { code: expect.stringMatching(/^(store|queue)_unavailable$/) } });
    return undefined;
  };
  const asks: readonly [string, () => Promise<string | undefined>][] = [
    ["an upload", async () => ask("/api/integrations/types/upload", upload(await zip(packOf("1.1.0"))))],
    ["a backup", () => ask("/api/backups")],
    ["a support bundle", () => ask("/api/support-bundles")],
    ["an exchange of keys", () => ask("/api/vault/rotate")],
    ["a test", () => ask(`/api/integrations/instances/${instance}/test`)],
    ["a refresh", () => ask(`/api/integrations/instances/${instance}/inventory/refresh`)],
    [
      "a large file",
      () =>
        ask(`/api/integrations/instances/${instance}/actions`, {
          capability: "file.read",
          verb: "read",
          target: { type: "vm", id: "1" },
        }),
    ],
    [
      "a write",
      () =>
        ask(`/api/integrations/instances/${instance}/actions`, {
          capability: "vm.queue",
          verb: "add",
          target: { type: "vm", id: "1" },
        }),
    ],
  ];
  const expectSound = async (): Promise<void> => {
    const test: Answer = await system.call(
      "POST",
      `/api/integrations/instances/${instance}/test`,
      {},
      { prefer: "wait=30" },
    );
    expect(test.body).toMatchObject({ state: "succeeded" });
    expect(
      readdirSync(join(dataDir, "uploads")).flatMap((name) => readdirSync(join(dataDir, "uploads", name))),
    ).toEqual([]);
    expect(readdirSync(join(dataDir, "releases")).filter((name) => !/^[0-9a-f]{64}$/.test(name))).toEqual([]);
    const keys = readdirSync(dataDir).filter((name) => name.startsWith("master.key"));
    expect(keys).toEqual(["master.key"]);
    expect((statSync(join(dataDir, "master.key")).mode & 0o777).toString(8)).toBe("600");
    const backups = existsSync(join(dataDir, "backups")) ? readdirSync(join(dataDir, "backups")) : [];
    expect(backups.filter((name) => !name.endsWith(".backup"))).toEqual([]);
  };

  it.each(asks)(
    "%s that comes when it is full is refused by name, or done later",
    async (_, act) => {
      disk.fill();
      const before = writes.length;
      const id = await act().finally(() => disk.empty());
      await ready();
      const job = id === undefined ? undefined : await caller.settled(id, 60_000);
      if (job !== undefined) expect(["succeeded", "failed"]).toContain(job.state);
      expect(writes.length - before).toBeLessThanOrEqual(1);
      await expectSound();
    },
    120_000,
  );

  it.each(asks)(
    "%s under which it fills up ends, and nothing half done stays",
    async (_, act) => {
      const before = writes.length;
      const id = await act();
      disk.fill();
      await new Promise((resolve) => setTimeout(resolve, 1_500));
      disk.empty();
      await ready();
      expect(id).toBeDefined();
      const job = await caller.settled(id ?? "", 60_000);
      if (job.state !== "succeeded") {
        expect(job).toMatchObject({
          state: "failed",
          error: {
            code: expect.stringMatching(
              /^(backup_failed|store_unavailable|queue_unavailable|rotation_incomplete|internal)$/,
            ),
          },
        });
        expect(job.error?.detail).toMatch(/space|disk|room|database|store|Redis/i);
      }
      expect(writes.length - before).toBeLessThanOrEqual(1);
      await expectSound();
    },
    120_000,
  );

  it("all that was taken has ended, its database is whole, and a start without room says so", async () => {
    const { body } = await system.call<{ items: JobView[] }>("GET", "/api/jobs?limit=500");
    expect(body.items.filter(({ state }) => ["queued", "running", "retrying"].includes(state))).toEqual([]);
    await system.stop();
    const file = new Database(join(dataDir, "switchyard.db"), { readonly: true });
    expect(file.pragma("integrity_check")).toEqual([{ integrity_check: "ok" }]);
    file.close();
    disk.fill();
    const refused = startProcess({ SWITCHYARD_DATA: dataDir });
    expect(await refused.ended()).not.toBe(0);
    expect(refused.output().trim().split("\n")).toEqual([expect.stringMatching(/ENOSPC|no space|disk/i)]);
    disk.empty();
    await system.restart();
    await expectSound();
    expect(execFileSync("ls", [dataDir]).toString()).not.toMatch(/\.\d+$|lock\./m);
  }, 120_000);
});
