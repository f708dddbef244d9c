/**
 * The supervisor: 1. holds the data folder. 2. makes keys and tokens. 3. starts a private Redis when none is given.
 * 4. migrates the store. 5. starts the API and the workers and keeps them running. 6. stops them in order.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Config, environmentFor } from "../config.ts";
import type { Log } from "../log.ts";
import { sweepLayouts } from "../packs/layout.ts";
import { migrate } from "../store/open.ts";
import { type Child, keepRunning } from "./child.ts";
import { adminToken, holdDataFolder } from "./data-folder.ts";
import { keepRedis } from "./kept-redis.ts";
import { checkKeys } from "./keys.ts";
import { startLab } from "./lab.ts";

const workerGraceMs = 15_000;
const apiGraceMs = 5_000;

interface Started {
  readonly url: Promise<string>;
  readonly api: Child;
  readonly workers: readonly Child[];
}

const isReady = (message: unknown): message is { ready: string } =>
  typeof message === "object" && message !== null && "ready" in message && typeof message.ready === "string";

const startChildren = (config: Config, redisUrl: string, { log, stop }: { log: Log; stop: AbortSignal }): Started => {
  const entry: [string, ...string[]] = [
    process.execPath,
    "--disable-warning=ExperimentalWarning",
    new URL("../main.ts", import.meta.url).pathname,
  ];
  // A free port is chosen once: an API that is started again listens where its clients know it.
  let { port } = config;
  let announce: (url: string) => void = () => undefined;
  const url = new Promise<string>((resolve) => {
    announce = resolve;
  });
  const child = (role: "api" | "worker", name: string): Child =>
    keepRunning({
      name,
      command: entry,
      environment: () => environmentFor(config, { role, redisUrl, port }),
      log,
      stop,
      onMessage(message) {
        if (!isReady(message) || role !== "api") return;
        writeFileSync(join(config.dataDir, "url"), `${message.ready}\n`);
        port = Number(new URL(message.ready).port);
        announce(message.ready);
      },
    });
  const api = child("api", "api");
  const workers = Array.from({ length: config.workers }, (_, index) => child("worker", `worker-${index + 1}`));
  return { url, api, workers };
};

const greet = (url: string, tokenFile: string | null): void => {
  process.stdout.write(`Switchyard listens on ${url}\n`);
  process.stdout.write(
    `The admin token is ${tokenFile === null ? "the one set by SWITCHYARD_ADMIN_TOKEN" : `in ${tokenFile}`}\n`,
  );
};

/** Runs until it is told to stop; resolves when everything has ended. */
export const runAll = async (
  config: Config,
  options: { withLab: boolean; log: Log; stop: AbortSignal },
): Promise<void> => {
  const { log, stop } = options;
  const release = holdDataFolder(config.dataDir);
  const stops: (() => Promise<void> | void)[] = [release];
  try {
    const { token, file } = adminToken(config.dataDir, config.adminToken);
    const redisDir = join(config.dataDir, "redis");
    mkdirSync(redisDir, { recursive: true, mode: 0o700 });
    const redis = config.redisUrl === null ? await keepRedis(redisDir, log) : null;
    if (redis) stops.unshift(() => redis.stop());
    await migrate(config.databaseUrl);
    // No worker of this folder runs yet: what is half done was left by a killed one.
    await sweepLayouts({ root: join(config.dataDir, "releases"), before: Date.now() });
    await checkKeys(config);
    const { url, api, workers } = startChildren(config, redis?.url ?? config.redisUrl ?? "", { log, stop });
    stops.unshift(() => api.stop(apiGraceMs));
    stops.unshift(() => Promise.all(workers.map((worker) => worker.stop(workerGraceMs))).then(() => undefined));
    const gone = new Promise<void>((resolve) => stop.addEventListener("abort", () => resolve(), { once: true }));
    const address = await Promise.race([url, gone]);
    if (address !== undefined) {
      greet(address, file);
      if (options.withLab) stops.unshift(await startLab({ config, url: address, token, log, stop }));
    }
    if (!stop.aborted) await gone;
  } finally {
    for (const end of stops) await end();
  }
};
