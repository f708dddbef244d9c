/** The API role: opens the parts, listens, sees to shipped packs, and ends its streams in order. */
import { serveApi } from "../api/http/server.ts";
import type { Config } from "../config.ts";
import { type Fanout, openFanout } from "../live/fanout.ts";
import { putFigures } from "../live/figures.ts";
import { systemPrincipal } from "../model/principal.ts";
import { createAdmission } from "../queue/admit.ts";
import { openSchedules } from "../queue/schedules.ts";
import { connectRedis, isUp } from "../redis.ts";
import { ensureAdminToken } from "./admin-token.ts";
import { parent } from "./child.ts";
import { makeDataFolder } from "./data-folder.ts";
import { checkDataRights } from "./data-rights.ts";
import { greet, leaveUrl } from "./greeting.ts";
import { refusalOf } from "./listen-address.ts";
import { coreVersion, openParts, type Parts, queuePrefix } from "./parts.ts";
import { prepareStore } from "./prepare.ts";
import { openScratchFolder } from "./scratch-folder.ts";

const figuresEveryMs = 5_000;

/** What this API counted, for other APIs to show, and how late events come here. */
const showFigures = ({ redis, processId, metrics, now }: Parts, fanout: Fanout): { stop(): void } => {
  const put = async (): Promise<void> =>
    putFigures(redis, processId, { figures: await metrics.snapshot(), ttlMs: figuresEveryMs * 3 });
  const timer = setInterval(() => void put().catch(() => undefined), figuresEveryMs);
  const unsubscribe = fanout.sample(({ type, id }) => {
    if (type === "job.event") metrics.eventLag((now() - Number.parseInt(id, 10)) / 1000);
  });
  return {
    stop() {
      clearInterval(timer);
      unsubscribe();
    },
  };
};

export const runApi = async (config: Config, stop: AbortSignal): Promise<void> => {
  makeDataFolder(config.dataDir);
  checkDataRights(config);
  await prepareStore(config);
  const parts = await openParts(config, "api");
  const { store, redis, queue, vault, now, log, metrics, tracer } = parts;
  const isRedisUp = (): boolean => isUp(redis);
  const admission = createAdmission({ store, redis, queue, vault, now, isRedisUp, log, metrics, tracer });
  const blocking = connectRedis(parts.redisUrl, { name: "switchyard-fanout", role: "consumer" });
  const fanout = openFanout(blocking, log);
  const schedules = openSchedules({ store, redisUrl: parts.redisUrl, prefix: queuePrefix, log });
  const scratch = openScratchFolder(config.dataDir);
  const adminToken = await ensureAdminToken(config, store, now());
  await fanout.ready;
  const server = await serveApi(
    {
      ...{ store, redis, subscriber: parts.subscriber, queue, admission, fanout, schedules, now, log, metrics, tracer },
      vaultSeal: ({ instanceId, name, version }, value) =>
        vault.seal({ scope: instanceId, field: name, version, value }),
      version: coreVersion,
      processId: parts.processId,
      config: { corsOrigins: config.corsOrigins, scratchDir: scratch.dir },
      signal: stop,
    },
    { host: config.host, port: config.port },
  ).catch((error: unknown) => {
    throw refusalOf(error, config);
  });
  const figures = showFigures(parts, fanout);
  // Shipped packs come in by the same path as any other: a job. A known digest costs nothing.
  await admission
    .admit({ kind: "pack.rescan", input: {}, principal: systemPrincipal("start"), action: "pack.rescan" })
    .catch((error: unknown) => log.error({ err: String(error) }, "the shipped packs could not be looked at"));
  leaveUrl(config.dataDir, server.url);
  if (parent.isThere) parent.tell({ ready: server.url, isTokenLive: adminToken.isLive });
  else greet(server.url, adminToken);
  await new Promise<void>((resolve) => {
    if (stop.aborted) resolve();
    stop.addEventListener("abort", () => resolve(), { once: true });
  });
  await server.close();
  scratch.remove();
  figures.stop();
  await fanout.close();
  await schedules.close();
  blocking.disconnect();
  await admission.close();
  await parts.close();
};
