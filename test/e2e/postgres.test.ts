/** The core of the story where a team runs it: two APIs and two workers, each by itself, on one PostgreSQL and one Redis. */
import { randomBytes } from "node:crypto";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { httpPack, upload, zip } from "../kit/pack.ts";
import { missingPostgres, startTestPostgres } from "../kit/postgres.ts";
import { createBelongings, type Started, untilListening } from "../kit/process.ts";
import { startTestRedis } from "../kit/redis.ts";
import { type Reply, readStream, type SseLine, until } from "../kit/system.ts";

interface Job {
  readonly id: string;
  readonly state: string;
  readonly result: Record<string, unknown>;
}
interface Api {
  readonly url: string;
  readonly token: string;
}

const wait = { prefer: "wait=30" };
const instances = "/api/integrations/instances";

const driver = `
  async test_connection() { return { status: "connected", latency_ms: 1 }; }
  async inventory_list() {
    const { status } = (await this.transports.http.request({ path: "/vms/7" })).json();
    return [{ type: "vm", external_id: "7", name: "seven", attrs: { status }, labels: {} }];
  }
  async vm_power({ verb, target, dryRun }) {
    if (!dryRun) { const [answer] = await this.apply(); return { ok: true, details: { status: answer.status } }; }
    const { status } = (await this.transports.http.request({ path: "/vms/" + target.id })).json();
    return { ok: true, severity: "info", preconditions: [], plan: { kind: "api", steps: [
      { transport: "http", method: "POST", path: "/vms/" + target.id + "/" + verb } ] },
      effects: { summary: verb, per_target: [{ id: target.id, from: status, to: verb === "start" ? "running" : "stopped" }] } };
  }`;

/** A device with one machine that can be started and stopped. */
const createDevice = () => {
  const device = { status: "running", writes: [] as string[] };
  const server = createServer((request, response) => {
    const verb = /\/vms\/7\/(start|stop)$/.exec(request.url ?? "")?.[1];
    if (request.method === "POST" && verb !== undefined) {
      device.writes.push(verb);
      device.status = verb === "start" ? "running" : "stopped";
    }
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify({ status: device.status }));
  });
  return { device, server };
};

