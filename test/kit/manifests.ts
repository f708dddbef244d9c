/** Manifests that tests start from: two as the first packs were written, and the smallest one. */

/** The smallest manifest: one lamp that is switched by its driver. */
export const smallManifest = () => ({
  id: "acme.lamp",
  name: "Acme lamp",
  version: "1.0.0",
  min_core_version: "0.10.0",
  category: "smart-home",
  driver: { entrypoint: "driver:LampDriver" },
  schema: { connection: { type: "object", required: ["host"], properties: { host: { type: "string" } } } },
  capabilities: [{ id: "light.power", verbs: ["on", "off"], targets: ["lamp"] }],
});

/** A hypervisor, as existing packs declare it: no transports block, an http test, secrets by mark. */
export const proxmoxManifest = () => ({
  id: "walnut.proxmox.ve",
  name: "Proxmox VE",
  version: "1.0.1",
  min_core_version: "0.10.2",
  category: "host-orchestrator",
  driver: { entrypoint: "driver:ProxmoxVeDriver", language: "python", runtime: "embedded" },
  schema: {
    connection: {
      type: "object",
      required: ["host", "port", "node", "api_token"],
      properties: {
        host: { type: "string" },
        port: { type: "integer", default: 8006 },
        token_name: { type: "string", description: "user@realm!tokenid" },
        node: { type: "string" },
        verify_ssl: { type: "boolean", default: true },
        api_token: { type: "string", secret: true },
      },
    },
  },
  defaults: {
    http: { timeout_s: 5, retries: 2, backoff_ms_start: 250, verify_tls: true },
    heartbeat_interval_s: 120,
    dry_run_refresh_sla_s: 5,
  },
  test: { method: "http", request: { method: "GET", path: "/version" }, success_when: "status == 200" },
  capabilities: [
    {
      id: "vm.lifecycle",
      verbs: ["shutdown", "start", "stop", "suspend", "resume", "reset"],
      targets: ["vm"],
      dry_run: "required",
      invertible: { start: { inverse: "shutdown" }, shutdown: { inverse: "start" } },
      idempotency: { key_fields: ["verb", "target_id"] },
    },
    {
      id: "power.control",
      verbs: ["shutdown", "cycle"],
      targets: ["host"],
      dry_run: "required",
      idempotency: { key_fields: ["verb", "target_id"] },
    },
    { id: "inventory.list", verbs: ["list"], targets: ["vm", "host"], dry_run: "optional" },
  ],
});

const read = (id: string) => ({ id, verbs: ["read"], targets: ["switch"], dry_run: "not_supported" });
const set = (id: string, target: string, parameter: string) => ({
  id,
  verbs: ["set"],
  targets: [target],
  dry_run: "required",
  idempotency: { key_fields: ["verb", "target_id", `params.${parameter}`] },
});

/** A switch, as existing packs declare it: ssh and snmp settings under defaults, tested by its driver. */
export const aossManifest = () => ({
  id: "com.aruba.aoss",
  name: "ArubaOS-S Switches",
  version: "0.1.0",
  min_core_version: "0.10.0",
  category: "network-device",
  driver: { entrypoint: "driver:ArubaOSSwitchDriver", language: "python", runtime: "embedded" },
  schema: {
    connection: {
      type: "object",
      required: ["hostname", "username", "password", "snmp_community"],
      properties: {
        hostname: { type: "string" },
        username: { type: "string" },
        password: { type: "string", secret: true },
        enable_password: { type: "string", secret: true },
        ssh_port: { type: "integer", default: 22 },
        timeout_s: { type: "integer", default: 30 },
        device_type: { type: "string", default: "aruba_osswitch" },
        snmp_community: { type: "string", secret: true },
        snmp_port: { type: "integer", default: 161 },
      },
    },
  },
  defaults: {
    transports: { ssh: { timeout_s: 30, port: 22 }, snmp: { timeout_s: 5 } },
    heartbeat_interval_s: 60,
    dry_run_refresh_sla_s: 8,
  },
  test: { method: "driver" },
  requires: {
    python: ">=3.11",
    deps: ["netmiko>=4.3", { name: "pysnmp", version: ">=4.4" }],
    wheelhouse: "wheelhouse",
  },
  capabilities: [
    read("switch.inventory"),
    read("switch.health"),
    read("poe.status"),
    { ...set("poe.port", "poe_port", "state"), invertible: { set: { inverse: "set" } } },
    set("poe.priority", "poe_port", "level"),
    { ...set("net.interface", "interface", "admin"), invertible: { set: { inverse: "set" } } },
    { id: "switch.config", verbs: ["save", "backup"], targets: ["switch"], dry_run: "optional" },
    { id: "switch.reboot", verbs: ["exec"], targets: ["switch"], dry_run: "required" },
    { id: "inventory.list", verbs: ["list"], targets: ["stack_member", "port"], dry_run: "optional" },
  ],
});
