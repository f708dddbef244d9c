/** What happens between a request and its work: instances that change, plans of others, drivers with odd words. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { type Caller, callerOf } from "../kit/caller.ts";
import { type HttpDevice, sendJson, startHttp } from "../kit/device.ts";
import { httpPack } from "../kit/pack.ts";
import { type System, startSystem, until } from "../kit/system.ts";

const typeId = "acme.wait";
const driver = `
  async test_connection() {
    const { mood } = this.config;
    return mood ? { status: "error", message: "it said so", details: { code: mood } } : { status: "connected", latency_ms: 1 };
  }
  async inventory_list() {
    const { token } = this.secrets;
    return [{ type: "vm", external_id: "1", name: token, attrs: { note: "x " + token, [token]: 1 }, labels: {} }];
  }
  async vm_power({ verb, target, dryRun }) {
    if (!dryRun) { await this.apply(); return { ok: true }; }
    const path = "/vms/" + target.id + "/" + verb;
    const effects = { summary: verb, per_target: [{ id: this.secrets.token, from: "a", to: this.secrets.token }] };
    const plan = { kind: "api", steps: [{ transport: "http", method: "POST", path }], notes: [this.secrets.token] };
    return { ok: true, severity: "info", preconditions: [], plan, effects };
  }`;
const pack = httpPack(typeId, { driver });
const files = {
  ...pack,
  "plugin.yaml": pack["plugin.yaml"]!.replace("      token:", "      mood: { type: string }\n      token:"),
};

let system: System;
let caller: Caller;
let first: HttpDevice;
let second: HttpDevice;
const writesTo = (device: HttpDevice): number => device.seen.filter(({ method }) => method === "POST").length;
const add = (name: string, more: object = {}): Promise<string> =>
  caller.addInstance(typeId, name, { host: "127.0.0.1", port: first.port, ...more }, { token: "tok-5f1d6b2c90aa4e" });
const path = (instance: string): string => `/api/integrations/instances/${instance}`;
const power = (id: string) => ({ capability: "vm.power", verb: "start", target: { type: "vm", id } });
const settled = (id: string) =>
  until(async () => {
    const { body } = await system.call("GET", `/api/jobs/${id}`);
    return body["finished_at"] === null ? undefined : body;
  }, "the job's end");

beforeAll(async () => {
  first = await startHttp((_, response) => void setTimeout(() => sendJson(response, {}), 700));
  second = await startHttp((_, response) => sendJson(response, {}));
  system = await startSystem();
  caller = callerOf(system);
  await caller.install(files);
}, 90_000);
afterAll(async () => {
  await system?.dispose();
  await first?.close();
  await second?.close();
});

it("an action that waited while its instance was changed writes nothing to the new endpoint", async () => {
  const instance = await add("moved");
  const ask = () => system.call<{ id: string }>("POST", `${path(instance)}/actions`, power("1"));
  const [ahead, behind] = [await ask(), await ask()];
  await until(() => (writesTo(first) > 0 ? true : undefined), "the first write");
  const config = { host: "127.0.0.1", port: second.port };
  expect((await system.call("PATCH", path(instance), { config })).body["state"]).toBe("needs_review");
  expect(await settled(ahead.body.id)).toMatchObject({ state: "succeeded" });
  expect(await settled(behind.body.id)).toMatchObject({ state: "failed", error: { code: "needs_review" } });
  expect(writesTo(second)).toBe(0);
});

it.each(["nonsense", "constructor", "unauthorized", "job_cancelled", "outcome_unknown"])(
  "a test that the driver fails with the code %s ends as an answer of the device",
  async (mood) => {
    const instance = await add(`mood ${mood}`, { mood });
    const { body } = await system.call<{ id: string }>("POST", `${path(instance)}/test`);
    const error = { code: "device_error", detail: "it said so" };
    expect(await settled(body.id)).toMatchObject({ state: "failed", attempt: 1, error });
  },
);

it("a plan shows no handle, and nothing of itself to another instance", async () => {
  const [instance, other] = [await add("planned"), await add("other")];
  const planned = await system.call<{ id: string }>("POST", `${path(instance)}/actions`, {
    ...power("secret-vm"),
    dry_run: true,
  });
  const { result } = (await settled(planned.body.id)) as unknown as { result: { plan_id: string } };
  const plan = await system.call("GET", `/api/plans/${result.plan_id}`);
  expect(JSON.stringify([result, plan.body])).not.toContain("swh_");
  expect(JSON.stringify(plan.body)).toContain("[secret:token]");
  const run = await system.call<{ id: string }>("POST", `${path(other)}/actions`, {
    ...power("1"),
    plan_id: result.plan_id,
  });
  const refused = await settled(run.body.id);
  expect(refused).toMatchObject({ state: "failed", error: { code: "plan_mismatch" } });
  expect(JSON.stringify(refused["error"])).not.toContain("secret-vm");
});

it("an inventory shows no handle", async () => {
  const instance = await add("listed");
  const { status, body } = await system.call("GET", `${path(instance)}/inventory?active_only=false`);
  expect(status).toBe(200);
  const attrs = { note: "x [secret:token]", "[secret:token]": 1 };
  expect(body["items"]).toEqual([{ type: "vm", external_id: "1", name: "[secret:token]", attrs, labels: {} }]);
});

it("odd documents and names are refused, not stumbled over", async () => {
  const instance = await add("odd");
  const deep = JSON.parse(`${"[".repeat(5_000)}${"]".repeat(5_000)}`);
  const asked = await system.call("POST", `${path(instance)}/actions`, { ...power("1"), params: { deep } });
  expect([asked.status, asked.body["code"]]).toEqual([400, "validation_failed"]);
  for (const name of ["constructor", "__proto__"]) {
    expect((await system.call("GET", `${path(instance)}/inventory/changes?type=${name}`)).status).toBe(200);
  }
});
