/** A refresh that an action overtakes: what it brings may be from before the action, and is not called fresh. */
import { once } from "node:events";
import type { ServerResponse } from "node:http";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type Caller, callerOf } from "../kit/caller.ts";
import { type HttpDevice, sendJson, startHttp } from "../kit/device.ts";
import { httpPack } from "../kit/pack.ts";
import { type System, startSystem, until } from "../kit/system.ts";

const typeId = "acme.slow";
const driver = `
  async test_connection() {
    return { status: "connected", latency_ms: 1 };
  }
  async inventory_list() {
    const answer = await this.transports.http.request({ path: "/vms" });
    return answer.json().map((id) => ({ type: "vm", external_id: id, name: id, attrs: {}, labels: {} }));
  }
  async vm_power({ verb, target, dryRun }) {
    if (!dryRun) { await this.apply(); return { ok: true }; }
    const path = "/vms/" + target.id + "/" + verb;
    const plan = { kind: "api", steps: [{ transport: "http", method: "POST", path }], notes: [] };
    return { ok: true, severity: "info", preconditions: [], plan, effects: { summary: verb, per_target: [] } };
  }`;

let system: System;
let caller: Caller;
let device: HttpDevice;
let asked = Promise.withResolvers<ServerResponse>();

beforeAll(async () => {
  device = await startHttp(({ method }, response) =>
    method === "GET" ? asked.resolve(response) : sendJson(response, {}),
  );
  system = await startSystem();
  caller = callerOf(system);
  await caller.install(httpPack(typeId, { driver }));
}, 90_000);
afterAll(async () => {
  await system?.dispose();
  await device?.close();
});

const cacheOf = async (instance: string): Promise<string> => {
  const path = `/api/integrations/instances/${instance}/inventory?type=vm&cached_only=true`;
  return (await system.call<{ cache: { state: string } }>("GET", path)).body.cache.state;
};

/** Begins a refresh, does something while the device is asked, and lets the refresh end. */
const refreshAround = async (instance: string, meanwhile: () => Promise<unknown>): Promise<void> => {
  asked = Promise.withResolvers();
  const begun = await system.call<{ id: string }>("POST", `/api/integrations/instances/${instance}/inventory/refresh`, {
    type: "vm",
  });
  expect(begun.status).toBe(202);
  const response = await asked.promise;
  await meanwhile();
  sendJson(response, ["1"]);
  await once(response, "finish");
  expect((await caller.settled(begun.body.id)).state).toBe("succeeded");
};

it("is stale once it is there; the next one is fresh", async () => {
  const instance = await caller.addInstance(
    typeId,
    "overtaken",
    { host: "127.0.0.1", port: device.port },
    { token: "tok-1" },
  );
  await refreshAround(instance, async () => {
    expect((await caller.act(instance, { verb: "start" })).body.state).toBe("succeeded");
  });
  expect(await cacheOf(instance)).toBe("stale");
  await refreshAround(instance, async () => undefined);
  await until(async () => ((await cacheOf(instance)) === "fresh" ? true : undefined), "a fresh inventory");
}, 60_000);
