/** A pack that reads switches by SNMP alone, with the shipped integration's own code: for fleets that have no command line. */
import { cpSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export const portType = "lab.ports";

export interface PortPackOptions {
  readonly refreshSeconds: number;
  readonly heartbeatSeconds: number;
  /** Of one request, and how often it is repeated. */
  readonly timeoutSeconds?: number;
  readonly retries?: number;
}

const shipped = join(import.meta.dirname, "..", "..", "integrations", "com.aruba.aoss");

const manifestOf = ({ refreshSeconds, heartbeatSeconds, timeoutSeconds = 5, retries = 1 }: PortPackOptions): string => `
id: ${portType}
name: Ports
version: 1.0.0
min_core_version: 0.10.0
category: network-device
driver: { entrypoint: "driver:PortsDriver" }
schema:
  connection:
    type: object
    required: [hostname]
    additionalProperties: false
    properties:
      hostname: { type: string }
      snmp_port: { type: integer }
      snmp_community: { type: string, secret: true }
transports:
  snmp: { host: "{hostname}", port: "{snmp_port}", community: "{secret:snmp_community}" }
defaults:
  heartbeat_interval_s: ${heartbeatSeconds}
  inventory_refresh_interval_s: ${refreshSeconds}
  inventory_ttl_s: ${Math.max(refreshSeconds, 1)}
  transports: { snmp: { timeout_s: ${timeoutSeconds}, retries: ${retries} } }
test: { method: driver }
capabilities:
  - { id: inventory.list, verbs: [list], targets: [port] }
`;

const driver = `import { Driver, DriverError } from "switchyard/sdk";
import { readSnmpSelf } from "./facts.ts";
import { requireAoss } from "./model.ts";
import { portsBySnmp } from "./targets.ts";

export class PortsDriver extends Driver {
  async self() {
    const { self, problem } = await readSnmpSelf(this.transports.snmp);
    if (self === null) throw new DriverError("no_snmp_answer", problem);
    return requireAoss(self.description);
  }
  async test_connection() {
    const from = performance.now();
    const { name } = await this.self();
    return { status: "connected", latency_ms: Math.round(performance.now() - from), message: name };
  }
  async inventory_list() {
    await this.self();
    return (await portsBySnmp(this.transports.snmp)).targets;
  }
}
`;

/** Writes the pack below this folder. */
export const writePortPack = (packsDir: string, options: PortPackOptions): void => {
  const dir = join(packsDir, portType);
  mkdirSync(dir, { recursive: true });
  cpSync(shipped, dir, { recursive: true });
  for (const own of ["recordings", "plan", "quality.json", "README.md", "driver.test.ts", "plugin.yaml"])
    rmSync(join(dir, own), { recursive: true, force: true });
  writeFileSync(join(dir, "plugin.yaml"), manifestOf(options));
  writeFileSync(join(dir, "driver.ts"), driver);
};

/** What an instance is made of. */
export const portInstance = (device: { readonly host: string; readonly port: number }, community: string) => ({
  config: { hostname: device.host, snmp_port: device.port },
  secrets: { snmp_community: community },
});
