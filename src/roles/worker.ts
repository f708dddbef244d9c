/** The worker role: opens the parts, looks how strong the sandbox is, and works until it is told to stop. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Config } from "../config.ts";
import { newId } from "../model/ids.ts";
import { sweepLayouts } from "../packs/layout.ts";
import { createPool } from "../sandbox/pool.ts";
import { probeSandbox } from "../sandbox/probe.ts";
import { isNameGone } from "../sandbox/process-identity.ts";
import { createMeter } from "../transports/meter.ts";
import { createTransports } from "../transports/transports.ts";
import { startWorker } from "../workers/worker.ts";
import { parent } from "./child.ts";
import { makeDataFolder } from "./data-folder.ts";
import { checkDataRights } from "./data-rights.ts";
import { ownListeners } from "./own-listeners.ts";
import { coreVersion, openParts, queuePrefix } from "./parts.ts";
import { runnerUpkeep } from "./runner-upkeep.ts";
import { startUpkeep } from "./upkeep.ts";
import { stopAtWaypoint } from "./waypoint-stop.ts";

const memoryCapBytes = 512 * 1024 * 1024;
const idleMs = 30_000;
const abandonedMs = 3_600_000;
const sdkDir = new URL("../sdk", import.meta.url).pathname;

/** Where the API of this machine listens; it may have chosen a free port. */
const readUrl = (config: Config): string | null => {
  try {
    return readFileSync(join(config.dataDir, "url"), "utf8").trim();
  } catch {
    return null;
  }
};

export const runWorker = async (config: Config, stop: AbortSignal): Promise<void> => {
  makeDataFolder(config.dataDir);
  checkDataRights(config);
  const parts = await openParts(config, "worker");
  const { log, metrics, now } = parts;
  const releasesDir = join(config.dataDir, "releases");
  // Other workers may share the folder: what is young may be in the making.
  await sweepLayouts({ root: releasesDir, before: now() - abandonedMs, isGone: isNameGone });
  const probe = await probeSandbox({ nodePath: process.execPath });
  log.info({ sandbox_level: probe.level, reason: probe.reason }, "the sandbox was probed");
  const meter = createMeter();
  const pool = createPool({
    now,
    held: meter,
    log,
    nodePath: process.execPath,
    maxProcesses: config.concurrency * 2,
    idleMs,
    memoryCapBytes,
    level: probe.level,
    sdkDir,
    metrics,
  });
  const transports = createTransports({
    now,
    log,
    meter,
    ownListeners: ownListeners(config, { ...parts, apiUrl: () => readUrl(config) }),
  });
  const upkeep = startUpkeep(config, parts);
  const worker = await startWorker({
    ...parts,
    workerId: newId("wrk", now()),
    pool,
    transports,
    sandboxLevel: probe.level,
    sandboxReason: probe.reason,
    minSandbox: config.minSandbox,
    signatures: { isRequired: config.packSignatures === "require", trusted: config.trustedKeys },
    releasesDir,
    packsDir: config.packsDir,
    coreVersion,
    concurrency: config.concurrency,
    queuePrefix,
    reschedule: (instanceId) => upkeep.schedules.sync(instanceId),
    upkeep: runnerUpkeep(config, parts),
    ...(config.pauseFile === null ? {} : { pass: stopAtWaypoint(config.pauseFile) }),
  });
  parent.tell({ ready: "worker" });
  await new Promise<void>((resolve) => {
    if (stop.aborted) resolve();
    stop.addEventListener("abort", () => resolve(), { once: true });
  });
  await worker.drain();
  await upkeep.stop();
  await parts.close();
};
