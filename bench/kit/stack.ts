/** The real processes for a measure: a private Redis, the API and workers that come and go, in a folder of their own. */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadConfig } from "../../src/config.ts";
import { silentLog } from "../../src/log.ts";
import { type Child, keepRunning } from "../../src/roles/child.ts";
import { roleCommand } from "../../src/roles/command.ts";
import { checkKeys } from "../../src/roles/keys.ts";
import { startRedis } from "../../src/roles/private-redis.ts";
import { migrate } from "../../src/store/open.ts";
import { noopType, writeNoopPack } from "./noop-pack.ts";
import { until } from "./until.ts";

export interface Reply<T> {
  readonly status: number;
  readonly body: T;
}

export interface Stack {
  readonly url: string;
  readonly token: string;
  readonly redisUrl: string;
  readonly dataDir: string;
  /** The instance of the benchmark's pack. */
  readonly instanceId: string;
  call<T = Record<string, unknown>>(method: string, path: string, body?: unknown, wait?: number): Promise<Reply<T>>;
  /** Starts a worker and resolves when it takes jobs; with as many slots as the stack has by default. */
  startWorker(slots?: number): Promise<Child>;
  close(): Promise<void>;
}

export interface StackOptions {
  readonly concurrency?: number;
  /** Where the instance points; nothing listens there by default. */
  readonly device?: { readonly host: string; readonly port: number };
  /** A file of its own when absent. */
  readonly databaseUrl?: string;
  /** Writes further packs below the folder of the shipped ones. */
  readonly writePacks?: (packsDir: string) => void;
}

interface Spawned {
  readonly child: Child;
  /** What the process said when it was ready. */
  readonly ready: Promise<string>;
}

const spawnRole = (name: string, environment: Record<string, string | undefined>, stop: AbortSignal): Spawned => {
  const ready = Promise.withResolvers<string>();
  const child = keepRunning({
    name,
    command: roleCommand,
    environment: () => environment,
    log: silentLog,
    stop,
    onMessage: (message) => ready.resolve((message as { ready: string }).ready),
  });
  return { child, ready: ready.promise };
};

const caller =
  (url: string, token: string): Stack["call"] =>
  async (method, path, body, wait) => {
    const response = await fetch(`${url}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...(wait === undefined ? {} : { prefer: `wait=${wait}` }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, body: text === "" ? null : JSON.parse(text) };
  };

const addInstance = async (call: Stack["call"], device: { host: string; port: number }): Promise<string> => {
  await until(async () => {
    const { body } = await call("GET", `/api/integrations/types/${noopType}`);
    if (body["status"] === "invalid") throw new Error(`the benchmark's pack is invalid: ${JSON.stringify(body)}`);
    return body["status"] === "valid";
  }, "the benchmark's pack to be installed");
  const { status, body } = await call<{ instance_id: string }>("POST", "/api/integrations/instances", {
    type_id: noopType,
    name: "bench",
    config: device,
    secrets: { token: "not-so-secret-token" },
  });
  if (status !== 201) throw new Error(`the instance was refused: ${JSON.stringify(body)}`);
  return body.instance_id;
};

/** Starts Redis and the API, installs the pack, adds the instance; then no worker runs. */
export const startStack = async (options: StackOptions = {}): Promise<Stack> => {
  const dataDir = mkdtempSync(join(tmpdir(), "sw-bench-"));
  const packsDir = join(dataDir, "packs");
  writeNoopPack(packsDir);
  options.writePacks?.(packsDir);
  const redisDir = join(dataDir, "redis");
  mkdirSync(redisDir, { recursive: true });
  const redis = await startRedis({ dir: redisDir, log: silentLog });
  const token = "bench-admin-token-0123456789";
  const environment = {
    ...process.env,
    SWITCHYARD_DATA: dataDir,
    SWITCHYARD_PACKS_DIR: packsDir,
    SWITCHYARD_PORT: "0",
    SWITCHYARD_LOG: "error",
    SWITCHYARD_CONCURRENCY: String(options.concurrency ?? 16),
    SWITCHYARD_ADMIN_TOKEN: token,
    REDIS_URL: redis.url,
    ...(options.databaseUrl === undefined ? {} : { DATABASE_URL: options.databaseUrl }),
  };
  const config = loadConfig(environment, dataDir);
  await migrate(config.databaseUrl);
  await checkKeys(config);
  const stop = new AbortController();
  const running: Child[] = [];
  const start = async (role: string, own: Record<string, string> = {}): Promise<[Child, string]> => {
    const { child, ready } = spawnRole(role, { ...environment, ...own, SWITCHYARD_ROLE: role }, stop.signal);
    running.push(child);
    return [child, await ready];
  };
  const close = async (): Promise<void> => {
    await Promise.all(running.map((child) => child.stop(20_000)));
    await redis.stop();
    rmSync(dataDir, { recursive: true, force: true });
  };
  try {
    const [[, url], [worker]] = await Promise.all([start("api"), start("worker")]);
    const call = caller(url, token);
    const instanceId = await addInstance(call, options.device ?? { host: "127.0.0.1", port: 9 });
    await worker.stop(20_000);
    const startWorker = async (slots?: number): Promise<Child> =>
      (await start("worker", slots === undefined ? {} : { SWITCHYARD_CONCURRENCY: String(slots) }))[0];
    return { url, token, redisUrl: redis.url, dataDir, instanceId, call, startWorker, close };
  } catch (error) {
    await close();
    throw error;
  }
};

/** Makes sure that a measure leaves nothing running, also when it fails. */
export const withStack = async <T>(options: StackOptions, work: (stack: Stack) => Promise<T>): Promise<T> => {
  const stack = await startStack(options);
  try {
    return await work(stack);
  } finally {
    await stack.close();
  }
};
