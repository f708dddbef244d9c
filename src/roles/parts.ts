/** The parts that the API and the workers have in common, opened and closed together. */
import { randomBytes } from "node:crypto";
import { hostname } from "node:os";
import packageFile from "../../package.json" with { type: "json" };
import type { Config } from "../config.ts";
import { catalog } from "../jobs/catalog.ts";
import { openRecentLog } from "../live/recent-log.ts";
import { createLog, type Log } from "../log.ts";
import { createMetrics, type Metrics } from "../metrics.ts";
import { isSettled, jobStates } from "../model/job.ts";
import { openQueue } from "../queue/bullmq.ts";
import type { JobQueue } from "../queue/queue.ts";
import { connectRedis, type Redis, untilReady } from "../redis.ts";
import { openStore } from "../store/open.ts";
import type { Store } from "../store/store.ts";
import { openTracer } from "../trace/open.ts";
import type { Tracer } from "../trace/trace.ts";
import { type KeyWatch, watchKey } from "../upkeep/key-watch.ts";
import type { Keyring } from "../vault/keyring.ts";
import { makeDataFolder } from "./data-folder.ts";
import { keyPlaceOf, openVault } from "./keys.ts";

export const coreVersion: string = packageFile.version;
export const queuePrefix = "sw-queue";
const redisWaitMs = 30_000;

export interface Parts {
  readonly redisUrl: string;
  readonly redis: Redis;
  readonly subscriber: Redis;
  readonly store: Store;
  readonly queue: JobQueue;
  readonly vault: Keyring;
  readonly keyWatch: KeyWatch;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly tracer: Tracer | undefined;
  readonly host: string;
  readonly processId: string;
  now(): number;
  close(): Promise<void>;
}

/** What a worker may come to count and should be seen to have counted never. */
const outcomes = {
  kinds: Object.keys(catalog),
  states: jobStates.filter(isSettled),
  kills: ["timed_out", "job_cancelled", "sandbox_crashed", "sandbox_out_of_memory"],
  refusals: ["endpoint_not_allowed", "read_only_violation", "plan_deviation", "handle_misplaced"],
} as const;

export const openParts = async (config: Config, role: string): Promise<Parts> => {
  const redisUrl = config.redisUrl ?? "";
  makeDataFolder(config.dataDir);
  const redis = connectRedis(redisUrl, { name: `switchyard-${role}`, role: "producer" });
  const recentLog = openRecentLog();
  recentLog.handTo(redis);
  const log = createLog(config.logLevel, role, recentLog.keep);
  const subscriber = connectRedis(redisUrl, { name: `switchyard-${role}-sub`, role: "consumer" });
  await untilReady(redis, redisWaitMs);
  const store = await openStore({ url: config.databaseUrl, log });
  const queue = openQueue({ redisUrl, prefix: queuePrefix });
  const processId = `${role}-${hostname()}-${process.pid}-${randomBytes(3).toString("hex")}`;
  const traced = { role, processId, version: coreVersion, now: Date.now, log };
  const tracer = await openTracer({ url: config.otlpUrl, headers: config.otlpHeaders }, traced);
  const vault = await openVault(config, store, false);
  const host = hostname();
  const keyWatch = watchKey({ store, redis, ring: vault, place: keyPlaceOf(config), processId, host, role, log });
  return {
    ...{ tracer, redisUrl, redis, subscriber, store, queue, log, vault, keyWatch, host },
    metrics: createMetrics({ process: processId, version: coreVersion, ...(role === "worker" && { outcomes }) }),
    processId,
    now: Date.now,
    async close() {
      await keyWatch.stop();
      await tracer?.close();
      await queue.close();
      redis.disconnect();
      subscriber.disconnect();
      await store.close();
    },
  };
};
