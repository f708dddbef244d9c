/** A whole system with devices behind it, as one fault after the other befalls it. */
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { type Proxmox, startProxmox } from "../../../lab/proxmox.ts";
import { callerOf } from "../../kit/caller.ts";
import { startTestPostgres, type TestPostgres } from "../../kit/postgres.ts";
import { chanceFrom } from "../../kit/random.ts";
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
  /** Everything that the system has lies below it: its data in `data`, its temporary files in `tmp`. */
  readonly home: string;
  /** The file that names a waypoint to stop at. */
  readonly pauseFile: string;
  /** Turns the clocks of all processes of the system, each time by so many milliseconds. */
  turnClock(byMs: number): void;
  /** A number that no other job of this stack has. */
  nextNumber(): number;
  /** Ends everything and removes its folder. */
  dispose(): Promise<void>;
}

export const workers = 3;
const token = "tok-5d20a9c47e118b";
const preload = pathToFileURL(join(import.meta.dirname, "clock.ts")).href;

/** A folder of its own for what the system forgets there: nothing else on the machine is in it. */
export const temporaryIn = (home: string): string => join(home, "tmp");

interface Ground {
  readonly dir: string;
  readonly postgres: TestPostgres | null;
  readonly disk: SmallDisk | null;
}

const layGround = async ({ store, smallDisk }: Shape): Promise<Ground> => {
  const dir = mkdtempSync(join(tmpdir(), "sw-chaos-"));
  // Sandboxes may run as another user.
  chmodSync(dir, 0o711);
  mkdirSync(temporaryIn(dir));
  chmodSync(temporaryIn(dir), 0o1777);
  const postgres = store === "postgres" ? await startTestPostgres() : null;
  return { dir, postgres, disk: smallDisk ? mountSmallDisk(join(dir, "data")) : null };
};

const environmentOf = async ({ dir, postgres }: Ground): Promise<Record<string, string>> => ({
  SWITCHYARD_WORKERS: String(workers),
  SWITCHYARD_PAUSE_FILE: join(dir, "pause"),
  SWITCHYARD_TEST_CLOCK: join(dir, "clock"),
  TMPDIR: temporaryIn(dir),
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

/** Ends in the opposite order, each of them, whatever became of the others. */
const endAll = async (ends: readonly (() => unknown)[]): Promise<void> => {
  for (const end of ends.toReversed()) await Promise.resolve(end()).catch(() => undefined);
};

const build = async (shape: Shape, seed: string, ends: (() => unknown)[]): Promise<Stack> => {
  const own = <T>(thing: T, end: (thing: T) => unknown): T => {
    ends.push(() => end(thing));
    return thing;
  };
  const ground = await layGround(shape);
  const { dir, postgres, disk } = ground;
  ends.push(() => rmSync(dir, { recursive: true, force: true }));
  ends.push(() => disk?.unmount());
  ends.push(() => postgres?.stop());
  const clockFile = join(dir, "clock");
  writeFileSync(clockFile, "0");
  const device = own(await startCountingDevice(chanceFrom(seed, "device")), (one) => one.close());
  const lab = own(await startProxmox({ taskMs: 1_200, vms: 60 }), (one) => one.close());
  const options = { dataDir: join(dir, "data"), env: await environmentOf(ground) };
  const system = own(await startSystem(options), (one) => one.dispose());
  let number = 0;
  return {
    ...{ system, device, lab, postgres, disk },
    ...(await furnish(system, device, lab)),
    home: dir,
    pauseFile: join(dir, "pause"),
    turnClock: (byMs) => writeFileSync(clockFile, String(Number(readFileSync(clockFile, "utf8")) + byMs)),
    nextNumber: () => {
      number += 1;
      return number;
    },
    dispose: () => endAll(ends.splice(0)),
  };
};

/** What was started is ended again when the rest cannot be. The seed is for the delays of its devices. */
export const startStack = async (shape: Shape, seed: string): Promise<Stack> => {
  const ends: (() => unknown)[] = [];
  try {
    return await build(shape, seed, ends);
  } catch (error) {
    await endAll(ends);
    throw error;
  }
};
