/** Parts are killed while an action follows its task: nothing is lost, nothing is sent twice, every watcher is exact. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { type Proxmox, startProxmox } from "../../lab/proxmox.ts";
import { type SseLine, type System, startSystem, until } from "../kit/system.ts";

interface Job {
  readonly id: string;
  readonly state: string;
  readonly attempt: number;
  readonly error: unknown;
}

const taskMs = 4_000;

describe("an apply that follows its task", () => {
  let lab: Proxmox;
  let system: System;
  let instance: string;

  beforeAll(async () => {
    lab = await startProxmox({ taskMs, vms: 14 });
    system = await startSystem();
    await until(async () => {
      const { body } = await system.call("GET", "/api/integrations/types/walnut.proxmox.ve");
      return body["status"] === "valid" ? true : undefined;
    }, "the shipped pack");
    const { token_name, api_token } = lab.tokens.admin;
    const created = await system.call<{ instance_id: string }>("POST", "/api/integrations/instances", {
      type_id: "walnut.proxmox.ve",
      name: "pve",
      config: { host: lab.host, port: lab.port, token_name, tls_fingerprint: lab.fingerprint },
      secrets: { api_token },
    });
    instance = created.body.instance_id;
    const tested = await system.call("POST", `/api/integrations/instances/${instance}/test`, undefined, {
      prefer: "wait=30",
    });
    expect(tested.status).toBe(200);
  }, 90_000);
  afterAll(async () => {
    await system?.dispose();
    await lab?.close();
  });
  afterEach(async () => {
    await until(
      async () => ((await fetch(`${system.url}/readyz`).catch(() => null))?.ok ? true : undefined),
      "readiness",
    );
  }, 60_000);

  const run = async (id: string): Promise<Job> => {
    const { status, body } = await system.call<Job>("POST", `/api/integrations/instances/${instance}/actions`, {
      capability: "vm.lifecycle",
      verb: "shutdown",
      target: { type: "vm", id },
      confirm: true,
    });
    expect(status).toBe(202);
    return body;
  };
  const job = async (id: string): Promise<Job> => (await system.call<Job>("GET", `/api/jobs/${id}`)).body;
  const writesTo = (id: string): number => lab.writes.filter(({ path }) => path.includes(`/qemu/${id}/status/`)).length;
  /** The device took the write and the runner wrote its answer down: before that, a kill leaves an unknown outcome. */
  const untilFollowing = (jobId: string): Promise<true> =>
    until(async () => {
      const { body } = await system.call<{ items: { answered_at: string | null }[] }>(
        "GET",
        `/api/jobs/${jobId}/journal`,
      );
      return body.items.some((step) => step.answered_at !== null) ? true : undefined;
    }, "the write's answer");

  const expectExact = (lines: readonly SseLine[]): void => {
    expect(lines.map(({ id }) => id)).toEqual(lines.map((_, index) => index + 1));
    expect(lines.at(-1)?.event).toBe("job.done");
  };

  it("goes on in another attempt when its worker is killed, and sends nothing twice", async () => {
    const { id } = await run("108");
    const watched = system.watch(id);
    await untilFollowing(id);
    const killedAt = Date.now();
    system.kill("switchyard-worker");
    await until(async () => ((await job(id)).attempt >= 2 ? true : undefined), "the second attempt", 20_000);
    expect(Date.now() - killedAt).toBeLessThan(15_000);
    const lines = await watched;
    expectExact(lines);
    expect(lines.at(-1)?.data).toMatchObject({ state: "succeeded", result: { steps_done: 1 } });
    expect(writesTo("108")).toBe(1);
    expectExact(await system.watch(id));
  }, 60_000);

  it("goes on when its sandbox is killed", async () => {
    const { id } = await run("109");
    const watched = system.watch(id);
    await untilFollowing(id);
    await until(() => (system.kill("switchyard-sandbox").length > 0 ? true : undefined), "a sandbox to kill");
    const lines = await watched;
    expectExact(lines);
    expect(lines.at(-1)?.data).toMatchObject({ state: "succeeded" });
    expect(writesTo("109")).toBe(1);
  }, 60_000);

  it("does not notice that the API is killed; its watcher reconnects without a gap", async () => {
    const { id } = await run("110");
    const watched = system.watch(id);
    await untilFollowing(id);
    system.kill("switchyard-api");
    const lines = await watched;
    expectExact(lines);
    expect(lines.at(-1)?.data).toMatchObject({ state: "succeeded" });
    expect((await job(id)).attempt).toBe(1);
    expect(writesTo("110")).toBe(1);
  }, 60_000);

  it("survives a Redis that is killed and started again", async () => {
    const { id } = await run("111");
    const watched = system.watch(id);
    await untilFollowing(id);
    const redis = Number((await import("node:fs")).readFileSync(`${system.dataDir}/redis/redis.pid`, "utf8"));
    process.kill(redis, "SIGKILL");
    const lines = await watched;
    expectExact(lines);
    expect(lines.at(-1)?.data).toMatchObject({ state: "succeeded" });
    expect(writesTo("111")).toBe(1);
  }, 60_000);

  it("is taken over by the next start when the supervisor is killed", async () => {
    const { id } = await run("112");
    await untilFollowing(id);
    process.kill(system.pid, "SIGKILL");
    await system.restart();
    const lines = await system.watch(id);
    expectExact(lines);
    expect(lines.at(-1)?.data).toMatchObject({ state: "succeeded" });
    expect(writesTo("112")).toBe(1);
  }, 60_000);
});
