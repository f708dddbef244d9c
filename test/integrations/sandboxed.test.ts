/** The packs we ship run in the sandbox: nothing in them needs more than a driver is given. */
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import type { Json } from "../../src/model/json.ts";
import { startBench, vm } from "../kit/proxmox.ts";
import { openBench } from "../kit/sandbox.ts";

const folder = fileURLToPath(new URL("../../integrations/", import.meta.url));
const filesOf = (id: string): Record<string, string> =>
  Object.fromEntries(
    readdirSync(`${folder}${id}`, { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith(".ts") && !name.startsWith("test"))
      .map((name) => [name, readFileSync(`${folder}${id}/${name}`, "utf8")]),
  );

describe("in the sandbox", () => {
  it.each([
    ["walnut.proxmox.ve", "driver:ProxmoxVeDriver", ["vm_lifecycle", "power_control"]],
    ["prometheus", "driver:PrometheusDriver", []],
    ["com.aruba.aoss", "driver:ArubaOSSwitchDriver", ["poe_port", "net_interface", "switch_config", "switch_reboot"]],
  ])("%s loads", async (id, entrypoint, methods) => {
    const sandbox = await openBench("degraded", filesOf(id));
    const surface = await sandbox.pool.inspect(sandbox.dir, entrypoint, 10_000);
    expect(surface.importError).toBeNull();
    expect(Object.keys(surface.methods)).toEqual(
      expect.arrayContaining(["test_connection", "inventory_list", ...methods]),
    );
    await sandbox.close();
  });

  it("Proxmox VE plans a shutdown, applies it and follows its task", async () => {
    const bench = await startBench();
    const sandbox = await openBench("degraded", filesOf("walnut.proxmox.ve"));
    const direct = bench.connect();
    const run = (args: object): Promise<Json> => {
      const { signal: _, ...plain } = args as { signal: unknown };
      return sandbox.call("vm_lifecycle", plain as never, {
        release: { digest: "d", dir: sandbox.dir, entrypoint: "driver:ProxmoxVeDriver" },
        config: { host: bench.lab.host, port: bench.lab.port },
        ask: (op, asked) => direct.door().ask(op, asked),
      });
    };
    const facts = vm(100, "shutdown");
    const plan = await run(direct.planning(facts));
    const result = await run(direct.applying(facts, plan as never));
    expect(result).toMatchObject({ ok: true, effects: { per_target: [{ from: "running", to: "stopped" }] } });
    expect(bench.lab.writes).toHaveLength(1);
    expect(JSON.stringify(sandbox.events)).toContain("sending ACPI power button event");
    await sandbox.close();
    await bench.close();
  });
});
