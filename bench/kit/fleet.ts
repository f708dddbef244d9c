/** Many instances of the shipped Proxmox VE pack on one simulated cluster, with their schedules, and one that does nothing. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type System, startSystem } from "../../test/kit/system.ts";
import { noopType, writeNoopPack } from "./noop-pack.ts";
import { until } from "./until.ts";

export interface Fleet {
  readonly system: System;
  /** Instances on the cluster, each with a heartbeat and refreshes. */
  readonly instances: readonly string[];
  /** An instance whose driver does nothing. */
  readonly idle: string;
  close(): Promise<void>;
}

interface Device {
  readonly config: object;
  readonly secrets: object;
}

const root = join(import.meta.dirname, "..", "..");
const path = "/api/integrations/instances";
const proxmoxType = "walnut.proxmox.ve";

const startCluster = async (dir: string): Promise<{ child: ChildProcess; device: Device }> => {
  const out = join(dir, "lab.json");
  const args = ["--no-warnings", "lab/main.ts", "--vms", "20", "--out", out];
  const child = spawn(process.execPath, args, { cwd: root, stdio: ["ignore", "ignore", "inherit", "ipc"] });
  // It is told by a message that the file is whole.
  await once(child, "message");
  const { devices } = JSON.parse(readFileSync(out, "utf8")) as { devices: Device[] };
  const [device] = devices;
  if (device === undefined) throw new Error("expected a cluster");
  return { child, device };
};

const add = async (system: System, body: object): Promise<string> => {
  const answer = await system.call<{ instance_id: string }>("POST", path, body);
  if (answer.status !== 201) throw new Error(`an instance was refused: ${JSON.stringify(answer.body)}`);
  return answer.body.instance_id;
};

const untilValid = (system: System, type: string): Promise<void> =>
  until(async () => {
    const { body } = await system.call("GET", `/api/integrations/types/${type}`);
    return body["status"] === "valid";
  }, `${type} to be installed`);

const addAll = async (system: System, device: Device, count: number): Promise<string[]> => {
  const instances: string[] = [];
  let next = 0;
  const adder = async (): Promise<void> => {
    while (next < count) {
      next += 1;
      const name = `cluster ${next}`;
      const { config, secrets } = device;
      instances.push(await add(system, { type_id: proxmoxType, name, config, secrets }));
    }
  };
  await Promise.all(Array.from({ length: 8 }, adder));
  return instances;
};

export const startFleet = async (count: number): Promise<Fleet> => {
  const dir = mkdtempSync(join(tmpdir(), "sw-load-"));
  const packsDir = join(dir, "packs");
  writeNoopPack(packsDir);
  cpSync(join(root, "integrations", proxmoxType), join(packsDir, proxmoxType), { recursive: true });
  const { child, device } = await startCluster(dir);
  let system: System | undefined;
  const close = async (): Promise<void> => {
    await system?.dispose();
    const ended = once(child, "exit");
    child.kill("SIGTERM");
    await ended;
    rmSync(dir, { recursive: true, force: true });
  };
  try {
    system = await startSystem({ env: { SWITCHYARD_PACKS_DIR: packsDir, SWITCHYARD_LOG: "error" } });
    await Promise.all([untilValid(system, proxmoxType), untilValid(system, noopType)]);
    const idle = await add(system, {
      type_id: noopType,
      name: "idle",
      config: { host: "127.0.0.1", port: 9 },
      secrets: { token: "not-so-secret-token" },
    });
    return { system, instances: await addAll(system, device, count), idle, close };
  } catch (error) {
    await close();
    throw error;
  }
};
