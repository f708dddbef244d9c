/** Backup, restore and the exchange of the master key of a running system, by the commands a person uses. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { rowsWith } from "../kit/copies.ts";
import { httpPack, upload, zip } from "../kit/pack.ts";
import { type System, startSystem, until } from "../kit/system.ts";

interface Job {
  readonly id: string;
  readonly kind: string;
  readonly state: string;
  readonly result: Record<string, unknown>;
}
interface Page<T> {
  readonly items: readonly T[];
  readonly next_cursor: string | null;
}

const root = join(import.meta.dirname, "..", "..");
const instances = "/api/integrations/instances";
const secret = "a secret that the device wants";
/** Answers only whoever brings the secret: an unreadable one would show. */
const driver = `
  async test_connection() {
    const answer = await this.transports.http.request({ path: "/" });
    if (answer.status !== 200) throw new Error("refused");
    return { status: "connected", latency_ms: 1 };
  }
  async inventory_list() { return [{ type: "vm", external_id: "7", name: "seven", attrs: { status: "running" }, labels: {} }]; }
  async vm_power() { return { ok: true }; }`;

/** One command, as a person types it beside that data folder. */
const cli = async (dataDir: string, ...args: string[]) => {
  const env = { ...process.env, SWITCHYARD_DATA: dataDir, SWITCHYARD_LOG: "warn" };
  const options = ["--disable-warning=ExperimentalWarning", join(root, "src/cli/main.ts"), ...args];
  const child = spawn(process.execPath, options, { env, cwd: root, stdio: ["ignore", "pipe", "pipe"] });
  let out = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (out += String(chunk)));
  const [code] = await once(child, "close");
  return { code: code as number, out };
};

