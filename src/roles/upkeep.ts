/** What keeps a system in order beside its jobs: the sweep, the schedules and their ticks. Every worker does its share. */
import type { Config } from "../config.ts";
import { createAdmission } from "../queue/admit.ts";
import { openSchedules, type Schedules } from "../queue/schedules.ts";
import { startSweep } from "../queue/sweep.ts";
import { runTicks } from "../queue/ticks.ts";
import { isUp } from "../redis.ts";
import { type Parts, queuePrefix } from "./parts.ts";

export interface Upkeep {
  readonly schedules: Schedules;
  stop(): Promise<void>;
}

export const startUpkeep = (config: Config, parts: Parts): Upkeep => {
  const { store, redis, queue, vault, now, log, metrics, tracer, redisUrl } = parts;
  const isRedisUp = (): boolean => isUp(redis);
  const admission = createAdmission({ store, redis, queue, vault, now, isRedisUp, log, metrics, tracer });
  const schedules = openSchedules({ store, redisUrl, prefix: queuePrefix, log });
  const ticks = runTicks({ store, admission, redisUrl, prefix: queuePrefix, log, now, metrics });
  schedules
    .syncAll()
    .catch((error: unknown) => log.warn({ err: String(error) }, "the schedules were not synchronised"));
  const ending = new AbortController();
  const sweep = startSweep(
    { store, redis, queue, now, log, retentionDays: config.retentionDays, onFlushed: () => schedules.syncAll() },
    ending.signal,
  );
  return {
    schedules,
    async stop() {
      ending.abort();
      await sweep;
      await ticks.close();
      await schedules.close();
      await admission.close();
    },
  };
};