describe.skipIf(missingPostgres !== undefined && process.env["SWITCHYARD_TEST_STRICT"] !== "1")(
  "separate roles on PostgreSQL and an external Redis",
  () => {
    const own = createBelongings();
    const { device, server } = createDevice();
    const workers: { started: Started; dataDir: string }[] = [];
    let shared: Record<string, string> = {};
    let one: Api = { url: "", token: "" };
    let two: Api = { url: "", token: "" };
    let instance = "";
    let port = 0;

    const startApi = async (): Promise<Api> => {
      const dataDir = own.folder();
      const url = await untilListening(
        own.start({ ...shared, SWITCHYARD_ROLE: "api", SWITCHYARD_DATA: dataDir }),
        dataDir,
      );
      return { url, token: readFileSync(join(dataDir, "admin.token"), "utf8").trim() };
    };
    const startWorker = (): void => {
      const dataDir = own.folder();
      workers.push({ started: own.start({ ...shared, SWITCHYARD_ROLE: "worker", SWITCHYARD_DATA: dataDir }), dataDir });
    };
    const call = async <T = Record<string, unknown>>(
      { url, token }: Api,
      [method, path]: readonly [string, string],
      body?: unknown,
      headers: Record<string, string> = {},
    ): Promise<Reply<T>> => {
      const isForm = body instanceof FormData;
      const response = await fetch(`${url}${path}`, {
        method,
        headers: {
          authorization: `Bearer ${token}`,
          ...(body === undefined || isForm ? {} : { "content-type": "application/json" }),
          ...headers,
        },
        ...(body === undefined ? {} : { body: isForm ? body : JSON.stringify(body) }),
      });
      const text = await response.text();
      return { status: response.status, headers: response.headers, body: text === "" ? null : JSON.parse(text) };
    };
    const watch = async ({ url, token }: Api, jobId: string): Promise<SseLine[]> => {
      const headers = { authorization: `Bearer ${token}`, accept: "text/event-stream" };
      const lines: SseLine[] = [];
      for await (const line of readStream(await fetch(`${url}/api/jobs/${jobId}/events`, { headers })))
        lines.push(line);
      return lines;
    };
    const act = (api: Api, body: object, headers: Record<string, string> = {}) =>
      call<Job>(api, ["POST", `${instances}/${instance}/actions`], body, { ...wait, ...headers });
    const untilWorkers = (count: number): Promise<true> =>
      until(async () => {
        const ready = await fetch(`${one.url}/readyz`).then(
          (response) => response.json() as Promise<{ workers: number }>,
        );
        return ready.workers === count ? true : undefined;
      }, `${count} workers`).catch((error: unknown) => {
        throw new Error(`${String(error)}: ${workers.map(({ started }) => started.output()).join("\n")}`);
      });

    beforeAll(async () => {
      const postgres = own.add(await startTestPostgres(), (it) => it.stop());
      const redis = own.add(await startTestRedis(), (it) => it.stop());
      const keyFile = join(own.folder(), "master.key");
      writeFileSync(keyFile, randomBytes(32).toString("base64"), { mode: 0o600 });
      shared = {
        DATABASE_URL: await postgres.createDatabase(),
        REDIS_URL: redis.url,
        SWITCHYARD_MASTER_KEY_FILE: keyFile,
        SWITCHYARD_PACKS_DIR: own.folder(),
      };
      port = await own.server(server);
    }, 60_000);
    afterAll(() => own.giveBack(), 60_000);

    it("a worker that comes before any API says what it waits for, and ends", async () => {
      const early = own.start({ ...shared, SWITCHYARD_ROLE: "worker", SWITCHYARD_DATA: own.folder() });
      expect(await early.ended()).toBe(1);
      expect(early.output().trim().split("\n")).toEqual([expect.stringContaining("start the API role first")]);
    });

    it("two APIs that start at once migrate once, print and leave their addresses, and know each other's admin token", async () => {
      [one, two] = await Promise.all([startApi(), startApi()]);
      expect(one.token).not.toBe(two.token);
      for (const { url } of [one, two]) {
        for (const { token } of [one, two]) {
          expect(await call({ url, token }, ["GET", "/api/whoami"])).toMatchObject({
            status: 200,
            body: { role: "admin" },
          });
        }
      }
      // One person, from here on, at both: an idempotency key belongs to its principal.
      two = { url: two.url, token: one.token };
    }, 40_000);

    it("a worker with another master key is refused", async () => {
      const key = randomBytes(32).toString("hex");
      const { SWITCHYARD_MASTER_KEY_FILE: _, ...rest } = shared;
      const env = { ...rest, SWITCHYARD_ROLE: "worker", SWITCHYARD_DATA: own.folder(), SWITCHYARD_MASTER_KEY: key };
      const other = own.start(env);
      expect(await other.ended()).toBe(78);
      expect(other.output().trim().split("\n")).toEqual([expect.stringContaining("SWITCHYARD_MASTER_KEY")]);
    });

    it("what is uploaded to one API is installed by a worker and seen by the other", async () => {
      startWorker();
      startWorker();
      await untilWorkers(2);
      const bytes = await zip(httpPack("acme.vm", { driver }));
      const posted = await call<Job>(one, ["POST", "/api/integrations/types/upload"], upload(bytes));
      expect(posted.status).toBe(202);
      const lines = await watch(two, posted.body.id);
      expect(lines.at(-1)?.data).toMatchObject({ state: "succeeded" });
      expect(lines.map(({ id }) => id)).toEqual(lines.map((_, index) => index + 1));
      expect(await call(two, ["GET", "/api/integrations/types/acme.vm"])).toMatchObject({ body: { status: "valid" } });
    }, 60_000);

    it("an instance made at one API is tested, listed and refreshed at the other", async () => {
      const created = await call<{ instance_id: string }>(one, ["POST", instances], {
        type_id: "acme.vm",
        name: "rack",
        config: { host: "127.0.0.1", port },
        secrets: { token: "a secret of the device" },
      });
      expect(created.status, JSON.stringify(created.body)).toBe(201);
      instance = created.body.instance_id;
      const tested = await call<Job>(two, ["POST", `${instances}/${instance}/test`], undefined, wait);
      expect(tested).toMatchObject({ status: 200, body: { result: { status: "connected" } } });
      const listed = await call(two, ["GET", `${instances}/${instance}/inventory?type=vm&active_only=false`]);
      expect(listed.body).toMatchObject({ items: [{ external_id: "7", attrs: { status: "running" } }] });
      const path = `${instances}/${instance}/inventory/refresh`;
      const refreshed = await call<Job>(one, ["POST", path], { type: "vm" }, wait);
      expect(refreshed.body.result).toMatchObject({ by_type: { vm: { count: 1 } } });
    }, 60_000);

    it("a plan made at one API is run at the other, once, and undone", async () => {
      const stop = { capability: "vm.power", verb: "stop", target: { type: "vm", id: "7" } };
      const planned = await act(one, { ...stop, dry_run: true });
      expect(planned.status, JSON.stringify(planned.body)).toBe(200);
      expect(device.writes).toEqual([]);
      const body = { ...stop, plan_id: planned.body.result["plan_id"] };
      const key = { "idempotency-key": "stop-seven" };
      const ran = await act(two, body, key);
      expect(ran.body, JSON.stringify(ran.body)).toMatchObject({ state: "succeeded", result: { steps_done: 1 } });
      const again = await act(one, body, key);
      expect(again.body.id).toBe(ran.body.id);
      const other = await act(one, { ...stop, verb: "start" }, key);
      expect(other).toMatchObject({ status: 409, body: { code: "idempotency_conflict" } });
      expect(device.writes).toEqual(["stop"]);
      const undone = await call<Job>(one, ["POST", `/api/jobs/${ran.body.id}/undo`], { confirm: true }, wait);
      expect(undone.body, JSON.stringify(undone.body)).toMatchObject({ state: "succeeded" });
      expect(device.writes).toEqual(["stop", "start"]);
      const [here, there] = [await watch(one, ran.body.id), await watch(two, ran.body.id)];
      expect(here).toEqual(there);
      expect(here.filter(({ data }) => data["phase"] === "write")).toHaveLength(2);
      expect(here.at(-1)?.event).toBe("job.done");
    }, 60_000);

    it("a worker that lacks a release fetches it by its digest", async () => {
      const releasesOf = (dataDir: string): string[] => {
        const dir = join(dataDir, "releases");
        return existsSync(dir) ? readdirSync(dir).filter((name) => /^[0-9a-f]{64}$/.test(name)) : [];
      };
      const { body } = await call<{ release: { digest: string } }>(one, ["GET", "/api/integrations/types/acme.vm"]);
      for (const { started } of workers.splice(0)) expect(await started.stop(), started.output()).toBe(0);
      startWorker();
      await untilWorkers(1);
      const [fresh] = workers;
      expect(releasesOf(fresh?.dataDir ?? "")).toEqual([]);
      const tested = await call<Job>(one, ["POST", `${instances}/${instance}/test`], undefined, wait);
      expect(tested.body).toMatchObject({ state: "succeeded" });
      expect(releasesOf(fresh?.dataDir ?? "")).toEqual([body.release.digest.replace(/^sha256:/, "")]);
    }, 60_000);

    it("a token that is revoked at one API has its streams closed at the other", async () => {
      const made = await call<{ id: string; token: string }>(one, ["POST", "/api/tokens"], {
        name: "watcher",
        role: "viewer",
      });
      const headers = { authorization: `Bearer ${made.body.token}`, accept: "text/event-stream" };
      const response = await fetch(`${two.url}/api/events`, { headers });
      expect(response.status).toBe(200);
      const closed = (async () => {
        const lines: SseLine[] = [];
        for await (const line of readStream(response)) lines.push(line);
        return "closed";
      })().catch(() => "closed");
      expect((await call(one, ["DELETE", `/api/tokens/${made.body.id}`])).status).toBe(204);
      expect(await closed).toBe("closed");
      const after = await fetch(`${two.url}/api/whoami`, { headers: { authorization: headers.authorization } });
      expect(after.status).toBe(401);
    }, 20_000);
  },
);
