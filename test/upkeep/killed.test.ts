/** Processes that are killed while packs come, backups are taken, keys are exchanged and tokens are revoked: nothing is lost. */
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Caller, callerOf, type JobView } from "../kit/caller.ts";
import { type HttpDevice, startHttp } from "../kit/device.ts";
import { httpPack, upload, zip } from "../kit/pack.ts";
import { descendants, type System, startSystem, until } from "../kit/system.ts";

const typeId = "acme.killed";
const secret = "a-token-that-is-sealed-again";
const root = join(import.meta.dirname, "..", "..");
const driver = `
  async test_connection() {
    const { status } = await this.transports.http.request({ path: "/" });
    return { status: status === 200 ? "connected" : "error", latency_ms: 1 };
  }
  async inventory_list() { return []; }`;
const capabilities = "  - { id: inventory.list, verbs: [list], targets: [vm] }";

const cli = (env: Record<string, string>, ...args: string[]) =>
  promisify(execFile)(process.execPath, [join(root, "src/cli/main.ts"), ...args], { env: { ...process.env, ...env } });

/** A zombie that nobody asks for has ended all the same. */
const isAlive = (pid: number): boolean => {
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
};

/** Begins a restore and kills it after a while; what it finished by then is removed again. */
const restoreInPart = async (file: string, dataDir: string, afterMs: number): Promise<void> => {
  const child = spawn(process.execPath, [join(root, "src/cli/main.ts"), "restore", file], {
    env: { ...process.env, SWITCHYARD_DATA: dataDir },
    stdio: "ignore",
  });
  const ended = once(child, "exit");
  await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, afterMs))]);
  child.kill("SIGKILL");
  await ended;
  if (child.exitCode === 0) rmSync(dataDir, { recursive: true, force: true });
};

