/** Where actions are on things that no inventory lists, the command line does not say that they are in one. */
import { afterAll, describe, expect, it } from "vitest";
import { callerOf } from "../kit/caller.ts";
import type { CliBench } from "../kit/cli.ts";
import { type HttpDevice, startHttp } from "../kit/device.ts";
import { httpPack } from "../kit/pack.ts";
import { useCli } from "../kit/use-cli.ts";

const capabilities = `  - { id: inventory.list, verbs: [list], targets: [slab, server] }
  - id: key.value
    verbs: [set]
    targets: [key]
    dry_run: required
    params: { type: object, properties: { text: { type: string } } }
    writes: ["POST /keys/{target}"]
  - id: key.touch
    verbs: [set]
    targets: [key]
    dry_run: not_supported
    writes: ["POST /keys/{target}"]`;

const driver = `  async test_connection() { return { status: "connected", latency_ms: 1 }; }
  async inventory_list({ targetType: type }) {
    const [external_id, name] = type === "slab" ? ["9", "nine"] : ["main", "main"];
    return [{ type, external_id, name, attrs: {}, labels: {} }];
  }
  async key_value({ target, dryRun }) {
    if (target.id === "absent") throw new DriverError("target_not_found", "There is no key absent.");
    if (!dryRun) return this.key_touch({ target });
    return { ok: true, severity: "info", preconditions: [], plan: { kind: "api", steps: [
      { transport: "http", method: "POST", path: "/keys/" + target.id } ] },
      effects: { summary: "set", per_target: [{ id: target.id, from: "a", to: "b" }] } };
  }
  async key_touch({ target }) {
    await this.transports.http.request({ method: "POST", path: "/keys/" + target.id });
    return { ok: true };
  }`;

describe("keys of a cache that lists slabs and itself", () => {
  let device: HttpDevice;
  const { cli } = useCli(async ({ system }: CliBench) => {
    device = await startHttp((_request, response) => response.destroy());
    const caller = callerOf(system);
    await caller.install(httpPack("acme.cache", { capabilities, driver }));
    await caller.addInstance("acme.cache", "mc", { host: "127.0.0.1", port: device.port });
    for (const type of ["slab", "server"]) await cli("inventory", "mc", "--type", type, "--refresh");
  });
  afterAll(() => device?.close());

  it("are not said to stand in an inventory by the help of their actions", async () => {
    const { out } = await cli("run", "mc", "--help");
    expect(out).toMatch(/slab +9\n/);
    expect(out).toMatch(/key +\(in no inventory: a plan asks the device\)/);
    expect(out).not.toMatch(/among them/);
  });

  it("are not looked for in an inventory when one is not there", async () => {
    const { code, err } = await cli("plan", "mc", "key.value", "set", "key/absent");
    expect(code).toBe(4);
    expect(err).toContain("No inventory lists key; what is listed are such as 9 (slab), main (server).");
    expect(err).not.toMatch(/See what is there|Ids are those/);
  });

  it("are looked at by a plan after an answer that was lost, where one can be made", async () => {
    const lost = await cli("run", "mc", "key.value", "set", "key/k", "--param", "text=x", "--yes", "--wait");
    expect(lost.err).toContain("Look at the device: npx switchyard plan mc key.value set key/k --param text=x");
    expect(lost.err).not.toContain("inventory mc");
    const touched = await cli("run", "mc", "key.touch", "set", "key/k", "--yes", "--wait");
    expect(touched.err).toContain("What was sent:");
    expect(touched.err).not.toContain("Look at the device:");
  });

  it("leave a list to say what else is listed, and by which word", async () => {
    const one = await cli("inventory", "mc");
    expect(one).toMatchObject({ code: 0, err: expect.stringContaining("also: server (--type server)") });
    expect((await cli("inventory", "mc", "--all")).err).toContain("also: server (--type server)");
    expect((await cli("inventory", "mc", "--type", "server")).err).not.toContain("also:");
    expect((await cli("inventory", "mc", "--json")).err).toBe("");
  });
});
