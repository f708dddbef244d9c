/** What this process knows for a support bundle: versions, settings without secrets, health, figures, the latest log. */
import { readFileSync } from "node:fs";
import { arch, cpus, platform, release, totalmem } from "node:os";
import { join } from "node:path";
import type { Config } from "../config.ts";
import { allFigures } from "../live/figures.ts";
import { liveWorkers } from "../live/leases.ts";
import { countStanding } from "../live/locks.ts";
import { recentLines } from "../live/recent-log.ts";
import type { Json, JsonObject } from "../model/json.ts";
import { schemaVersion } from "../store/migrations/all.ts";
import type { BundleFacts } from "../upkeep/support-bundle.ts";
import { coreVersion, type Parts } from "./parts.ts";

const isSet = (value: unknown): string => (value === null || value === undefined ? "not set" : "set");

/** Which one it is, and never where or with which password. */
const schemeOf = (url: string | null): string => (url === null ? "private" : (/^[a-z]+(?=:)/.exec(url)?.[0] ?? "file"));

const settingsOf = (config: Config): JsonObject => ({
  role: config.role,
  host: config.host,
  port: config.port,
  redis: schemeOf(config.redisUrl),
  database: schemeOf(config.databaseUrl),
  master_key: config.masterKey.value === undefined ? (config.masterKey.isOwn ? "own file" : "file") : "environment",
  admin_token: isSet(config.adminToken),
  concurrency: config.concurrency,
  workers: config.workers,
  retention_days: config.retentionDays,
  cors_origins: config.corsOrigins.length,
  min_sandbox: config.minSandbox,
  pack_signatures: config.packSignatures,
  trusted_keys: config.trustedKeys.length,
  catalog: isSet(config.catalogUrl),
  otlp: isSet(config.otlpUrl),
  otlp_headers: Object.keys(config.otlpHeaders),
  log: config.logLevel,
});

const decoded = (text: string): string[] => {
  try {
    return [decodeURIComponent(text)];
  } catch {
    return [];
  }
};

/** As it stands and as it is meant. A list of sentinels is no URL to the language. */
export const passwordsIn = (url: string | null): string[] => {
  const [, password = ""] = /^[a-z]+:\/\/[^@/]*?:([^@/]*)@/i.exec(url ?? "") ?? [];
  const parsed = url !== null && URL.canParse(url) ? new URL(url).password : "";
  return [password, parsed].filter((text) => text !== "").flatMap((text) => [text, ...decoded(text)]);
};

const fileText = (path: string): string => {
  try {
    return readFileSync(path, "utf8").trim();
  } catch {
    return "";
  }
};

/** What this process holds in clear text and nobody else may see. */
const secretsOf = (config: Config): string[] => [
  config.masterKey.value ?? "",
  fileText(config.masterKey.file),
  config.adminToken ?? "",
  fileText(join(config.dataDir, "admin.token")),
  ...passwordsIn(config.redisUrl),
  ...passwordsIn(config.databaseUrl),
  ...passwordsIn(config.otlpUrl),
  ...Object.values(config.otlpHeaders),
];

const redisFacts = async ({ redis }: Parts): Promise<JsonObject> => {
  const info = await redis.info();
  const wanted = [
    "redis_version",
    "valkey_version",
    "used_memory_human",
    "connected_clients",
    "aof_enabled",
    "uptime_in_seconds",
  ];
  const lines = info.split("\r\n").map((line) => line.split(":", 2) as [string, string?]);
  return Object.fromEntries(lines.filter(([name]) => wanted.includes(name)).map(([name, value = ""]) => [name, value]));
};

/** What cannot be found out says why. */
const orReason = <T>(work: Promise<T>): Promise<T | string> =>
  work.catch((error: unknown) => `not known: ${error instanceof Error ? error.name : "an error"}`);

const healthOf = async (parts: Parts): Promise<JsonObject> => ({
  redis: await orReason(redisFacts(parts)),
  workers: (await orReason(liveWorkers(parts.redis))) as unknown as Json,
  queues: (await orReason(parts.queue.counts())) as unknown as Json,
  standing: await orReason(countStanding(parts.redis)),
});

export const supportFacts = async (config: Config, parts: Parts): Promise<BundleFacts> => ({
  versions: {
    ...{ switchyard: coreVersion, schema: schemaVersion, node: process.version },
    ...{ platform: platform(), release: release(), arch: arch(), cpus: cpus().length, memory_bytes: totalmem() },
  },
  settings: settingsOf(config),
  health: await healthOf(parts),
  metrics: await parts.metrics.text(await allFigures(parts.redis).catch(() => [])),
  logLines: await recentLines(parts.redis).catch(() => []),
  secrets: secretsOf(config),
});
