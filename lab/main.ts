/** Starts the simulated lab as a process of its own and says how to reach it. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { type Aoss, isKeptAoss, labSecrets, startAoss } from "./aoss.ts";
import { readKept, startKept, writeKept } from "./kept.ts";
import { isMemory, type Memory } from "./proxmox/memory.ts";
import { untilIdle } from "./proxmox/task.ts";
import { isKeptProxmox, type Proxmox, type ProxmoxOptions, startProxmox } from "./proxmox.ts";

const usage = `Usage: lab/main.ts [--host 127.0.0.1] [--port 0] [--nodes 3] [--vms 8] [--containers 4] [--task-ms 800] [--out FILE] [--keep DIR]`;

const { values } = parseArgs({
  options: {
    host: { type: "string", default: "127.0.0.1" },
    port: { type: "string", default: "0" },
    nodes: { type: "string", default: "3" },
    vms: { type: "string", default: "8" },
    containers: { type: "string", default: "4" },
    "task-ms": { type: "string", default: "800" },
    out: { type: "string" },
    keep: { type: "string" },
    help: { type: "boolean", default: false },
  },
});

const count = (name: "port" | "nodes" | "vms" | "containers" | "task-ms"): number => {
  const seen = values[name];
  if (/^\d{1,6}$/.test(seen)) return Number(seen);
  process.stderr.write(`Expected a whole number for --${name}, got "${seen}".\n${usage}\n`);
  process.exit(2);
};

const switchTries: Readonly<Record<Aoss["state"]["kind"], readonly string[]>> = {
  standalone: ["run lab-switch poe.status read switch/switch --wait"],
  modular: [],
  stack: [
    "plan lab-stack poe.port set poe_port/1/9-1/11,2/9,3/20-3/21 --param state=off",
    "run lab-stack poe.port set poe_port/1/9-1/11,2/9,3/20-3/21 --param state=off --watch",
  ],
};

const describedSwitch = (name: string, { host, sshPort, snmpPort, fingerprint, state }: Aoss) => ({
  name,
  type_id: "com.aruba.aoss",
  config: {
    hostname: host,
    ssh_port: sshPort,
    snmp_port: snmpPort,
    username: labSecrets.manager.username,
    host_key_sha256: fingerprint,
  },
  secrets: { password: labSecrets.manager.password, snmp_community: labSecrets.community },
  try: switchTries[state.kind],
});

/** One simulated device, as an instance is made of it. */
const described = (proxmox: Proxmox) => ({
  name: "lab-proxmox",
  type_id: "walnut.proxmox.ve",
  url: proxmox.url,
  fingerprint: proxmox.fingerprint,
  ca_pem: proxmox.caPem,
  tokens: Object.fromEntries(
    Object.entries(proxmox.tokens).map(([name, { token_name, api_token }]) => [name, { token_name, api_token }]),
  ),
  config: {
    host: proxmox.host,
    port: proxmox.port,
    token_name: proxmox.tokens.admin.token_name,
    tls_fingerprint: proxmox.fingerprint,
  },
  secrets: { api_token: proxmox.tokens.admin.api_token },
  try: [
    "test lab-proxmox",
    "inventory lab-proxmox",
    "plan lab-proxmox vm.lifecycle shutdown vm/100",
    "run lab-proxmox vm.lifecycle shutdown vm/100 --watch",
    "undo <job> --watch      # starts it again: <job> is the id that the line before printed",
    "jobs",
    "doctor",
  ],
});

/** As what it was the last time, where there is a folder to keep that in. */
const started = <K, D extends { readonly kept: K }>(
  name: string,
  isUsable: (kept: K) => boolean,
  start: (kept: Partial<K>) => Promise<D>,
): Promise<D> =>
  values.keep === undefined ? start({}) : startKept(join(values.keep, `${name}.json`), isUsable, start);

/** What the cluster goes on with, where there is a folder to keep that in. */
const remembered = (): Pick<ProxmoxOptions, "memory" | "remember"> => {
  if (values.keep === undefined) return {};
  const file = join(values.keep, "lab-proxmox-state.json");
  const remember = (memory: Memory): void => {
    try {
      writeKept(file, memory);
    } catch (error) {
      process.stderr.write(`lab: the state of the cluster is not kept: ${String(error)}\n`);
    }
  };
  return { memory: readKept(file, isMemory), remember };
};

/** What a task began is to be done before the cluster ends, if that is soon. */
const taskWaitMs = 2_000;

const run = async (): Promise<void> => {
  const { host } = values;
  const sizes = { nodes: count("nodes"), vms: count("vms"), containers: count("containers") };
  const cluster = { ...sizes, host, port: count("port"), taskMs: count("task-ms"), ...remembered() };
  const proxmox = await started("lab-proxmox", isKeptProxmox, (kept) => startProxmox({ ...cluster, kept }));
  const single = await started("lab-switch", isKeptAoss, (kept) => startAoss({ host, kept }));
  const stack = await started("lab-stack", isKeptAoss, (kept) => startAoss({ host, kind: "stack", kept }));
  const switches = [describedSwitch("lab-switch", single), describedSwitch("lab-stack", stack)];
  const text = `${JSON.stringify({ pid: process.pid, devices: [described(proxmox), ...switches] })}\n`;
  if (values.out === undefined) process.stdout.write(text);
  else writeFileSync(values.out, text, { mode: 0o600 });
  process.send?.({ ready: true });
  let isEnding = false;
  const stop = (): void => {
    if (isEnding) return;
    isEnding = true;
    void untilIdle(proxmox.state, values.keep === undefined ? 0 : taskWaitMs)
      .then(() => Promise.all([proxmox, single, stack].map((device) => device.close())))
      .then(() => process.exit(0));
  };
  process.on("SIGTERM", stop);
  // A terminal signals its whole group: whoever has a supervisor stays until that says so, or is gone.
  process.on("SIGINT", () => {
    if (process.send === undefined) stop();
  });
  process.on("disconnect", stop);
};

if (values.help) process.stdout.write(`${usage}\n`);
else await run();
