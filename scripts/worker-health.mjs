/** Ends with 0 when a worker of this machine holds its lease, else with 1: what a container's health check asks. */
import { hostname } from "node:os";
import { liveWorkers } from "../src/live/leases.ts";
import { connectRedis, untilReady } from "../src/redis.ts";

const patienceMs = 5_000;

const isAlive = async () => {
  const redis = connectRedis(process.env.REDIS_URL ?? "", { name: "switchyard-health", role: "producer" });
  try {
    await untilReady(redis, patienceMs);
    return (await liveWorkers(redis)).some(({ host }) => host === hostname());
  } finally {
    redis.disconnect();
  }
};

process.exit((await isAlive().catch(() => false)) ? 0 : 1);
