/** What a manifest gives as a default counts as given: in the check, in the transports, in the driver and in a plan. */
import { expect, it } from "vitest";
import { httpPack } from "../kit/pack.ts";
import { usePowerBench } from "../kit/power-bench.ts";

const bench = usePowerBench();

const driver = `  async test_connection() {
    const { status } = await this.transports.http.request({ path: "/version" });
    return { status: "connected", details: { status, config: this.config } };
  }
  async inventory_list() { return []; }
  async vm_level({ params, dryRun }) {
    if (!dryRun) { await this.apply(); return { ok: true }; }
    return { ok: true, severity: "info", preconditions: [], plan: { kind: "api", steps: [
      { transport: "http", method: "POST", path: "/vms/m900/level", json: { level: params.level } } ] },
      effects: { summary: "a level", per_target: [{ id: "m900", from: 0, to: params.level }] } };
  }`;
const capabilities = `  - { id: inventory.list, verbs: [list], targets: [vm] }
  - id: vm.level
    verbs: [set]
    targets: [vm]
    params: { type: object, required: [level], properties: { level: { type: integer, default: 7 } } }
    writes: ["POST /vms/{target}/level"]`;

it("reaches whoever reads a config or parameters, and is stored nowhere", async () => {
  const pack = httpPack("acme.defaults", { driver, capabilities });
  const manifest = (pack["plugin.yaml"] ?? "")
    .replace("port: { type: integer }", `port: { type: integer, default: ${bench.device.port} }`)
    .replace("token: {", "slow: { type: boolean, default: false }\n      token: {");
  await bench.caller.install({ ...pack, "plugin.yaml": manifest });
  const id = await bench.caller.addInstance(
    "acme.defaults",
    "silent",
    { host: "127.0.0.1" },
    { token: "tok-71c2d0e95b7f43" },
  );
  const tested = await bench.send("POST", `/api/integrations/instances/${id}/test`);
  expect(tested.body).toMatchObject({
    state: "succeeded",
    result: { details: { config: { host: "127.0.0.1", port: bench.device.port, slow: false } } },
  });
  const stored = await bench.system.call("GET", `/api/integrations/instances/${id}`);
  expect(stored.body["config"]).toEqual({ host: "127.0.0.1" });
  const asked = { capability: "vm.level", verb: "set", target: "m900" };
  const planned = await bench.caller.act(id, { ...asked, dry_run: true });
  expect(planned.body).toMatchObject({ state: "succeeded", input: { params: { level: 7 } } });
  const plan_id = String(planned.body.result?.["plan_id"]);
  const ran = await bench.caller.act(id, { ...asked, params: { level: 7 }, plan_id });
  expect(ran.body).toMatchObject({ state: "succeeded" });
});
