/**
 * A team's installation: two APIs and three workers, each as if on a host of its own (a data folder and a key file of its
 * own), with one Redis and one PostgreSQL between them, and a device that holds its answers back when it is told to.
 */
import { randomBytes } from "node:crypto";
import { copyFileSync, existsSync, readdirSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { httpPack, upload, zip } from "./pack.ts";
import { startTestPostgres, type TestPostgres } from "./postgres.ts";
import { createBelongings, type Started, untilListening } from "./process.ts";
import { startTestRedis, type TestRedis } from "./redis.ts";
import { type Reply, readStream, type SseLine, until } from "./system.ts";

export interface Job {
  readonly id: string;
  readonly state: string;
  readonly attempt: number;
  readonly result: Record<string, unknown>;
  readonly error: unknown;
}
export interface Host {
  readonly started: Started;
  readonly dataDir: string;
}
export interface Api extends Host {
  readonly url: string;
}

export const instances = "/api/integrations/instances";
const token = randomBytes(24).toString("base64url");
const adminToken = { authorization: `Bearer ${token}` };

/** The device holds each answer for as long as it is told to, so that a worker can be killed in the midst of one. */
const driver = `
  async test_connection() {
    const answer = await this.transports.http.request({ path: "/" });
    return { status: "connected", latency_ms: 1, details: { saw: answer.status } };
  }
  async inventory_list() { return []; }
  async vm_power() { return { ok: true }; }`;

export const createTeam = () => {
  const own = createBelongings();
  const servers: { redis?: TestRedis; postgres?: TestPostgres } = {};
  let shared: Record<string, string> = {};
  let databaseUrl = "";
  let firstKey = "";
  const apis: Api[] = [];
  const workers: Host[] = [];
  let instance = "";
  let port = 0;
  const held: (() => void)[] = [];
  let isHolding = false;
  let contacts = 0;

  /** A host has a data folder, and the key that was given to it by hand. */
  const newHost = (): string => {
    const dataDir = own.folder();
    if (firstKey === "") return dataDir;
    copyFileSync(firstKey, join(dataDir, "master.key"));
    return dataDir;
  };
  const startApi = async (dataDir = newHost()): Promise<Api> => {
    const started = own.start({ ...shared, SWITCHYARD_ROLE: "api", SWITCHYARD_DATA: dataDir });
    return { started, dataDir, url: await untilListening(started, dataDir) };
  };
  const startWorker = (env: Record<string, string> = {}, dataDir = newHost()): Host => {
    const started = own.start({ ...shared, SWITCHYARD_ROLE: "worker", SWITCHYARD_DATA: dataDir, ...env });
    const host = { started, dataDir };
    workers.push(host);
    return host;
  };
  const call = async <T = Record<string, unknown>>(
    at: number,
    [method, path]: readonly [string, string],
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<Reply<T>> => {
    const isForm = body instanceof FormData;
    const json = body === undefined || isForm ? {} : { "content-type": "application/json" };
    const response = await fetch(`${apis[at]?.url}${path}`, {
      method,
      headers: { ...adminToken, ...json, ...headers },
      ...(body === undefined ? {} : { body: isForm ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, headers: response.headers, body: text === "" ? null : JSON.parse(text) };
  };
  const readOn = async (at: number, jobId: string, lines: SseLine[]): Promise<void> => {
    const headers = { ...adminToken, accept: "text/event-stream", "last-event-id": String(lines.at(-1)?.id ?? 0) };
    const response = await fetch(`${apis[at]?.url}/api/jobs/${jobId}/events`, { headers });
    if (response.ok) for await (const line of readStream(response)) lines.push(line);
  };
  /** Who is cut off comes back at the other API. */
  const watch = async (at: number, jobId: string): Promise<SseLine[]> => {
    const lines: SseLine[] = [];
    for (let turn = at; lines.at(-1)?.event !== "job.done"; turn += 1) {
      await readOn(turn % 2, jobId, lines).catch(() => pause(50));
    }
    return lines;
  };
  const untilWorkers = (count: number): Promise<true> =>
    until(async () => {
      const { workers: found } = (await (await fetch(`${apis[0]?.url}/readyz`)).json()) as { workers: number };
      return found === count ? true : undefined;
    }, `${count} workers`);
  const add = async (at: number, name: string): Promise<string> => {
    const asked = {
      type_id: "acme.vm",
      name,
      config: { host: "127.0.0.1", port },
      secrets: { token: "of the device" },
    };
    return (await call<{ instance_id: string }>(at, ["POST", instances], asked)).body.instance_id;
  };
  const test = (at: number, headers: Record<string, string> = {}, of = instance) =>
    call<Job>(at, ["POST", `${instances}/${of}/test`], undefined, headers);
  const jobAt = async (at: number, id: string): Promise<Job> => (await call<Job>(at, ["GET", `/api/jobs/${id}`])).body;
  const untilSettled = (at: number, id: string): Promise<Job> =>
    until(async () => {
      const job = await jobAt(at, id);
      return ["queued", "running", "retrying"].includes(job.state) ? undefined : job;
    }, `the end of ${id}`);
  const releasesOf = ({ dataDir }: Host): string[] => {
    const dir = join(dataDir, "releases");
    return existsSync(dir) ? readdirSync(dir).filter((name) => /^[0-9a-f]{64}$/.test(name)) : [];
  };
  /** Whoever comes from now on waits for its answer. */
  const hold = (): void => {
    isHolding = true;
  };
  const letGo = (): void => {
    isHolding = false;
    for (const answer of held.splice(0)) answer();
  };

  const begin = async (): Promise<void> => {
    const postgres = own.add(await startTestPostgres(), (it) => it.stop());
    const redis = own.add(await startTestRedis(), (it) => it.stop());
    Object.assign(servers, { postgres, redis });
    databaseUrl = await postgres.createDatabase();
    shared = {
      DATABASE_URL: databaseUrl,
      REDIS_URL: redis.url,
      SWITCHYARD_PACKS_DIR: own.folder(),
      SWITCHYARD_ADMIN_TOKEN: token,
      SWITCHYARD_CONCURRENCY: "4",
    };
    const device = createServer((_, response) => {
      contacts += 1;
      const answer = (): void => void response.end("{}");
      if (isHolding) held.push(answer);
      else answer();
    });
    port = await own.server(device);
    // The first API makes the key; the others are given it.
    const first = await startApi();
    firstKey = join(first.dataDir, "master.key");
    apis.push(first, await startApi());
    for (let at = 0; at < 3; at += 1) startWorker();
    await untilWorkers(3);
    const form = upload(await zip(httpPack("acme.vm", { driver })));
    const posted = await call<Job>(0, ["POST", "/api/integrations/types/upload"], form, { prefer: "wait=30" });
    if (posted.status !== 200) throw new Error(`the pack was not installed: ${JSON.stringify(posted.body)}`);
    instance = await add(1, "rack");
  };

  return {
    ...{ own, servers, apis, workers, held },
    ...{
      begin,
      startApi,
      startWorker,
      call,
      watch,
      untilWorkers,
      add,
      test,
      jobAt,
      untilSettled,
      releasesOf,
      hold,
      letGo,
    },
    /** What each process is given. */
    shared: () => shared,
    databaseUrl: () => databaseUrl,
    /** The file of the key that the first API made. */
    firstKey: () => firstKey,
    instance: () => instance,
    /** How often the device was asked. */
    contacts: () => contacts,
  };
};
