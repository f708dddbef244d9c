/**
 * A team's installation: two APIs and three workers, each as if on a host of its own (a data folder and a key file of its
 * own), with one Redis and one PostgreSQL between them. Any of them may die, be of another version, or be cut off.
 */
import { randomBytes } from "node:crypto";
import { copyFileSync, existsSync, readdirSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { everything } from "../kit/copies.ts";
import { httpPack, upload, zip } from "../kit/pack.ts";
import { missingPostgres, startTestPostgres } from "../kit/postgres.ts";
import { createBelongings, type Started, untilListening } from "../kit/process.ts";
import { startTestRedis } from "../kit/redis.ts";
import { type Reply, readStream, type SseLine, until } from "../kit/system.ts";

interface Job {
  readonly id: string;
  readonly state: string;
  readonly attempt: number;
  readonly result: Record<string, unknown>;
  readonly error: unknown;
}
interface Host {
  readonly started: Started;
  readonly dataDir: string;
}
interface Api extends Host {
  readonly url: string;
}

const instances = "/api/integrations/instances";
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

describe.skipIf(missingPostgres !== undefined && process.env["SWITCHYARD_TEST_STRICT"] !== "1")("many hosts", () => {
  const own = createBelongings();
  let shared: Record<string, string> = {};
  let databaseUrl = "";
  let firstKey = "";
  let apis: Api[] = [];
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
  const watch = async (at: number, jobId: string): Promise<SseLine[]> => {
    const headers = { ...adminToken, accept: "text/event-stream" };
    const lines: SseLine[] = [];
    for await (const line of readStream(await fetch(`${apis[at]?.url}/api/jobs/${jobId}/events`, { headers })))
      lines.push(line);
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
  const letGo = (): void => {
    isHolding = false;
    for (const answer of held.splice(0)) answer();
  };

  beforeAll(async () => {
    const postgres = own.add(await startTestPostgres(), (it) => it.stop());
    const redis = own.add(await startTestRedis(), (it) => it.stop());
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
    apis = [first, await startApi()];
    for (let at = 0; at < 3; at += 1) startWorker();
    await untilWorkers(3);
    const form = upload(await zip(httpPack("acme.vm", { driver })));
    const posted = await call<Job>(0, ["POST", "/api/integrations/types/upload"], form, { prefer: "wait=30" });
    expect(posted.status, JSON.stringify(posted.body)).toBe(200);
    instance = await add(1, "rack");
  }, 120_000);
  afterAll(() => own.giveBack(), 60_000);

  it("what is uploaded to one API runs on every worker, which fetches the release by its digest", async () => {
    isHolding = true;
    // More than two workers have slots for: each of the three gets some.
    const posted = await Promise.all(Array.from({ length: 12 }, (_, at) => test(at % 2)));
    await until(async () => (held.length === 12 ? true : undefined), "twelve contacts at once");
    letGo();
    for (const { body } of posted) expect(await untilSettled(0, body.id)).toMatchObject({ state: "succeeded" });
    expect(workers.map(releasesOf).map(({ length }) => length)).toEqual([1, 1, 1]);
    expect(new Set(workers.flatMap(releasesOf)).size).toBe(1);
  }, 120_000);

  it("a token that is revoked at one API has its streams closed at the other", async () => {
    const viewer = { name: "watcher", role: "viewer" };
    const made = await call<{ id: string; token: string }>(0, ["POST", "/api/tokens"], viewer);
    const headers = { authorization: `Bearer ${made.body.token}`, accept: "text/event-stream" };
    const response = await fetch(`${apis[1]?.url}/api/events`, { headers });
    expect(response.status).toBe(200);
    const closed = (async () => {
      for await (const _ of readStream(response));
    })().catch(() => undefined);
    expect((await call(0, ["DELETE", `/api/tokens/${made.body.id}`])).status).toBe(204);
    await closed;
    expect((await fetch(`${apis[1]?.url}/api/whoami`, { headers })).status).toBe(401);
  }, 20_000);

  it("a worker that is killed in the midst of jobs loses none, and its watchers miss no line", async () => {
    isHolding = true;
    const posted = await Promise.all(Array.from({ length: 9 }, (_, at) => test(at % 2)));
    await until(async () => (held.length >= 9 ? true : undefined), "nine contacts at once");
    const watched = posted.map(({ body }, at) => watch(at % 2, body.id));
    const victim = workers.shift();
    victim?.started.child.kill("SIGKILL");
    letGo();
    for (const [at, { body }] of posted.entries()) {
      expect(await untilSettled(at % 2, body.id)).toMatchObject({ state: "succeeded" });
      const lines = await watched[at];
      expect(lines?.map(({ id }) => id)).toEqual(lines?.map((_, index) => index + 1));
      expect(lines?.at(-1)?.event).toBe("job.done");
    }
    startWorker();
    await untilWorkers(3);
  }, 120_000);

  it("an API that is killed takes nothing along: the other goes on, and what it had accepted is done", async () => {
    isHolding = true;
    const { body } = await test(0);
    const [first, second] = apis as [Api, Api];
    first.started.child.kill("SIGKILL");
    await first.started.ended();
    letGo();
    apis = [second, second];
    expect(await untilSettled(1, body.id)).toMatchObject({ state: "succeeded" });
    expect((await test(1, { prefer: "wait=20" })).body).toMatchObject({ state: "succeeded" });
    apis = [await startApi(first.dataDir), second];
    expect(await jobAt(0, body.id)).toMatchObject({ state: "succeeded" });
  }, 120_000);

  it("a kind of job that the older workers do not know goes to the newer one, and costs no attempt", async () => {
    for (const { started } of workers.splice(0)) expect(await started.stop(), started.output()).toBe(0);
    await untilWorkers(0);
    const preload = `--import=${join(import.meta.dirname, "..", "kit", "older-version.ts")}`;
    const older = { NODE_OPTIONS: preload, TEST_UNKNOWN_KINDS: "instance.test_connection" };
    startWorker(older);
    startWorker(older);
    await untilWorkers(2);
    const before = contacts;
    const { body } = await test(0);
    // What they know they do meanwhile.
    const known = await call<Job>(
      0,
      ["POST", `${instances}/${instance}/inventory/refresh`],
      { type: "vm" },
      { prefer: "wait=20" },
    );
    expect(known.body, JSON.stringify(known.body)).toMatchObject({ state: "succeeded" });
    expect(await jobAt(1, body.id)).toMatchObject({ state: "queued", attempt: 0 });
    expect(contacts).toBe(before);
    startWorker();
    expect(await untilSettled(1, body.id)).toMatchObject({ state: "succeeded", attempt: 1 });
    // The older ones follow.
    for (const { started } of workers.splice(0, 2)) expect(await started.stop(), started.output()).toBe(0);
    startWorker();
    startWorker();
    await untilWorkers(3);
  }, 120_000);

  it("another master key reaches every host's own file while jobs go on, and a new host wants the new one", async () => {
    const oldFile = join(own.folder(), "old.key");
    copyFileSync(firstKey, oldFile);
    let isOver = false;
    const load = [0, 1].map(async (at) => {
      // Each changes an instance of its own: a test that meets another's change is refused, and rightly so.
      const changed = await add(at, `shelf ${at}`);
      while (!isOver) {
        const { body } = await test(at, { prefer: "wait=20" }, changed);
        expect(body, JSON.stringify(body)).toMatchObject({ state: "succeeded" });
        const secrets = { token: `a secret ${randomBytes(4).toString("hex")}` };
        expect((await call(at, ["PATCH", `${instances}/${changed}`], { secrets })).status).toBe(200);
      }
    });
    const posted = await call<Job>(0, ["POST", "/api/vault/rotate"]);
    const settled = await untilSettled(1, posted.body.id);
    isOver = true;
    await Promise.all(load);
    expect(settled, JSON.stringify(settled)).toMatchObject({ state: "succeeded", result: { processes: 5 } });
    const files = [...apis, ...workers].map(({ dataDir }) => readFileSync(join(dataDir, "master.key"), "utf8"));
    expect(new Set(files).size).toBe(1);
    expect(files[0]).not.toBe(readFileSync(oldFile, "utf8"));
    const { instance_secrets, meta } = await everything(databaseUrl);
    expect(JSON.stringify({ instance_secrets, meta })).not.toContain(settled.result["previous_key_id"]);
    const late = own.folder();
    copyFileSync(oldFile, join(late, "master.key"));
    const refused = own.start({ ...shared, SWITCHYARD_ROLE: "worker", SWITCHYARD_DATA: late });
    expect(await refused.ended()).toBe(78);
    expect(refused.output()).toContain("is not the one that sealed");
    startWorker();
    await untilWorkers(4);
  }, 90_000);

  it("a host whose key is set from outside takes part with the key before it, and the exchange ends", async () => {
    const extra = workers.pop();
    await extra?.started.stop();
    // One worker has its key by the environment: it can be told a new one, not tell it itself.
    const [old = ""] = [readFileSync(firstKey, "utf8").trim()];
    const next = randomBytes(32).toString("base64");
    const dataDir = own.folder();
    startWorker({ SWITCHYARD_MASTER_KEY: next, SWITCHYARD_MASTER_KEY_PREVIOUS: old }, dataDir);
    await untilWorkers(4);
    expect(existsSync(join(dataDir, "master.key"))).toBe(false);
    const posted = await call<Job>(0, ["POST", "/api/vault/rotate"]);
    expect(await untilSettled(1, posted.body.id)).toMatchObject({ state: "succeeded" });
    for (const host of [...apis, ...workers.slice(0, -1)]) {
      expect(readFileSync(join(host.dataDir, "master.key"), "utf8").trim()).toBe(next);
    }
    expect((await test(0, { prefer: "wait=20" })).body).toMatchObject({ state: "succeeded" });
  }, 120_000);
});
