/** The API role: opens the parts, listens, sees to shipped packs, and ends its streams in order. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { serveApi } from "../api/server.ts";
import { type Config, SettingError } from "../config.ts";
import { openFanout } from "../live/fanout.ts";
import { systemPrincipal } from "../model/principal.ts";
import { createAdmission } from "../queue/admit.ts";
import { openSchedules } from "../queue/schedules.ts";
import { connectRedis, isUp } from "../redis.ts";
import { ensureAdminToken } from "./admin-token.ts";
import { parent } from "./child.ts";
import { makeDataFolder } from "./data-folder.ts";
import { greet, leaveUrl } from "./greeting.ts";
import { coreVersion, openParts, queuePrefix } from "./parts.ts";
import { prepareStore } from "./prepare.ts";

/** Errors of the system that say that the address cannot be had. */
const listenErrors = new Set(["EADDRINUSE", "EACCES", "EADDRNOTAVAIL", "ENOTFOUND", "EAI_AGAIN", "EINVAL"]);

const serve = async (deps: Parameters<typeof serveApi>[0], { host, port }: Config) => {
  try {
    return await serveApi(deps, { host, port });
  } catch (error) {
    const { code = "" } = error as NodeJS.ErrnoException;
    if (!listenErrors.has(code)) throw error;
    const found = code === "EADDRINUSE" ? "it in use by another process" : code;
    throw new SettingError(
      `settings SWITCHYARD_HOST, SWITCHYARD_PORT: expected to listen on ${host} port ${port}, found ${found}`,
    );
  }
};

export const runApi = async (config: Config, stop: AbortSignal): Promise<void> => {
  makeDataFolder(config.dataDir);
  await prepareStore(config);
  const parts = await openParts(config, "api");
  const { store, redis, queue, vault, now, log, metrics } = parts;
  const isRedisUp = (): boolean => isUp(redis);
  const admission = createAdmission({ store, queue, vault, now, isRedisUp, log, metrics });
  const blocking = connectRedis(parts.redisUrl, { name: "switchyard-fanout", role: "consumer" });
  const fanout = openFanout(blocking, log);
  const schedules = openSchedules({ store, redisUrl: parts.redisUrl, prefix: queuePrefix, log });
  const scratchDir = join(config.dataDir, "uploads");
  mkdirSync(scratchDir, { recursive: true, mode: 0o700 });
  const tokenFile = await ensureAdminToken(config, store, now());
  await fanout.ready;
  const server = await serve(
    {
      ...{ store, redis, subscriber: parts.subscriber, queue, admission, fanout, schedules, now, log, metrics },
      vaultSeal: ({ instanceId, name, version }, value) =>
        vault.seal({ scope: instanceId, field: name, version, value }),
      version: coreVersion,
      config: { corsOrigins: config.corsOrigins, scratchDir },
      signal: stop,
    },
    config,
  );
  // Shipped packs come in by the same path as any other: a job. A known digest costs nothing.
  await admission
    .admit({ kind: "pack.rescan", input: {}, principal: systemPrincipal("start"), action: "pack.rescan" })
    .catch((error: unknown) => log.error({ err: String(error) }, "the shipped packs could not be looked at"));
  leaveUrl(config.dataDir, server.url);
  if (parent.isThere) parent.tell({ ready: server.url });
  else greet(server.url, tokenFile);
  await new Promise<void>((resolve) => {
    if (stop.aborted) resolve();
    stop.addEventListener("abort", () => resolve(), { once: true });
  });
  await server.close();
  await fanout.close();
  await schedules.close();
  blocking.disconnect();
  await admission.close();
  await parts.close();
};
