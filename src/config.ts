/** The only reader of the environment and of switchyard.yaml. */
import { existsSync, readFileSync, statSync } from "node:fs";
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
  readonly masterKey: {
    readonly value?: string;
    /** The key before `value`, while processes are given the new one in turn. */
    readonly previous?: string;
    readonly file: string;
    readonly isOwn: boolean;
  };
  readonly adminToken: string | null;
  readonly concurrency: number;
  readonly workers: number;
  readonly packsDir: string;
  readonly dropinsDir: string;
  readonly retentionDays: number;
  readonly corsOrigins: readonly string[];
  readonly minSandbox: "full" | "degraded";
  readonly packSignatures: "allow" | "require";
  /** Public Ed25519 keys whose signatures of packs count: a name, and 32 bytes as base64url. */
  readonly trustedKeys: readonly { readonly name: string; readonly key: string }[];
  readonly catalogUrl: string | null;
  /** Where traces go: the base URL of a collector. */
  readonly otlpUrl: string | null;
  /** What the collector wants to see beside, such as a key: a secret. */
  readonly otlpHeaders: Readonly<Record<string, string>>;
  readonly logLevel: string;
  /** For tests: a file that may name a waypoint at which one worker stops. From the environment alone. */
  readonly pauseFile: string | null;
}

/** A setting that cannot be used: one line that names it, what was expected and what was found. */
export class SettingError extends Error {}

/** What a process of ours ends with when a setting is wrong: trying again would not help. */
export const settingExitCode = 78;

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

const withoutPassword = (text: string): string => text.split("@").at(-1) ?? "";

const url = (source: Source, name: string, schemes: readonly [string, ...string[]]): string | null => {
  const text = source[name];
  if (text === undefined || text === "") return null;
  const scheme = schemes.find((one) => text.startsWith(one));
  // Paths of sockets, and lists of sentinels, are no URLs in the sense of the standard.
  const isWhole = scheme === "/" || scheme === "unix://" || scheme === "sentinel://" || URL.canParse(text);
  if (scheme === undefined || !isWhole || text.length === scheme.length) {
    throw wrong(name, `a URL that begins with ${schemes.join(" or ")}`, withoutPassword(text));
  }
  return text;
};

const matching = (source: Source, name: string, rule: { pattern: RegExp; expected: string }): string | null => {
  const text = source[name];
  if (text === undefined || text === "") return null;
  if (!rule.pattern.test(text)) throw wrong(name, rule.expected, text);
  return text;
};

/** The value itself is not for logs. */
const hidden = (source: Source, name: string, rule: { pattern: RegExp; expected: string }): string | null => {
  const text = source[name];
  if (text === undefined || text === "") return null;
  if (!rule.pattern.test(text)) throw wrong(name, rule.expected, `${text.length} other characters`);
  return text;
};

const isFolder = (path: string): boolean => {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
};

/** The usual folder may be missing, one that was asked for may not. */
const folder = (source: Source, name: string, place: { cwd: string; fallback: string }): string => {
  const text = source[name];
  if (text === undefined || text === "") return resolve(place.cwd, place.fallback);
  if (!isFolder(resolve(place.cwd, text))) throw wrong(name, "a folder", text);
  return resolve(place.cwd, text);
};

const isOrigin = (text: string): boolean =>
  /^https?:/.test(text) && URL.canParse(text) && new URL(text).origin === text;

const origins = (source: Source, name: string): string[] => {
  const found = list(source, name);
  const other = found.find((text) => !isOrigin(text));
  if (other !== undefined) throw wrong(name, "origins such as https://console.example, separated by commas", other);
  return found;
};

const known: ReadonlySet<string> = new Set([
  ...["DATA", "HOST", "PORT", "ROLE", "MASTER_KEY", "MASTER_KEY_FILE", "ADMIN_TOKEN", "CONCURRENCY", "WORKERS"],
  "MASTER_KEY_PREVIOUS",
  ...["PACKS_DIR", "DROPINS_DIR", "RETENTION_DAYS", "CORS_ORIGINS", "MIN_SANDBOX", "PACK_SIGNATURES", "TRUSTED_KEYS"],
  ...["CATALOG", "OTLP_URL", "LOG"],
]);

