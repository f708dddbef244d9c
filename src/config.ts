/** The only reader of the environment and of switchyard.yaml. */
import { existsSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { parse } from "yaml";

export interface Config {
  readonly role: "all" | "api" | "worker";
  readonly dataDir: string;
  readonly host: string;
  /** 0 = any free one. */
  readonly port: number;
  /** Unset: a private Redis under the data folder. */
  readonly redisUrl: string | null;
  /** A file path (SQLite) or `postgres://...`. */
  readonly databaseUrl: string;
  readonly masterKey: { readonly value?: string; readonly file: string; readonly isOwn: boolean };
  readonly adminToken: string | null;
  readonly concurrency: number;
  readonly workers: number;
  readonly packsDir: string;
  readonly dropinsDir: string;
  readonly retentionDays: number;
  readonly corsOrigins: readonly string[];
  readonly minSandbox: "full" | "degraded";
  readonly packSignatures: "allow" | "require";
  readonly trustedKeys: readonly string[];
  readonly catalogUrl: string | null;
  readonly otlpUrl: string | null;
  readonly logLevel: string;
}

/** A setting that cannot be used: one line that names it, what was expected and what was found. */
export class SettingError extends Error {}

type Source = Readonly<Record<string, string | undefined>>;

const wrong = (name: string, expected: string, found: string): SettingError =>
  new SettingError(`setting ${name}: expected ${expected}, found ${JSON.stringify(found)}`);

const whole = (source: Source, name: string, range: { fallback: number; min: number; max: number }): number => {
  const text = source[name];
  if (text === undefined || text === "") return range.fallback;
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < range.min || value > range.max) {
    throw wrong(name, `a whole number from ${range.min} to ${range.max}`, text);
  }
  return value;
};

const choice = <const T extends string>(source: Source, name: string, options: readonly [T, ...T[]]): T => {
  const text = source[name];
  if (text === undefined || text === "") return options[0];
  const found = options.find((option) => option === text);
  if (found === undefined) throw wrong(name, `one of ${options.join(", ")}`, text);
  return found;
};

const list = (source: Source, name: string): string[] =>
  (source[name] ?? "")
    .split(",")
    .map((item) => item.trim())
    .filter((item) => item !== "");

const url = (source: Source, name: string, schemes: readonly string[]): string | null => {
  const text = source[name];
  if (text === undefined || text === "") return null;
  if (!schemes.some((scheme) => text.startsWith(scheme)))
    throw wrong(name, `a URL that begins with ${schemes.join(" or ")}`, text.split("@").at(-1) ?? "");
  return text;
};

const known: ReadonlySet<string> = new Set([
  ...["DATA", "HOST", "PORT", "ROLE", "MASTER_KEY", "MASTER_KEY_FILE", "ADMIN_TOKEN", "CONCURRENCY", "WORKERS"],
  ...["PACKS_DIR", "DROPINS_DIR", "RETENTION_DAYS", "CORS_ORIGINS", "MIN_SANDBOX", "PACK_SIGNATURES", "TRUSTED_KEYS"],
  ...["CATALOG", "OTLP_URL", "LOG"],
]);

/** `switchyard.yaml`: the same settings under the same names (or in lower case without the prefix); environment wins. */
const readFile = (path: string): Source => {
  if (!existsSync(path)) return {};
  const document: unknown = parse(readFileSync(path, "utf8")) ?? {};
  if (typeof document !== "object" || Array.isArray(document)) {
    throw new SettingError("switchyard.yaml: expected a mapping of settings");
  }
  return Object.fromEntries(
    Object.entries(document as Record<string, unknown>).map(([key, value]) => {
      const upper = key.toUpperCase().replace(/^SWITCHYARD_/, "");
      const isUrl = upper === "REDIS_URL" || upper === "DATABASE_URL";
      if (!isUrl && !known.has(upper))
        throw new SettingError(`switchyard.yaml: unknown setting ${JSON.stringify(key)}`);
      return [isUrl ? upper : `SWITCHYARD_${upper}`, Array.isArray(value) ? value.join(",") : String(value)];
    }),
  );
};

/**
 * Reads and checks all settings.
 * @throws SettingError for the first one that is wrong.
 */
export const loadConfig = (environment: Source, cwd: string): Config => {
  const source: Source = { ...readFile(resolve(cwd, "switchyard.yaml")), ...environment };
  const path = (name: string, fallback: string): string => resolve(cwd, source[name] || fallback);
  const dataDir = path("SWITCHYARD_DATA", "./data");
  const key = source["SWITCHYARD_MASTER_KEY"];
  const keyFile = source["SWITCHYARD_MASTER_KEY_FILE"];
  return {
    role: choice(source, "SWITCHYARD_ROLE", ["all", "api", "worker"]),
    dataDir,
    host: source["SWITCHYARD_HOST"] || "127.0.0.1",
    port: whole(source, "SWITCHYARD_PORT", { fallback: 8080, min: 0, max: 65_535 }),
    redisUrl: url(source, "REDIS_URL", ["redis://", "rediss://", "unix://", "/"]),
    databaseUrl: url(source, "DATABASE_URL", ["postgres://", "postgresql://"]) ?? resolve(dataDir, "switchyard.db"),
    masterKey: {
      ...(key ? { value: key } : {}),
      file: keyFile ? resolve(cwd, keyFile) : resolve(dataDir, "master.key"),
      isOwn: !key && !keyFile,
    },
    adminToken: source["SWITCHYARD_ADMIN_TOKEN"] || null,
    concurrency: whole(source, "SWITCHYARD_CONCURRENCY", { fallback: 16, min: 1, max: 1000 }),
    workers: whole(source, "SWITCHYARD_WORKERS", { fallback: 1, min: 1, max: 64 }),
    packsDir: path("SWITCHYARD_PACKS_DIR", "./integrations"),
    dropinsDir: path("SWITCHYARD_DROPINS_DIR", "/etc/switchyard/integrations.d"),
    retentionDays: whole(source, "SWITCHYARD_RETENTION_DAYS", { fallback: 90, min: 1, max: 36_500 }),
    corsOrigins: list(source, "SWITCHYARD_CORS_ORIGINS"),
    minSandbox: choice(source, "SWITCHYARD_MIN_SANDBOX", ["degraded", "full"]),
    packSignatures: choice(source, "SWITCHYARD_PACK_SIGNATURES", ["allow", "require"]),
    trustedKeys: list(source, "SWITCHYARD_TRUSTED_KEYS"),
    catalogUrl: source["SWITCHYARD_CATALOG"] || null,
    otlpUrl: url(source, "SWITCHYARD_OTLP_URL", ["http://", "https://"]),
    logLevel: choice(source, "SWITCHYARD_LOG", ["info", "debug", "warn", "error", "fatal", "trace", "silent"]),
  };
};

/** The environment of a process of ours: what this one has, with the role and the Redis it shall use. */
export const environmentFor = (
  config: Config,
  child: { readonly role: "api" | "worker"; readonly redisUrl: string; readonly port: number },
): Record<string, string | undefined> => ({
  ...process.env,
  SWITCHYARD_ROLE: child.role,
  SWITCHYARD_DATA: config.dataDir,
  REDIS_URL: child.redisUrl,
  SWITCHYARD_PORT: String(child.port),
});

/** An environment for programs that need none of our settings. */
export const plainEnvironment = (): Record<string, string | undefined> => ({
  PATH: process.env["PATH"],
  HOME: process.env["HOME"],
  LANG: process.env["LANG"],
});

/** Settings of this process, from its environment and folder. */
export const ownConfig = (): Config => loadConfig(process.env, process.cwd());