describe("a running system", () => {
  let device: Server;
  let system: System;
  let folder = "";
  const ids: string[] = [];
  let refused = 0;

  const api = async <T>(method: string, path: string, body?: unknown, headers: Record<string, string> = {}) =>
    (await system.call<T>(method, path, body, headers)).body;
  const test = (id: string, headers: Record<string, string> = {}): Promise<Job> =>
    api<Job>("POST", `${instances}/${id}/test`, undefined, headers);
  /** Tests every instance again and again until it is told to stop; answers all jobs. */
  const startLoad = () => {
    let isOver = false;
    const jobs: string[] = [];
    const work = ids.map(async (id) => {
      while (!isOver) {
        const job = await test(id, { prefer: "wait=20" });
        jobs.push(job.id);
        expect(job, JSON.stringify(job)).toMatchObject({ state: "succeeded" });
      }
    });
    return async (): Promise<readonly string[]> => {
      isOver = true;
      await Promise.all(work);
      return jobs;
    };
  };
  const allJobs = async (of: System): Promise<Job[]> => {
    const found: Job[] = [];
    for (let cursor = ""; ; ) {
      const page = (await of.call<Page<Job>>("GET", `/api/jobs?limit=500${cursor}`)).body;
      found.push(...page.items);
      if (page.next_cursor === null) return found;
      cursor = `&cursor=${encodeURIComponent(page.next_cursor)}`;
    }
  };
  const keyIn = (dataDir: string): string => readFileSync(join(dataDir, "master.key"), "utf8").trim();

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "sw-upkeep-"));
    device = createServer((request, response) => {
      const isKnown = JSON.stringify(request.headers).includes(secret);
      if (!isKnown) refused += 1;
      response.writeHead(isKnown ? 200 : 401).end("{}");
    }).listen(0, "127.0.0.1");
    await once(device, "listening");
    const { port } = device.address() as AddressInfo;
    system = await startSystem({ env: { SWITCHYARD_PACKS_DIR: mkdtempSync(join(folder, "packs-")) } });
    const form = upload(await zip(httpPack("acme.vm", { driver })));
    await api("POST", "/api/integrations/types/upload", form, { prefer: "wait=30" });
    for (const name of ["one", "two", "three"]) {
      const body = { type_id: "acme.vm", name, config: { host: "127.0.0.1", port }, secrets: { token: secret } };
      const { instance_id } = await api<{ instance_id: string }>("POST", instances, body);
      ids.push(instance_id);
    }
  }, 90_000);
  afterAll(async () => {
    await system?.dispose();
    device?.close();
    rmSync(folder, { recursive: true, force: true });
  }, 60_000);

  it("is backed up while it works, and comes back whole on an empty folder", async () => {
    const before = (await allJobs(system)).filter(({ state }) => state === "succeeded");
    const stopLoad = startLoad();
    const file = join(folder, "whole.backup");
    const ran = await cli(system.dataDir, "backup", file);
    const during = await stopLoad();
    expect(ran.code, ran.out).toBe(0);
    expect(ran.out).toMatch(/holds the master key/);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(during.length).toBeGreaterThan(0);

    const dataDir = join(folder, "restored");
    const restored = await cli(dataDir, "restore", file);
    expect(restored.code, restored.out).toBe(0);
    expect(restored.out).toContain(`SWITCHYARD_DATA=${dataDir} npm start`);
    expect(keyIn(dataDir)).toBe(keyIn(system.dataDir));
    const twice = await cli(dataDir, "--json", "restore", file);
    expect(twice.code).toBe(1);
    expect(twice.out).toContain("restore_refused");

    const env = { SWITCHYARD_PACKS_DIR: mkdtempSync(join(folder, "packs-")) };
    const other = await startSystem({ dataDir, env });
    try {
      const jobs = new Map((await allJobs(other)).map((job) => [job.id, job]));
      // History: all that was over is there as it was; nothing is open, nothing ran again.
      for (const { id, kind } of before) expect(jobs.get(id)).toMatchObject({ kind, state: "succeeded" });
      for (const id of during) {
        const job = jobs.get(id);
        if (job !== undefined) expect(["succeeded", "cancelled"]).toContain(job.state);
      }
      const lines = await other.watch(before.at(0)!.id);
      expect(lines.map(({ id }) => id)).toEqual(lines.map((_, at) => at + 1));
      expect(lines.at(-1)?.event).toBe("job.done");
      // It is looked at anew where it was restored.
      await until(async () => {
        const { body } = await other.call<{ status: string }>("GET", "/api/integrations/types/acme.vm");
        return body.status === "valid" ? true : undefined;
      }, "the restored type to be valid");
      // The release comes from the store, the secret opens.
      for (const id of ids) {
        const { body } = await other.call<Job>("POST", `${instances}/${id}/test`, undefined, { prefer: "wait=30" });
        expect(body, JSON.stringify(body)).toMatchObject({ state: "succeeded" });
      }
      expect(refused).toBe(0);
    } finally {
      await other.dispose();
    }
  }, 120_000);

  it("is backed up by a job, whose file lies in the data folder of the worker", async () => {
    const ran = await cli(system.dataDir, "--json", "backup", "--wait");
    expect(ran.code, ran.out).toBe(0);
    const { result } = JSON.parse(ran.out) as Job;
    expect(result).toMatchObject({ with_key: true, schema: expect.any(Number) });
    expect(readdirSync(join(system.dataDir, "backups"))).toEqual([result["name"]]);
    const dataDir = join(folder, "by-job");
    expect((await cli(dataDir, "restore", join(system.dataDir, "backups", String(result["name"])))).code).toBe(0);
  }, 60_000);

  it("exchanges its master key under load: no job fails, and nothing names the old key", async () => {
    const oldKey = keyIn(system.dataDir);
    const { key_id: oldId } = await api<{ key_id: string }>("GET", "/api/vault");
    const stopLoad = startLoad();
    const ran = await cli(system.dataDir, "--json", "secrets", "rotate", "--wait");
    expect(ran.code, ran.out).toBe(0);
    await stopLoad();
    const { id, result } = JSON.parse(ran.out) as Job;
    // The API and the worker.
    expect(result).toMatchObject({ previous_key_id: oldId, resealed: 3, processes: 2 });
    expect(keyIn(system.dataDir)).not.toBe(oldKey);
    // The job itself says which key it was, and so does the backup that was made with it; of all other rows none does.
    const naming = await rowsWith(join(system.dataDir, "switchyard.db"), oldId);
    expect(naming.filter((row) => !row.includes(id) && !row.includes("system.backup"))).toEqual([]);
    expect(naming.filter((row) => row.includes(`sw1.${oldId}`))).toEqual([]);
    expect((await cli(system.dataDir, "secrets", "check")).code).toBe(0);
    // What starts from the files alone is in order.
    expect(await system.stop()).toBe(0);
    await system.restart();
    for (const id of ids) expect(await test(id, { prefer: "wait=30" })).toMatchObject({ state: "succeeded" });
    expect(refused).toBe(0);
  }, 120_000);

  it("goes on with an exchange of keys whose worker was killed", async () => {
    const { key_id: oldId } = await api<{ key_id: string }>("GET", "/api/vault");
    const job = await api<Job>("POST", "/api/vault/rotate");
    const phaseOf = async (): Promise<string | undefined> =>
      (await api<{ rotation: { phase: string } | null }>("GET", "/api/vault")).rotation?.phase;
    while ((await phaseOf()) !== "reseal") await test(ids[0]!, { prefer: "wait=5" });
    system.kill("switchyard-worker");
    const lines = await system.watch(job.id, { reconnect: true });
    expect(lines.at(-1)?.data, JSON.stringify(lines)).toMatchObject({ state: "succeeded" });
    // The job's own result and events name the key that was; nothing is sealed with it.
    expect(await rowsWith(join(system.dataDir, "switchyard.db"), `sw1.${oldId}`)).toEqual([]);
    for (const id of ids) expect(await test(id, { prefer: "wait=30" })).toMatchObject({ state: "succeeded" });
  }, 90_000);
});
