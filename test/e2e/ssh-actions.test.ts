/** Actions over a switch's command line: a device that hangs up in the middle is told of, and its lock is free again. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Caller, callerOf } from "../kit/caller.ts";
import { zip } from "../kit/pack.ts";
import { devicePassword } from "../kit/ssh-device.ts";
import { enablePassword, type SwitchDevice, startSwitch } from "../kit/switch-device.ts";
import { type System, startSystem } from "../kit/system.ts";

const pack = {
  "plugin.yaml": `id: test.switch
name: Switch
version: 1.0.0
min_core_version: 1.0.0
category: network-device
driver: { entrypoint: "driver:SwitchDriver" }
schema:
  connection:
    type: object
    required: [host, port, password, enable_password]
    additionalProperties: false
    properties:
      host: { type: string }
      port: { type: integer }
      password: { type: string, secret: true }
      enable_password: { type: string, secret: true }
transports:
  ssh:
    host: "{host}"
    port: "{port}"
    username: "admin"
    password: "{secret:password}"
    session: { setup: ["no page"], enable: "{secret:enable_password}", config: [configure, end], errors: ["Invalid input*"] }
    reads: ["show *"]
defaults: { heartbeat_interval_s: 0, inventory_refresh_interval_s: 0, transports: { ssh: { timeout_s: 10 } } }
capabilities:
  - id: poe.port
    verbs: [set]
    targets: [port]
    dry_run: required
    lock: instance
    writes: ["interface *", "no power-over-ethernet"]
`,
  "driver.ts": `import { Driver } from "switchyard/sdk";
export class SwitchDriver extends Driver {
  async test_connection() {
    const { stdout } = await this.transports.ssh.session().run("show version");
    return { status: stdout.includes("WB.16") ? "connected" : "error", latency_ms: 1 };
  }
  async poe_port({ target, dryRun }) {
    if (!dryRun) { await this.apply(); return { ok: true, details: {} }; }
    const steps = target.id.split(",").map((range) => (
      { transport: "ssh", commands: ["configure", "interface " + range, "no power-over-ethernet", "end"] }));
    return { ok: true, severity: "info", preconditions: [], plan: { kind: "ssh", steps },
      effects: { summary: "power off", per_target: [{ id: target.id, from: "on", to: "off" }] } };
  }
}
`,
};

let device: SwitchDevice;
let system: System;
let caller: Caller;
let instance: string;
let hangsUp = false;

beforeAll(async () => {
  device = await startSwitch({
    odd: (line, _, connection) => {
      const isOdd = hangsUp && line === "no power-over-ethernet";
      if (isOdd) connection.end();
      return isOdd;
    },
  });
  system = await startSystem();
  caller = callerOf(system);
  const bytes = await zip(pack);
  const { body } = await caller.uploadBytes(bytes);
  const { digest } = body as unknown as { digest: string };
  expect((await caller.uploadBytes(bytes, { query: `?consent=${digest}` })).status).toBe(200);
  const secrets = { password: devicePassword, enable_password: enablePassword };
  instance = await caller.addInstance("test.switch", "switch", { host: "127.0.0.1", port: device.port }, secrets);
  await system.call("POST", `/api/integrations/instances/${instance}/test`, undefined, { prefer: "wait=30" });
}, 120_000);
afterAll(async () => {
  await system?.dispose();
  await device?.[Symbol.asyncDispose]();
}, 60_000);

const powerOff = (ranges: string, more: object = {}) => {
  const body = { capability: "poe.port", verb: "set", target: { type: "port", id: ranges }, ...more };
  return system.call("POST", `/api/integrations/instances/${instance}/actions`, body, { prefer: "wait=30" });
};

test("three ranges are three configuration sessions, as the plan shows them", async () => {
  const plan = await powerOff("1-2,5,7-9", { dry_run: true });
  const preview = (range: string): string => `configure; interface ${range}; no power-over-ethernet; end`;
  expect(plan.body).toMatchObject({ result: { plan: { preview: ["1-2", "5", "7-9"].map(preview) } } });
  expect(device.writes).toEqual([]);
  const done = await powerOff("1-2,5,7-9");
  expect(done.body).toMatchObject({ state: "succeeded", result: { ok: true, pinned: true, steps_done: 3 } });
  expect(device.writes).toEqual(["1-2", "5", "7-9"].map((range) => `(eth-${range}) no power-over-ethernet`));
});

test("a device that hangs up in the middle fails the job, which says that the outcome is unknown, and frees the lock", async () => {
  hangsUp = true;
  const failed = await powerOff("3");
  expect(failed).toMatchObject({ status: 502, body: { code: "device_error" } });
  const job = await caller.job(String(failed.body["job_id"]));
  expect(job).toMatchObject({ error: { details: { steps_done: 0, outcome: "unknown" } } });
  hangsUp = false;
  expect((await powerOff("3")).body).toMatchObject({ state: "succeeded" });
  expect(JSON.stringify(await system.call("GET", `/api/jobs/${job.id}/journal`))).not.toContain(enablePassword);
});
