/**
 * The supervisor: 1. holds the data folder. 2. makes keys and tokens. 3. starts a private Redis when none is given.
 * 4. migrates the store. 5. starts the lab if it is asked for. 6. starts the API and the workers and keeps them running.
 * 7. stops them in order.
 */
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { type Config, environmentFor, settingExitCode } from "../config.ts";
import { openRecentLog, type RecentLog } from "../live/recent-log.ts";
import { createLog, type Log } from "../log.ts";
import { sweepLayouts } from "../packs/layout.ts";
import { connectRedis, untilReady } from "../redis.ts";
import { type Child, keepRunning } from "./child.ts";
import { roleCommand } from "./command.ts";
import { adminToken, holdDataFolder } from "./data-folder.ts";
import { checkDataRights } from "./data-rights.ts";
import { greet, sayStopping } from "./greeting.ts";
import { keepRedis } from "./kept-redis.ts";
import { startLab } from "./lab.ts";
import { requireFreeAddress } from "./listen-address.ts";
import { prepareStore } from "./prepare.ts";

const redisWaitMs = 10_000;
const workerGraceMs = 15_000;
const apiGraceMs = 5_000;

interface Started {
  /** Resolves when the API listens, with null when a process refused its settings. */
  readonly ready: Promise<Ready | null>;
  readonly api: Child;
  readonly workers: readonly Child[];
}

/** What the API tells when it listens: its address, and whether the admin token that it was given holds. */
interface Ready {
  readonly ready: string;
  readonly isTokenLive: boolean;
}

const isReady = (message: unknown): message is Ready =>
  typeof message === "object" && message !== null && "ready" in message && typeof message.ready === "string";

const startChildren = (config: Config, redisUrl: string, { log, stop }: { log: Log; stop: AbortSignal }): Started => {
  // A free port is chosen once: an API that is started again listens where its clients know it.
  let { port } = config;
  const { promise: ready, resolve: announce } = Promise.withResolvers<Ready | null>();
  const child = (role: "api" | "worker", name: string): Child =>
    keepRunning({
      name,
      command: roleCommand,
      environment: () => environmentFor(config, { role, redisUrl, port }),
      log,
      stop,
      onMessage(message) {
        if (!isReady(message) || role !== "api") return;
        port = Number(new URL(message.ready).port);
        announce(message);
      },
      onRefused: () => announce(null),
    });
  const api = child("api", "api");
  const workers = Array.from({ length: config.workers }, (_, index) => child("worker", `worker-${index + 1}`));
  return { ready, api, workers };
};

/** A server that is not ours to start must be there before anything is built on it. */
const findRedis = async (url: string): Promise<void> => {
  const redis = connectRedis(url, { name: "switchyard", role: "producer" });
  try {
    await untilReady(redis, redisWaitMs);
  } finally {
    redis.disconnect();
  }
};

const untilAborted = (signal: AbortSignal): Promise<undefined> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve(undefined);
    signal.addEventListener("abort", () => resolve(undefined), { once: true });
  });

/** A connection of its own: the processes that it tells of are those that could not pass its lines on. */
const handOver = (recentLog: RecentLog, url: string): (() => void) => {
  const redis = connectRedis(url, { name: "switchyard-supervisor", role: "producer" });
  const release = recentLog.handTo(redis);
  return () => {
    release();
    redis.disconnect();
  };
};

/** Runs until it is told to stop; resolves with the exit code when everything has ended. */
export const runAll = async (config: Config, options: { withLab: boolean; stop: AbortSignal }): Promise<number> => {
  const { stop } = options;
  stop.addEventListener("abort", sayStopping, { once: true });
  const recentLog = openRecentLog();
  const log = createLog(config.logLevel, "supervisor", recentLog.keep);
  const release = holdDataFolder(config.dataDir);
  const stops: (() => Promise<void> | void)[] = [release];
  try {
    checkDataRights(config);
    await requireFreeAddress(config);
    const { token, file } = adminToken(config.dataDir, config.adminToken);
    const redisDir = join(config.dataDir, "redis");
    mkdirSync(redisDir, { recursive: true, mode: 0o700 });
    const redis = config.redisUrl === null ? await keepRedis(redisDir, log) : null;
    if (redis) stops.unshift(() => redis.stop());
    if (config.redisUrl !== null) await findRedis(config.redisUrl);
    const redisUrl = redis?.url ?? config.redisUrl ?? "";
    stops.unshift(handOver(recentLog, redisUrl));
    await prepareStore(config);
    // No worker of this folder runs yet: what is half done was left by a killed one.
    await sweepLayouts({ root: join(config.dataDir, "releases"), before: Date.now() });
    const lab = options.withLab ? await startLab({ config, log, stop }) : null;
    if (lab) stops.unshift(lab.stop);
    const { ready, api, workers } = startChildren(config, redisUrl, { log, stop });
    stops.unshift(() => api.stop(apiGraceMs));
    stops.unshift(() => Promise.all(workers.map((worker) => worker.stop(workerGraceMs))).then(() => undefined));
    stops.unshift(() => rmSync(join(config.dataDir, "url"), { force: true }));
    const gone = untilAborted(stop);
    const listening = await Promise.race([ready, gone]);
    // Whoever refused has said why.
    if (listening === null) return settingExitCode;
    if (listening !== undefined) {
      const { ready: url, isTokenLive: isLive } = listening;
      greet(url, { file, isLive });
      if (isLive) lab?.presentIn({ url, token });
    }
    await gone;
    return 0;
  } finally {
    for (const end of stops) await end();
  }
};
