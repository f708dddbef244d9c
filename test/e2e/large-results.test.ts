/** What drivers answer at too great a length: a read, a plan and a test fail, and what was written stays done. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Caller, callerOf } from "../kit/caller.ts";
import { type HttpDevice, sendJson, startHttp } from "../kit/device.ts";
import { httpPack } from "../kit/pack.ts";
import { type System, startSystem } from "../kit/system.ts";

const typeId = "acme.long";
const bytes = 3_000_000;

const driver = `
  async test_connection() {
    const answer = { status: "connected", latency_ms: 1, message: "fine" };
    return this.config.host === "localhost" ? { ...answer, details: "x".repeat(${bytes}) } : answer;
  }
  async inventory_list() {
    return Array.from({ length: 3 }, (_, id) =>
      ({ type: "vm", external_id: String(id), name: "vm", attrs: { notes: "x".repeat(1_000_000) }, labels: {} }));
  }
  async out_read() { return "x".repeat(${bytes}); }
  async vm_power({ target, dryRun, params }) {
    if (!dryRun) {
      const [answer] = await this.apply();
      return { ok: true, task_id: "t1", details: { status: answer.status, log: "x".repeat(${bytes}) } };
    }
    return { ok: true, severity: "info", preconditions: [], plan: { kind: "api",
      steps: [{ transport: "http", method: "POST", path: "/vms/" + target.id + "/start",
        ...(params.sends ? { json: { text: "x".repeat(${bytes}) } } : {}) }],
      notes: params.long ? ["x".repeat(${bytes})] : [] },
      effects: { summary: "start", per_target: [{ id: target.id, from: "a", to: "b" }] } };
  }`;
const capabilities = `  - { id: inventory.list, verbs: [list], targets: [vm] }
  - { id: out.read, verbs: [read], targets: [vm] }
  - id: vm.power
    verbs: [start]
    targets: [vm]
    params: { type: object, properties: { long: { type: boolean }, sends: { type: boolean } } }
    writes: ["POST /vms/{target}/{verb}"]`;

describe("an answer that is longer than a job keeps", () => {
  let system: System;
  let device: HttpDevice;
  let caller: Caller;
  let instance: string;
  beforeAll(async () => {
    device = await startHttp((_request, response) => sendJson(response, {}));
    system = await startSystem();
    caller = callerOf(system);
    const transports = `  http: { url: "http://{host}:{port}/api" }`;
    await caller.install(httpPack(typeId, { driver, capabilities, transports }));
    instance = await caller.addInstance(typeId, "device", { host: "127.0.0.1", port: device.port });
  }, 90_000);
  afterAll(async () => {
    await system?.dispose();
    await device?.close();
  }, 60_000);
  const wait = { prefer: "wait=30" };

  it("fails a read, and says what to do", async () => {
    const { status, body } = await caller.act(instance, { capability: "out.read", verb: "read" });
    expect(status).toBe(502);
    expect(body.code).toBe("response_too_large");
    expect(await caller.job(body.job_id ?? "")).toMatchObject({
      state: "failed",
      result: null,
      error: {
        detail: expect.stringContaining("this.artifact"),
        details: { bytes: bytes + 2, max_bytes: 1_048_576 },
      },
    });
  }, 40_000);

  it("fails a plan before anything is written", async () => {
    for (const dry_run of [true, false]) {
      const answer = await caller.act(instance, { verb: "start", params: { long: true }, dry_run });
      expect(answer).toMatchObject({ status: 502, body: { code: "response_too_large" } });
    }
    expect(device.seen.filter(({ method }) => method === "POST")).toEqual([]);
  }, 40_000);

  it("does not count what a plan is to send", async () => {
    const { body } = await caller.act(instance, { verb: "start", params: { sends: true }, dry_run: true });
    expect(body.state).toBe("succeeded");
  }, 40_000);

  it("fails a test", async () => {
    const other = await caller.addInstance(typeId, "long", { host: "localhost", port: device.port });
    const { body } = await system.call("POST", `/api/integrations/instances/${other}/test`, {}, wait);
    expect(body).toMatchObject({ code: "response_too_large" });
  }, 40_000);

  it("is cut where a write is done, which stays a success", async () => {
    const { status, body } = await caller.act(instance, { verb: "start" });
    expect(status).toBe(200);
    expect(body).toMatchObject({
      state: "succeeded",
      result: { ok: true, task_id: "t1", steps_done: 1, effects: { per_target: [{ id: "1", from: "a", to: "b" }] } },
    });
    expect(body.result?.["details"]).toEqual({ cut: true, bytes: expect.any(Number) });
    expect(device.seen.filter(({ method }) => method === "POST")).toHaveLength(1);
  }, 40_000);

  it("may be an inventory: its job counts what there is", async () => {
    const { body } = await system.call("POST", `/api/integrations/instances/${instance}/inventory/refresh`, {}, wait);
    expect(body).toMatchObject({ state: "succeeded", result: { by_type: { vm: { count: 3, added: 3 } } } });
  }, 40_000);
});