const fileName = "switchyard.yaml";

const parseFile = (path: string): unknown => {
  try {
    return parse(readFileSync(path, "utf8")) ?? {};
  } catch (error) {
    const [first = "it cannot be read"] = (error as Error).message.split("\n", 1);
    throw new SettingError(`${fileName}: expected a YAML mapping of settings, found ${first}`);
  }
};

const settingName = (key: string): string => {
  const upper = key.toUpperCase().replace(/^SWITCHYARD_/, "");
  if (upper === "REDIS_URL" || upper === "DATABASE_URL") return upper;
  if (known.has(upper)) return `SWITCHYARD_${upper}`;
  throw new SettingError(
    `${fileName}: expected names of settings, found ${JSON.stringify(key)}, which is an unknown one`,
  );
};

const settingText = (name: string, value: unknown): string => {
  if (value === null) return "";
  if (Array.isArray(value)) return value.map((item) => settingText(name, item)).join(",");
  if (typeof value !== "object") return String(value);
  throw new SettingError(`${fileName}: setting ${name}: expected one value or a list, found a mapping`);
};

/** `switchyard.yaml`: the same settings under the same names (or in lower case without the prefix); environment wins. */
const readFile = (path: string): Source => {
  if (!existsSync(path)) return {};
  const document = parseFile(path);
  if (typeof document !== "object" || document === null || Array.isArray(document)) {
    throw new SettingError(`${fileName}: expected a mapping of settings, found ${JSON.stringify(document)}`);
  }
  return Object.fromEntries(
    Object.entries(document).map(([key, value]) => {
      const name = settingName(key);
      return [name, settingText(name, value)];
    }),
  );
};

/** Separate roles meet in a Redis that all of them reach. */
const redisOf = (source: Source, role: Config["role"]): string | null => {
  const redisUrl = url(source, "REDIS_URL", ["redis://", "rediss://", "sentinel://", "unix://", "/"]);
  if (redisUrl === null && role !== "all") throw wrong("REDIS_URL", `a URL for SWITCHYARD_ROLE=${role}`, "");
  return redisUrl;
};

/** The name that collectors' own documentation uses is understood as well. */
const otlpOf = (source: Source): string | null =>
  url(source, "SWITCHYARD_OTLP_URL", ["http://", "https://"]) ??
  url(source, "OTEL_EXPORTER_OTLP_ENDPOINT", ["http://", "https://"]);

/** `name=value,name=value`, values percent-encoded. */
const headersOf = (source: Source, name: string): Record<string, string> =>
  Object.fromEntries(
    list(source, name).map((pair) => {
      const [, header, value = ""] = /^([\w-]+)=((?:%[0-9a-fA-F]{2}|[^%])*)$/.exec(pair) ?? [];
      if (header === undefined) throw wrong(name, "name=value pairs, separated by commas", "something else");
      const decoded = value.replaceAll(/%(..)/g, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)));
      return [header, decoded.trim()];
    }),
  );

/** `name=key` or the key alone, separated by commas. */
const trustedKeysOf = (source: Source): Config["trustedKeys"] =>
  list(source, "SWITCHYARD_TRUSTED_KEYS").map((text) => {
    const [, name, key] = /^(?:([\w.@-]{1,100})=)?([\w-]{43})$/.exec(text) ?? [];
    if (key === undefined)
      throw wrong("SWITCHYARD_TRUSTED_KEYS", "name=key, a key being 43 characters of base64url", text);
    return { name: name ?? `ed25519:${key.slice(0, 12)}`, key };
  });

/** With nobody to trust nothing could be installed, which nobody means. */
const signaturesOf = (source: Source): "allow" | "require" => {
  const asked = choice(source, "SWITCHYARD_PACK_SIGNATURES", ["allow", "require"]);
  if (asked === "require" && trustedKeysOf(source).length === 0) {
    throw wrong("SWITCHYARD_PACK_SIGNATURES", "allow, or keys in SWITCHYARD_TRUSTED_KEYS as well", asked);
  }
  return asked;
};

