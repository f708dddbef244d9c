/** `npm start -- --lab`: the simulated devices, and one instance of each so that a newcomer can do everything at once. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { type Config, plainEnvironment } from "../config.ts";
import type { Log } from "../log.ts";
import { shellWord } from "../model/shell-word.ts";
import { keepRunning } from "./child.ts";
import { type Call, type Device, presentDevice } from "./lab-instance.ts";

interface LabOptions {
  readonly config: Config;
  readonly log: Log;
  readonly stop: AbortSignal;
}

/** Where the system listens that the devices are shown in. */
interface Place {
  readonly url: string;
  readonly token: string;
}

type Stage = LabOptions & Place;

export interface Lab {
  /** Makes the instances, now and whenever the lab was started again. */
  presentIn(place: Place): void;
  stop(): Promise<void>;
}

/** A lab that takes longer is not waited for. */
const listenWaitMs = 10_000;
const graceMs = 3_000;

const caller =
  ({ url, token, stop }: Stage): Call =>
  async (method, path, body) => {
    const response = await fetch(`${url}${path}`, {
      method,
      signal: stop,
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json", prefer: "wait=20" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status: response.status, body: await response.json().catch(() => null) };
  };

/** The command line finds the usual data folder by itself. */
const program = ({ config }: LabOptions): string =>
  config.dataDir === resolve("data") ? "npx switchyard" : `SWITCHYARD_DATA=${config.dataDir} npx switchyard`;

const folderOf = ({ config }: LabOptions): string => join(config.dataDir, "lab");

const secretFile = (options: LabOptions, { name }: Device, field: string): string =>
  join(folderOf(options), `${name}.${field}`);

/** Its secrets as files, so that whoever tries the lab can add an instance of their own. */
const keepSecrets = (options: LabOptions, device: Device): void => {
  mkdirSync(folderOf(options), { recursive: true, mode: 0o700 });
  for (const [field, value] of Object.entries(device.secrets)) {
    writeFileSync(secretFile(options, device, field), value, { mode: 0o600 });
  }
};

const shown = (file: string): string => {
  const near = relative("", file);
  return near.startsWith("..") ? file : near;
};

const addCommand = (options: LabOptions, device: Device): string => {
  const fields = Object.entries(device.config).map(([field, value]) => `--set ${shellWord(`${field}=${value}`)}`);
  const fileOf = (field: string): string => shown(secretFile(options, device, field));
  const secrets = Object.keys(device.secrets).map((field) => `--secret ${shellWord(`${field}=@${fileOf(field)}`)}`);
  return ["add", device.type_id, "--name", `my-${device.name}`, ...fields, ...secrets].join(" ");
};

const nextSteps = (options: Stage, devices: readonly Device[]): string => {
  const commands = devices.flatMap(({ try: own = [] }) => own);
  const [first] = devices;
  const all = first === undefined ? commands : [...commands, addCommand(options, first)];
  const lines = all.map((line) => `  ${program(options)} ${line}\n`);
  const tries = lines.length === 0 ? "" : `\nTry next, in another terminal:\n${lines.join("")}`;
  return `${tries}Every route is described at ${options.url}/api/docs\n`;
};

const presentAll = async (options: Stage, file: string): Promise<void> => {
  const { devices } = JSON.parse(readFileSync(file, "utf8")) as { devices: Device[] };
  rmSync(file, { force: true });
  const call = caller(options);
  for (const device of devices) process.stdout.write(`Lab: ${await presentDevice(call, device, folderOf(options))}\n`);
  if (devices[0] !== undefined) keepSecrets(options, devices[0]);
  process.stdout.write(nextSteps(options, devices));
};

/** Starts the lab; resolves when its devices listen, so that what an earlier start left to do finds them. */
export const startLab = async (options: LabOptions): Promise<Lab> => {
  const { config, log, stop } = options;
  const file = join(config.dataDir, "lab.json");
  const entry = new URL("../../lab/main.ts", import.meta.url).pathname;
  const { promise: listening, resolve: announce } = Promise.withResolvers<void>();
  let place: Place | null = null;
  let isNew = false;
  const presentNew = (): void => {
    if (place === null || !isNew) return;
    isNew = false;
    presentAll({ ...options, ...place }, file).catch((error: unknown) => {
      if (!stop.aborted) log.error({ err: String(error) }, "the lab's instances could not be made");
    });
  };
  const child = keepRunning({
    name: "lab",
    command: [process.execPath, entry, "--out", file, "--keep", folderOf(options)],
    environment: plainEnvironment,
    log,
    stop,
    onMessage() {
      isNew = true;
      announce();
      presentNew();
    },
  });
  await Promise.race([listening, pause(listenWaitMs, undefined, { signal: stop, ref: false }).catch(() => undefined)]);
  return {
    presentIn(given) {
      place = given;
      presentNew();
    },
    stop: () => child.stop(graceMs),
  };
};