describe("a system whose processes are killed amidst its upkeep", () => {
  let system: System;
  let caller: Caller;
  let device: HttpDevice;
  let instance: string;
  let version = 0;
  beforeAll(async () => {
    device = await startHttp(({ headers }, response) =>
      response.writeHead(headers.authorization === `Bearer ${secret}` ? 200 : 401).end("{}"),
    );
    system = await startSystem();
    caller = callerOf(system);
    await caller.install(httpPack(typeId, { capabilities, driver }));
    instance = await caller.addInstance(typeId, "one", { host: "127.0.0.1", port: device.port }, { token: secret });
  }, 90_000);
  afterAll(async () => {
    await system?.dispose();
    await device?.close();
  }, 40_000);

  /** Asks until it is taken, as a client with a key of its own does. */
  const insist = async (path: string, body: unknown): Promise<string> => {
    const headers = { "idempotency-key": `${path} ${Math.random()}` };
    return until(
      async () => {
        const { status, body: job } = await system.call<JobView>("POST", path, body, headers).catch(() => ({
          status: 0,
          body: { id: "" },
        }));
        return status === 202 ? job.id : undefined;
      },
      `${path} to be taken`,
      60_000,
    );
  };
  const newArchive = async (): Promise<FormData> => {
    version += 1;
    return upload(await zip(httpPack(typeId, { capabilities, driver, version: `1.${version}.0` })));
  };
  const strike = async (victim: string): Promise<void> => {
    if (victim === "supervisor") {
      process.kill(system.pid, "SIGKILL");
      await system.restart();
    } else if (victim === "redis") {
      process.kill(Number(readFileSync(join(system.dataDir, "redis/redis.pid"), "utf8")), "SIGKILL");
    } else {
      system.kill(`switchyard-${victim}`);
    }
    await until(
      async () => ((await fetch(`${system.url}/readyz`).catch(() => null))?.ok ? true : undefined),
      "readiness",
      60_000,
    );
  };

  it.each(["worker", "api", "sandbox", "redis", "supervisor"])(
    "keeps every promise when the %s is killed",
    async (victim) => {
      const { body: guest } = await system.call<{ id: string; token: string }>("POST", "/api/tokens", {
        name: "guest",
        role: "viewer",
      });
      const asked = [
        insist("/api/integrations/types/upload", await newArchive()),
        insist("/api/backups", {}),
        insist("/api/vault/rotate", {}),
        insist("/api/support-bundles", {}),
        insist(`/api/integrations/instances/${instance}/test`, {}),
      ];
      const revoked = system.call("DELETE", `/api/tokens/${guest.id}`).then(
        ({ status }) => status,
        () => 0,
      );
      await new Promise((resolve) => setTimeout(resolve, 40 + Math.random() * 120));
      await strike(victim);
      const jobs = [];
      for (const id of await Promise.all(asked)) jobs.push(await caller.settled(id, 90_000));
      expect(jobs.map(({ kind, state, error }) => [kind, state, error?.detail])).toEqual(
        jobs.map(({ kind }) => [kind, "succeeded", undefined]),
      );
      if ((await revoked) === 204) {
        const answer = await fetch(`${system.url}/api/whoami`, { headers: { authorization: `Bearer ${guest.token}` } });
        expect(answer.status).toBe(401);
      }
      const type = await system.call("GET", `/api/integrations/types/${typeId}`);
      expect(type.body).toMatchObject({ status: "valid", version: `1.${version}.0` });
      const tested = await system.call(
        "POST",
        `/api/integrations/instances/${instance}/test`,
        {},
        { prefer: "wait=30" },
      );
      expect(tested.body).toMatchObject({ state: "succeeded" });
    },
    240_000,
  );

  it("goes on with an exchange of the key in which it was told to stop, and calls that no failure", async () => {
    const id = await insist("/api/vault/rotate", {});
    await until(async () => ((await caller.job(id)).state === "running" ? true : undefined), "the exchange to begin");
    await system.stop();
    expect(system.output()).not.toContain("a handler failed");
    await system.restart();
    expect(await caller.settled(id, 60_000)).toMatchObject({ state: "succeeded" });
  }, 120_000);

  it("leaves no half of anything: no archive, no release, no key, no backup but whole ones", async () => {
    const { dataDir } = system;
    const { body } = await system.call<{ items: JobView[] }>("GET", "/api/jobs?limit=500");
    expect(body.items.filter(({ state }) => ["queued", "running", "retrying"].includes(state))).toEqual([]);
    const taken = body.items.flatMap(({ kind, result }) =>
      kind === "system.backup" && result ? [result["name"]] : [],
    );
    expect(readdirSync(join(dataDir, "backups")).sort()).toEqual(taken.sort());
    const uploads = readdirSync(join(dataDir, "uploads"));
    expect(uploads).toHaveLength(1);
    expect(readdirSync(join(dataDir, "uploads", uploads[0] ?? ""))).toEqual([]);
    expect(readdirSync(join(dataDir, "releases")).filter((name) => !/^[0-9a-f]{64}$/.test(name))).toEqual([]);
    expect(readdirSync(dataDir).filter((name) => /^(master\.key|admin\.token|switchyard\.lock)./.test(name))).toEqual(
      [],
    );
    const below = descendants(system.pid).map(({ pid }) => pid);
    expect(await system.stop()).toBe(0);
    await until(() => (below.some(isAlive) ? undefined : true), "the last process to end", 10_000);
    expect(readdirSync(join(dataDir, "uploads"))).toEqual([]);
  }, 60_000);

  it("comes back from its last backup, also when the first try was killed", async () => {
    const folder = mkdtempSync(join(tmpdir(), "sw-restored-"));
    const name = readdirSync(join(system.dataDir, "backups")).sort().at(-1) ?? "";
    const file = join(system.dataDir, "backups", name);
    const dataDir = join(folder, "data");
    const env = { SWITCHYARD_DATA: dataDir };
    try {
      for (const afterMs of [250, 350, 450, 600]) await restoreInPart(file, dataDir, afterMs);
      const refused = await cli(env, "restore", file).catch((error: { stderr: string }) => error.stderr);
      if (typeof refused === "string") {
        expect(refused).toMatch(/remove|empty/);
        rmSync(dataDir, { recursive: true, force: true });
        await cli(env, "restore", file);
      }
      const again = await startSystem({ dataDir });
      const tested = await again.call(
        "POST",
        `/api/integrations/instances/${instance}/test`,
        {},
        { prefer: "wait=30" },
      );
      await again.dispose();
      expect(tested.body).toMatchObject({ state: "succeeded" });
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }, 120_000);
});
