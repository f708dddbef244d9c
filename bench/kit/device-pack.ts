/** A pack whose driver reads a device over ssh and SNMP, again and again: what is measured is the way there. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export const deviceType = "bench.device";

const manifest = `id: ${deviceType}
name: Device
version: 1.0.0
min_core_version: 0.10.0
category: network-device
driver: { entrypoint: "driver:Device" }
schema:
  connection:
    type: object
    required: [host]
    additionalProperties: false
    properties:
      host: { type: string }
      ssh_port: { type: integer }
      username: { type: string }
      snmp_port: { type: integer }
      password: { type: string, secret: true }
      community: { type: string, secret: true }
transports:
  ssh: { host: "{host}", port: "{ssh_port}", username: "{username}", password: "{secret:password}", reads: ["echo *"] }
  snmp: { host: "{host}", port: "{snmp_port}", community: "{secret:community}" }
defaults: { heartbeat_interval_s: 0, inventory_refresh_interval_s: 0, inventory_ttl_s: 3600 }
capabilities:
  - { id: bench.ssh, verbs: [get], targets: [device], lock: none }
  - { id: bench.snmp, verbs: [get], targets: [device], lock: none }
`;

const driver = `import { Driver } from "switchyard/sdk";

const timed = async (count, work) => {
  const samples = [];
  let size = 0;
  for (let index = 0; index < count; index += 1) {
    const from = performance.now();
    size = await work();
    samples.push(performance.now() - from);
  }
  return { samples, size };
};

export class Device extends Driver {
  async test_connection() {
    return { status: "connected", latency_ms: 0 };
  }
  async bench_ssh({ params }) {
    return timed(params.count, async () => (await this.transports.ssh.run("echo measured")).stdout.length);
  }
  async bench_snmp({ params }) {
    return timed(params.count, async () => (await this.transports.snmp.walk(params.oid)).length);
  }
}
`;

/** Writes the pack below this folder. */
export const writeDevicePack = (packsDir: string): void => {
  const dir = join(packsDir, deviceType);
  mkdirSync(dir, { recursive: true });
  writeFileSync(join(dir, "plugin.yaml"), manifest);
  writeFileSync(join(dir, "driver.ts"), driver);
};
