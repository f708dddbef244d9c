/** Ends with 0 when what this container runs is well, else with 1: a worker holds its lease, everything else answers. */
import { hostname } from "node:os";

const patienceMs = 5_000;
const env = process.env;

const holdsLease = async () => {
  const { liveWorkers } = await import("../src/live/leases.ts");
  const { connectRedis, untilReady } = await import("../src/redis.ts");
  const redis = connectRedis(env.REDIS_URL ?? "", { name: "switchyard-health", role: "producer" });
  try {
    await untilReady(redis, patienceMs);
    return (await liveWorkers(redis)).some(({ host }) => host === hostname());
  } finally {
    redis.disconnect();
  }
};

/** Who listens on every address listens on this one. */
const hostOf = (host) => {
  if (host === "" || host === "0.0.0.0" || host === "::") return "127.0.0.1";
  return host.includes(":") ? `[${host}]` : host;
};

const answers = async () => {
  const url = `http://${hostOf(env.SWITCHYARD_HOST ?? "")}:${env.SWITCHYARD_PORT ?? 8080}/healthz`;
  return (await fetch(url, { signal: AbortSignal.timeout(patienceMs) })).ok;
};

const isWell = env.SWITCHYARD_ROLE === "worker" ? holdsLease : answers;
process.exit((await isWell().catch(() => false)) ? 0 : 1);
