/** A whole system with devices behind it, as one fault after the other befalls it. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { type Proxmox, startProxmox } from "../../../lab/proxmox.ts";
import { callerOf } from "../../kit/caller.ts";
import { startTestPostgres, type TestPostgres } from "../../kit/postgres.ts";
import type { Chance } from "../../kit/random.ts";
import { type System, startSystem, until } from "../../kit/system.ts";
import { type CountingDevice, startCountingDevice } from "./device.ts";
import { countingId, countingPack, shelfId, smallPack } from "./pack.ts";
import { mountSmallDisk, type SmallDisk } from "./small-disk.ts";

/** What a fault needs of its stack: stacks of the same shape serve one fault after the other. */
export interface Shape {
  readonly store: "sqlite" | "postgres";
  /** The data folder lies on a disk of 96 MiB. */
  readonly smallDisk: boolean;
}

export interface Stack {
  readonly system: System;
  readonly device: CountingDevice;
  readonly lab: Proxmox;
  /** Several instances of the counting device. */
  readonly counting: readonly string[];
  readonly proxmox: string;
  /** The instance of the type that is upgraded all the time. */
  readonly shelf: string;
  readonly postgres: TestPostgres | null;
  readonly disk: SmallDisk | null;
  /** The file that names a waypoint to stop at. */
  readonly pauseFile: string;
  /** Turns the clocks of all processes of the system, each time by so many milliseconds. */
  turnClock(byMs: number): void;
  /** A number that no other job of this stack has. */
  nextNumber(): number;
  /** Ends everything; answers what was still there afterwards. */
  dispose(): Promise<void>;
}

export const workers = 3;
const token = "tok-5d20a9c47e118b";
const preload = pathToFileURL(join(import.meta.dirname, "clock.ts")).href;

interface Ground {
  readonly dir: string;
  readonly postgres: TestPostgres | null;
  readonly disk: SmallDisk | null;
}

const layGround = async ({ store, smallDisk }: Shape): Promise<Ground> => {
  const dir = mkdtempSync(join(tmpdir(), "sw-chaos-"));
  const postgres = store === "postgres" ? await startTestPostgres() : null;
  return { dir, postgres, disk: smallDisk ? mountSmallDisk(join(dir, "data")) : null };
};

const environmentOf = async ({ dir, postgres }: Ground): Promise<Record<string, string>> => ({
  SWITCHYARD_WORKERS: String(workers),
  SWITCHYARD_PAUSE_FILE: join(dir, "pause"),
  SWITCHYARD_TEST_CLOCK: join(dir, "clock"),
  NODE_OPTIONS: `--import=${preload}`,
  ...(postgres === null ? {} : { DATABASE_URL: await postgres.createDatabase() }),
});

const furnish = async (system: System, device: CountingDevice, lab: Proxmox) => {
  const caller = callerOf(system);
  for (const bytes of [await countingPack(), await smallPack(shelfId, "1.0.0")]) {
    const { status, body } = await caller.uploadBytes(bytes);
    if (status !== 200) throw new Error(`a pack was not installed: ${JSON.stringify(body)}`);
  }
  await until(async () => {
    const { body } = await system.call("GET", "/api/integrations/types/walnut.proxmox.ve");
    return body["status"] === "valid" ? true : undefined;
  }, "the shipped pack");
  const config = { host: "127.0.0.1", port: device.port };
  const counting: string[] = [];
  for (const name of ["a", "b", "c", "d"]) counting.push(await caller.addInstance(countingId, name, config, { token }));
  const { token_name, api_token } = lab.tokens.admin;
  const proxmox = await caller.addInstance(
    "walnut.proxmox.ve",
    "pve",
    { host: lab.host, port: lab.port, token_name, tls_fingerprint: lab.fingerprint },
    { api_token },
  );
  return { counting, proxmox, shelf: await caller.addInstance(shelfId, "shelf", config, { token }) };
};

export const startStack = async (shape: Shape, chance: Chance): Promise<Stack> => {
  const ground = await layGround(shape);
  const { dir, postgres, disk } = ground;
  const clockFile = join(dir, "clock");
  writeFileSync(clockFile, "0");
  const device = await startCountingDevice(chance);
  const lab = await startProxmox({ taskMs: 1_200, vms: 60 });
  const system = await startSystem({ dataDir: join(dir, "data"), env: await environmentOf(ground) });
  let number = 0;
  return {
    ...{ system, device, lab, postgres, disk },
    ...(await furnish(system, device, lab)),
    pauseFile: join(dir, "pause"),
    turnClock: (byMs) => writeFileSync(clockFile, String(Number(readFileSync(clockFile, "utf8")) + byMs)),
    nextNumber: () => {
      number += 1;
      return number;
    },
    async dispose() {
      await system.dispose();
      await device.close();
      await lab.close();
      await postgres?.stop();
      disk?.unmount();
      rmSync(dir, { recursive: true, force: true });
    },
  };
};
