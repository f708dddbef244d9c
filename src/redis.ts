/** The one door to Redis: connections to it, and what a server says of itself. */
import { once } from "node:events";
import { Redis as IoRedis, type RedisOptions } from "ioredis";
import { SwitchyardError } from "./errors.ts";

/** A connection; `status` is `ready` while commands reach the server. */
export type Redis = IoRedis;

export interface ConnectionOptions {
  /** Shown in `CLIENT LIST`. */
  readonly name?: string;
  /** `producer`: a command fails at once while Redis is away. `consumer` (default): it waits until Redis is back. */
  readonly role?: "producer" | "consumer";
}

const reconnectMs = (times: number): number => Math.min(20 * 2 ** Math.min(times, 6), 1000);

type Options = RedisOptions & { replyMapping?: "legacy" };
const roleOptions: Readonly<Record<"producer" | "consumer", Options>> = {
  producer: { enableOfflineQueue: false, maxRetriesPerRequest: 0, commandTimeout: 10_000 },
  consumer: { maxRetriesPerRequest: null },
};

/** Where a server of Redis listens. */
export interface RedisPlace {
  readonly host: string;
  readonly port: number;
}

const sentinelPlace = (entry: string): RedisPlace => {
  const at = entry.lastIndexOf(":");
  return at < 0 ? { host: entry, port: 26379 } : { host: entry.slice(0, at), port: Number(entry.slice(at + 1)) };
};

/** `sentinel://[:password@]host:port,host:port/name[/db]` */
const sentinelOptions = (url: string): (Options & { readonly sentinels: RedisPlace[] }) | undefined => {
  const found = /^sentinel:\/\/(?:[^@/]*:([^@/]*)@)?([^/]+)\/([^/]+)(?:\/(\d+))?$/.exec(url);
  if (found === null) return undefined;
  const [, password, hosts = "", name = "", db = "0"] = found;
  const sentinels = hosts.split(",").map(sentinelPlace);
  return { sentinels, name, db: Number(db), ...(password ? { password: decodeURIComponent(password) } : {}) };
};

/**
 * Connects to `redis://`, `rediss://`, `sentinel://host:port,.../name`, or a socket (`/path`, `unix:///path`).
 * Returns at once; it connects, and connects again, by itself.
 */
export const connectRedis = (url: string, { name, role = "consumer" }: ConnectionOptions = {}): Redis => {
  const options: Options = {
    ...roleOptions[role],
    retryStrategy: reconnectMs,
    ...(name === undefined ? {} : { connectionName: name }),
  };
  const sentinels = sentinelOptions(url);
  const path = url.replace(/^unix:\/\//, "");
  const redis = sentinels ? new IoRedis({ ...options, ...sentinels }) : new IoRedis(path, options);
  // Without a listener every lost connection is printed; callers see it as failed commands and by `isUp`.
  redis.on("error", () => undefined);
  return redis;
};

const connectedTo = ({ stream }: Redis): RedisPlace[] => {
  const { remoteAddress: host, remotePort: port } = (stream ?? {}) as { remoteAddress?: string; remotePort?: number };
  return host === undefined || port === undefined ? [] : [{ host, port }];
};

const urlPlaces = (url: string): readonly RedisPlace[] => {
  const sentinels = sentinelOptions(url)?.sentinels;
  if (sentinels !== undefined) return sentinels;
  if (!/^rediss?:/.test(url) || !URL.canParse(url)) return [];
  const { hostname, port } = new URL(url);
  return [{ host: hostname === "" ? "localhost" : hostname, port: port === "" ? 6379 : Number(port) }];
};

/** Where the servers behind a URL listen, sentinels included, and where the connection leads now; none for a socket. */
export const redisPlaces = (url: string, redis: Redis): readonly RedisPlace[] => [
  ...urlPlaces(url),
  ...connectedTo(redis),
];

/** A connection for BullMQ: queues produce, workers consume. */
export const bullConnection = (url: string, role: "producer" | "consumer" = "consumer"): Redis =>
  connectRedis(url, { name: `switchyard-queue-${role}`, role });

/** Whether commands reach the server now, as far as this connection knows. */
export const isUp = (redis: Redis): boolean => redis.status === "ready";

/** Calls the listener now when connected, and after each reconnection. Returns how to stop. */
export const onReady = (redis: Redis, listener: () => void): (() => void) => {
  redis.on("ready", listener);
  if (isUp(redis)) listener();
  return () => void redis.off("ready", listener);
};

/** Resolves when connected. @throws SwitchyardError `queue_unavailable` after `timeoutMs`. */
export const untilReady = async (redis: Redis, timeoutMs: number): Promise<void> => {
  if (isUp(redis)) return;
  const signal = AbortSignal.timeout(timeoutMs);
  await once(redis, "ready", { signal }).catch(() => {
    throw new SwitchyardError("queue_unavailable", {
      detail: `Expected Redis to answer within ${timeoutMs} ms, but it did not; look whether it runs and REDIS_URL is right.`,
    });
  });
};

export interface ServerFacts {
  readonly pid: number;
  readonly isLoading: boolean;
  readonly version: string;
}

/** What the server that listens on a socket says of itself; undefined when none does. */
export const askServer = async (path: string): Promise<ServerFacts | undefined> => {
  const redis = new IoRedis(path, {
    lazyConnect: true,
    retryStrategy: null,
    enableReadyCheck: false,
    connectTimeout: 2000,
    commandTimeout: 2000,
    disableClientInfo: true,
    protocol: 2,
  });
  redis.on("error", () => undefined);
  try {
    await redis.connect();
    const info = await redis.info();
    const field = (name: string): string => new RegExp(`^${name}:(.*?)\\r?$`, "m").exec(info)?.[1] ?? "";
    return { pid: Number(field("process_id")), isLoading: field("loading") === "1", version: field("redis_version") };
  } catch {
    return undefined;
  } finally {
    redis.disconnect();
  }
};
