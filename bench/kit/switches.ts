/** The whole system with many instances of simulated switches, each with schedules of its own. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { portInstance, portType, writePortPack } from "../../test/kit/port-pack.ts";
import { type System, startSystem } from "../../test/kit/system.ts";
import { until } from "./until.ts";

export interface Delays {
  readonly title: string;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

export interface Switches {
  readonly system: System;
  /** Adds an instance for each switch. */
  addAll(): Promise<readonly string[]>;
  /** Of the worker's event loop, in ms since `forgetDelays`. */
  delays(): Delays;
  forgetDelays(): void;
  close(): Promise<void>;
}

export interface SwitchesOptions {
  readonly count: number;
  readonly delayMs: number;
  readonly everySeconds: number;
  readonly heartbeatSeconds: number;
}

interface Agents {
  readonly switches: readonly { readonly host: string; readonly port: number }[];
  readonly community: string;
}

const here = import.meta.dirname;

const startAgents = async ({ count, delayMs }: SwitchesOptions): Promise<{ child: ChildProcess; agents: Agents }> => {
  const args = ["--no-warnings", join(here, "fleet-process.ts"), String(count), String(delayMs)];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "ignore", "inherit", "ipc"] });
  const [agents] = (await once(child, "message")) as [Agents];
  return { child, agents };
};

const addEach = async (system: System, { switches, community }: Agents): Promise<string[]> => {
  const ids: string[] = [];
  let next = 0;
  const adder = async (): Promise<void> => {
    for (let at = next++; at < switches.length; at = next++) {
      const device = switches[at] ?? { host: "", port: 0 };
      const body = { type_id: portType, name: `switch ${at}`, ...portInstance(device, community) };
      const answer = await system.call<{ instance_id: string }>("POST", "/api/integrations/instances", body);
      if (answer.status !== 201) throw new Error(`an instance was refused: ${JSON.stringify(answer.body)}`);
      ids.push(answer.body.instance_id);
    }
  };
  await Promise.all(Array.from({ length: 8 }, adder));
  return ids;
};

const start = async (dir: string, options: SwitchesOptions): Promise<System> => {
  const [packsDir, delaysDir] = [join(dir, "packs"), join(dir, "delays")];
  mkdirSync(delaysDir);
  const { everySeconds: refreshSeconds, heartbeatSeconds } = options;
  writePortPack(packsDir, { refreshSeconds, heartbeatSeconds });
  const probe = `--disable-warning=ExperimentalWarning --import=${join(here, "loop-delay.ts")}`;
  const system = await startSystem({
    env: {
      SWITCHYARD_PACKS_DIR: packsDir,
      SWITCHYARD_LOG: "error",
      SWITCHYARD_CONCURRENCY: "16",
      NODE_OPTIONS: probe,
      BENCH_DELAYS: delaysDir,
    },
  });
  await until(async () => {
    const { body } = await system.call("GET", `/api/integrations/types/${portType}`);
    if (body["status"] === "invalid") throw new Error(`the pack is invalid: ${JSON.stringify(body["errors"])}`);
    return body["status"] === "valid";
  }, `${portType} to be installed`);
  return system;
};

const workerOf = (system: System): number => system.pids("switchyard-worker")[0] ?? 0;

export const startSwitches = async (options: SwitchesOptions): Promise<Switches> => {
  const dir = mkdtempSync(join(tmpdir(), "sw-switches-"));
  const { child, agents } = await startAgents(options);
  let system: System | undefined;
  const close = async (): Promise<void> => {
    await system?.dispose();
    const ended = once(child, "exit");
    child.disconnect();
    await ended;
    rmSync(dir, { recursive: true, force: true });
  };
  try {
    const started = await start(dir, options);
    system = started;
    return {
      system: started,
      addAll: () => addEach(started, agents),
      delays: () => JSON.parse(readFileSync(join(dir, "delays", `${workerOf(started)}.json`), "utf8")) as Delays,
      forgetDelays: () => void process.kill(workerOf(started), "SIGUSR2"),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
};
