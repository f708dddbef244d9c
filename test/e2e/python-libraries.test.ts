/** Libraries of the distribution that reach devices by themselves: a driver in Python may import them, and is told what to use instead. */
import { spawnSync } from "node:child_process";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Caller, callerOf } from "../kit/caller.ts";
import { zip } from "../kit/pack.ts";
import { isStrict } from "../kit/program.ts";
import { canRunPython, pythonPath } from "../kit/python.ts";
import { type System, startSystem } from "../kit/system.ts";

const manifest = (id: string, library: string): string => `id: ${id}
name: ${library} as it is
version: 1.0.0
min_core_version: 1.0.0
category: network-device
driver: { entrypoint: "driver:Own", language: python }
requires: { deps: [${library}] }
schema:
  connection:
    type: object
    additionalProperties: false
    required: [host]
    properties:
      host: { type: string }
defaults: { heartbeat_interval_s: 0, inventory_refresh_interval_s: 0 }
transports:
  ssh: { host: "{host}", port: 22, username: admin, reads: ["show *"] }
  snmp: { host: "{host}", port: 161 }
capabilities:
  - { id: inventory.list, verbs: [list], targets: [port] }
`;

const driver = (imports: string, body: readonly string[]): string => `${imports}


class Own:
    def __init__(self, instance, secrets, transports):
        self.host = instance.config["host"]

    async def test_connection(self):
${body.map((line) => `        ${line}`).join("\n")}
        return {"status": "connected", "latency_ms": 1}

    async def inventory_list(self, target_type):
        return []
`;

const synchronous = (open: string): string[] => [
  "try:",
  `    ${open}`,
  "except Exception as error:",
  "    raise RuntimeError('the device is not there') from error",
];

const snmpArguments = "SnmpEngine(), CommunityData('public'), UdpTransportTarget((self.host, 161))";
const asked = "ContextData(), ObjectType(ObjectIdentity('1.3.6.1.2.1.1.1.0'))";

const cases = [
  {
    ...{ library: "netmiko", transport: "ssh", to: "127.0.0.1:22" },
    source: driver(
      "from netmiko import ConnectHandler",
      synchronous(
        "ConnectHandler(device_type='hp_procurve', host=self.host, username='a', password='b').send_command('show version')",
      ),
    ),
  },
  {
    ...{ library: "pysnmp", transport: "snmp", to: "127.0.0.1:161" },
    source: driver("from pysnmp.hlapi import *", synchronous(`print(next(getCmd(${snmpArguments}, ${asked})))`)),
  },
] as const;

/** A strict run must have them. */
const isThere = (library: string): boolean =>
  canRunPython && (isStrict || spawnSync(pythonPath, ["-c", `import ${library}`]).status === 0);

describe.skipIf(!canRunPython)("a driver in Python that is made of", () => {
  let system: System;
  let caller: Caller;
  beforeAll(async () => {
    system = await startSystem();
    caller = callerOf(system);
  }, 90_000);
  afterAll(() => system?.dispose());

  const installed = async (archive: Buffer): Promise<unknown> => {
    const first = await caller.uploadBytes(archive);
    if (first.body.code !== "consent_required") return first.body;
    const { digest } = first.body as unknown as { digest: string };
    return (await caller.uploadBytes(archive, { query: `?consent=${digest}` })).body;
  };

  it.each(cases)(
    "$library is installed, and fails with what to use instead",
    async (own) => {
      const { library, source, transport, to } = own;
      if (!isThere(library)) return console.warn(`Not tested: ${pythonPath} has no module ${library}`);
      const id = `acme.${library}`;
      const archive = await zip({ "plugin.yaml": manifest(id, library), "driver.py": source });
      expect(await installed(archive)).toMatchObject({ state: "succeeded", result: { status: "valid" } });
      const instance = await caller.addInstance(id, library, { host: "127.0.0.1" }, {});
      const path = `/api/integrations/instances/${instance}/test`;
      const { body } = await system.call("POST", path, undefined, { prefer: "wait=40" });
      expect(body).toMatchObject({ code: "endpoint_not_allowed" });
      expect(body["detail"]).toMatch(
        new RegExp(
          `module ${library} tried to open a connection by itself \\(${to}\\).*no network of its own.*transports\\.get\\("${transport}"\\)`,
        ),
      );
    },
    60_000,
  );
});