const keyText = {
  pattern: /^\s*([0-9a-fA-F]{64}|[\w+/-]{43}=?)\s*$/,
  expected: "32 bytes as 64 hex digits or as base64",
};
const tokenText = { pattern: /^[\x21-\x7e]{1,512}$/, expected: "at most 512 printable characters without spaces" };
const hostText = { pattern: /^[\w.:%-]+$/, expected: "an address or a host name to listen on" };

/**
 * Reads and checks all settings.
 * @throws SettingError for the first one that is wrong.
 */
export const loadConfig = (environment: Source, cwd: string): Config => {
  // An empty variable is none, as when a container file passes on what was not set.
  const given = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ""));
  const source: Source = { ...readFile(resolve(cwd, fileName)), ...given };
  const dataDir = resolve(cwd, source["SWITCHYARD_DATA"] || "./data");
  const key = hidden(source, "SWITCHYARD_MASTER_KEY", keyText);
  const previousKey = hidden(source, "SWITCHYARD_MASTER_KEY_PREVIOUS", keyText);
  const keyFile = source["SWITCHYARD_MASTER_KEY_FILE"];
  const role = choice(source, "SWITCHYARD_ROLE", ["all", "api", "worker"]);
  return {
    role,
    dataDir,
    host: matching(source, "SWITCHYARD_HOST", hostText) ?? "127.0.0.1",
    port: whole(source, "SWITCHYARD_PORT", { fallback: 8080, min: 0, max: 65_535 }),
    redisUrl: redisOf(source, role),
    databaseUrl: url(source, "DATABASE_URL", ["postgres://", "postgresql://"]) ?? resolve(dataDir, "switchyard.db"),
    masterKey: {
      ...(key === null ? {} : { value: key }),
      ...(previousKey === null ? {} : { previous: previousKey }),
      file: keyFile ? resolve(cwd, keyFile) : resolve(dataDir, "master.key"),
      isOwn: key === null && !keyFile,
    },
    adminToken: hidden(source, "SWITCHYARD_ADMIN_TOKEN", tokenText),
    concurrency: whole(source, "SWITCHYARD_CONCURRENCY", { fallback: 16, min: 1, max: 1000 }),
    workers: whole(source, "SWITCHYARD_WORKERS", { fallback: 1, min: 1, max: 64 }),
    packsDir: folder(source, "SWITCHYARD_PACKS_DIR", { cwd, fallback: "./integrations" }),
    dropinsDir: folder(source, "SWITCHYARD_DROPINS_DIR", { cwd, fallback: "/etc/switchyard/integrations.d" }),
    retentionDays: whole(source, "SWITCHYARD_RETENTION_DAYS", { fallback: 90, min: 1, max: 36_500 }),
    corsOrigins: origins(source, "SWITCHYARD_CORS_ORIGINS"),
    minSandbox: choice(source, "SWITCHYARD_MIN_SANDBOX", ["degraded", "full"]),
    packSignatures: signaturesOf(source),
    trustedKeys: trustedKeysOf(source),
    catalogUrl: source["SWITCHYARD_CATALOG"] || null,
    otlpUrl: otlpOf(source),
    otlpHeaders: headersOf(source, "OTEL_EXPORTER_OTLP_HEADERS"),
    logLevel: choice(source, "SWITCHYARD_LOG", ["info", "debug", "warn", "error", "fatal", "trace", "silent"]),
    pauseFile: environment["SWITCHYARD_PAUSE_FILE"] || null,
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

/** npm takes an option for its own where no `--` stands before it, and tells what it runs by a variable alone. */
export const hasNpmTakenLab = (): boolean => process.env["npm_config_lab"] === "true";

/** Settings of this process, from its environment and folder. */
export const ownConfig = (): Config => loadConfig(process.env, process.cwd());
