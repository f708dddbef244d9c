/** Canary secrets go through every kind of job and every kind of failure; afterwards they lie nowhere but sealed. */
import { randomBytes } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { catalog } from "../../src/jobs/catalog.ts";
import { type Answer, type Caller, callerOf } from "../kit/caller.ts";
import { type Answerer, type HttpDevice, startHttp } from "../kit/device.ts";
import { filesBelow } from "../kit/files.ts";
import { upload, zip } from "../kit/pack.ts";
import { descendants, type Reply, type System, startSystem, until } from "../kit/system.ts";
import { canaryId, canaryPack, hows } from "./canary-pack.ts";
import { findIn, findPlain, memoryOf, shownBy } from "./search.ts";

const random = (): string => randomBytes(9).toString("hex");

/** Each of its own kind; none of them is written anywhere else. */
const canaries = {
  long: `canary-long-${random()}-${random()}-${random()}`,
  quoted: `canary "quo'ted" ${random()}\n\\back</b>&`,
  encoded: Buffer.from(`canary+${random()}/?>`).toString("base64"),
  session: `canary-session-${random()}`,
  csrf: `canary-csrf-${random()}`,
  pin: `canary-pin-${random()}`,
  replaced: `canary-replaced-${random()}`,
  unfit: `canary unfit ${random()} \u00fc`,
} as const;
/** Too short to be searched for in texts: it may stand where a device says it, never by the runner's own doing. */
const short = "q~7}Z";

const expectedEndings = [
  ...["succeeded", "driver_failed", "device_error", "auth_failed", "permission_denied_remote", "response_invalid"],
  ...["response_timeout", "endpoint_not_allowed", "handle_misplaced", "read_only_violation", "job_cancelled"],
  ...["sandbox_crashed", "sandbox_out_of_memory", "plan_blocked", "pack_invalid", "response_too_large"],
];

const echo: Answerer = ({ url, headers, body }, response) => {
  const { pathname } = new URL(url, "http://device");
  const { "x-short": _short, ...others } = headers;
  const text = JSON.stringify({ url, headers: others, body });
  const name = pathname.split("/").at(-1) ?? "";
  if (name === "login") {
    response.setHeader("set-cookie", `SID=${canaries.session}; HttpOnly`);
    return void response.end(JSON.stringify({ csrf: canaries.csrf, text }));
  }
  if (name === "reset") return void response.destroy();
  if (name === "hang") return;
  if (name === "redirect") response.setHeader("location", `http://127.0.0.1:1/?q=${encodeURIComponent(text)}`);
  if (name === "large") return void response.end(text.repeat(60_000));
  if (name === "garbage") return void response.end(`<html>${text}`);
  response.setHeader("x-echo", encodeURIComponent(text));
  const status = name === "redirect" ? 302 : /^\d+$/.test(name) && name !== "1" ? Number(name) : 200;
  response.writeHead(status, { "content-type": "application/json" }).end(text);
};

/** The database of the system under test. */
export interface Remembered {
  /** What the system is told; absent: SQLite in its data folder. */
  readonly databaseUrl?: string;
  /** All it kept, by name, once the system has stopped. */
  contents?(): readonly (readonly [string, Buffer])[];
  stop?(): Promise<void>;
}

export const describeSecrets = (name: string, remember: () => Promise<Remembered>) =>
  describe(name, () => {
    let system: System;
    let remembered: Remembered;
    let caller: Caller;
    let device: HttpDevice;
    let instance: string;
    const replies: unknown[] = [];
    const jobs = new Set<string>();
    const kinds = new Set<string>();
    const endings = new Set<string>();

    /** Asks, and keeps what was answered for the search. */
    const ask = async <T = Record<string, unknown>>(...args: Parameters<System["call"]>): Promise<Reply<T>> => {
      const reply = await system.call<T>(...args);
      replies.push([reply.status, [...reply.headers], reply.body]);
      const { id, job_id, kind } = (reply.body ?? {}) as { id?: string; job_id?: string; kind?: string };
      const found = job_id ?? (kind === undefined ? undefined : id);
      if (found?.startsWith("job_")) jobs.add(found);
      return reply;
    };
    const act = async (capability: string, params: object, more: object = {}): Promise<Reply<Answer["body"]>> => {
      const verb = capability === "canary.look" ? "read" : "go";
      const body = { capability, verb, target: { type: "vm", id: "1" }, params, ...more };
      const path = `/api/integrations/instances/${instance}/actions?debug=true`;
      return ask(...(["POST", path, body, { prefer: "wait=30" }] as const));
    };
    const config = (mood = "") => ({ host: "127.0.0.1", port: device.port, user: "joe", mood });
    const secrets = { token: canaries.long, short, quoted: canaries.quoted, encoded: canaries.encoded };
    const waited = { prefer: "wait=60" };

    beforeAll(async () => {
      device = await startHttp(echo);
      remembered = await remember();
      const { databaseUrl } = remembered;
      const env = { SWITCHYARD_LOG: "trace", ...(databaseUrl === undefined ? {} : { DATABASE_URL: databaseUrl }) };
      system = await startSystem({ env, around: ["prlimit", "--core=unlimited"] });
      caller = callerOf(system);
      await caller.install(canaryPack());
    }, 90_000);
    afterAll(async () => {
      await system?.dispose();
      await device?.close();
      await remembered?.stop?.();
    });

    it("are taken, replaced and refused without being told again", async () => {
      const path = "/api/integrations/instances";
      const made = await ask<{ instance_id: string }>("POST", path, {
        ...{ type_id: canaryId, name: "canary", config: config(), secrets: { ...secrets, token: canaries.replaced } },
      });
      expect(made.status).toBe(201);
      instance = made.body.instance_id;
      expect((await ask("PATCH", `${path}/${instance}`, { secrets: { token: canaries.long } })).status).toBe(200);
      const unfit = [{ secrets: { token: canaries.unfit } }, { secrets: { short: canaries.unfit } }];
      const asConfig = [
        { config: { ...config(), token: canaries.unfit } },
        { config: { ...config(), other: canaries.unfit } },
      ];
      for (const body of [...unfit, ...asConfig.slice(0, 1)]) {
        expect((await ask("PATCH", `${path}/${instance}`, body)).status).toBe(400);
      }
      for (const body of [...unfit, ...asConfig.slice(0, 1)]) {
        const wrong = { type_id: canaryId, name: "unfit", config: config(), ...body };
        expect((await ask("POST", path, wrong)).status).toBe(400);
      }
    });

    it("go through tests and inventories, good and bad", async () => {
      for (const mood of ["", "error", "throws", "shape"]) {
        const path = `/api/integrations/instances/${instance}`;
        await ask("PATCH", path, { config: config(mood) });
        await ask("POST", `${path}/test?debug=true`, undefined, waited);
        await ask("POST", `${path}/inventory/refresh?debug=true`, {}, waited);
        for (const view of ["", "/inventory?type=vm", "/inventory/summary", "/inventory/changes"])
          await ask("GET", path + view);
      }
      await ask("PATCH", `/api/integrations/instances/${instance}`, { config: config() });
      const tested = await ask("POST", `/api/integrations/instances/${instance}/test`, undefined, waited);
      expect(tested.body).toMatchObject({ state: "succeeded" });
    });

    it("go through every ending of a driver, and every action", async () => {
      const quick = hows.filter((how) => how !== "waits");
      expect(quick.length).toBeGreaterThan(20);
      await Promise.all(quick.map((how) => act("canary.look", { how, pin: canaries.pin })));
      for (const how of ["1", "401", "500", "hang", "reset"]) await act("canary.free", { how, pin: canaries.pin });
      for (const how of ["both:fine", "both:says", "plan:throws", "apply:throws", "after:fine", "blocked:fine"]) {
        await act("canary.act", { how, pin: canaries.pin }, { dry_run: true });
        await act("canary.act", { how, pin: canaries.pin });
      }
      expect((await act("canary.look", { how: "fine", pin: ["", canaries.pin] })).status).toBe(400);
    });

    it("go through cancels, retries, undos and plans that are shown", async () => {
      const body = {
        capability: "canary.look",
        verb: "read",
        target: { type: "vm", id: "1" },
        params: { how: "waits" },
      };
      const path = `/api/integrations/instances/${instance}/actions`;
      const waiting = await ask<{ id: string }>("POST", path, body);
      await until(async () => {
        const accept = { accept: "application/json" };
        const { body: page } = await ask<{ items: object[] }>(
          "GET",
          `/api/jobs/${waiting.body.id}/events`,
          undefined,
          accept,
        );
        return page.items.length > 0 ? true : undefined;
      }, "it to begin");
      await ask("POST", `/api/jobs/${waiting.body.id}/cancel`);
      await caller.settled(waiting.body.id);
      const again = await ask<{ id: string }>("POST", `/api/jobs/${waiting.body.id}/retry`);
      await ask("POST", `/api/jobs/${again.body.id}/cancel`);
      const done = await act("canary.act", { how: "both:says", pin: canaries.pin });
      expect(done.body).toMatchObject({ state: "succeeded" });
      await ask("POST", `/api/jobs/${done.body.id}/undo`, {}, waited);
      const planned = await act("canary.act", { how: "both:fine" }, { dry_run: true });
      await ask("GET", `/api/plans/${String(planned.body.result?.["plan_id"])}`);
    });

    it("are not hurt by what is done to packs", async () => {
      const types = "/api/integrations/types";
      const send = async (files: Record<string, string>, query = "") =>
        ask("POST", `${types}/upload${query}`, upload(await zip(files)), waited);
      await send(canaryPack("1.1.0"));
      await send(canaryPack("1.2.0", "\nthrow new Error('no');"));
      await send({ "driver.ts": "" });
      for (const step of ["validate", "rollback"]) await ask("POST", `${types}/${canaryId}/${step}`, {}, waited);
      await ask("GET", `${types}?rescan=true`);
      await ask("DELETE", `${types}/${canaryId}`, undefined, waited);
      await act("canary.look", { how: "fine" });
      await send(canaryPack("1.3.0"));
      await ask("POST", `/api/integrations/instances/${instance}/test`, undefined, waited);
    });

    it("are not told by what is done to the whole system", async () => {
      const { body } = await ask<{ paths: Record<string, object> }>("GET", "/api/openapi.json");
      const whole = ["/api/vault/rotate", "/api/backups", "/api/support-bundles"].filter((path) => path in body.paths);
      for (const path of whole) await ask("POST", path, undefined, waited);
      await act("canary.look", { how: "says" });
    });

    it("are in no reply, no event and no list", async () => {
      const { body } = await ask<{ items: { id: string }[] }>("GET", "/api/jobs?limit=500");
      for (const { id } of body.items) jobs.add(id);
      for (const id of jobs) {
        const settled = await caller.settled(id, 60_000);
        kinds.add((await ask<{ kind: string }>("GET", `/api/jobs/${id}`)).body.kind);
        endings.add(settled.error?.code ?? settled.state);
        replies.push(await system.watch(id));
        await ask("GET", `/api/jobs/${id}/events?limit=500`, undefined, { accept: "application/json" });
        await ask("GET", `/api/jobs/${id}/journal`);
      }
      const lists = [
        "/api/audit?limit=500",
        "/api/tokens",
        "/api/schedules",
        "/api/doctor",
        "/api/integrations/instances",
      ];
      for (const path of [...lists, "/api/integrations/types"]) await ask("GET", path);
      replies.push(await (await fetch(`${system.url}/metrics`)).text());
      expect([...kinds].sort()).toEqual(Object.keys(catalog).sort());
      expect(expectedEndings.filter((ending) => !endings.has(ending))).toEqual([]);
      expect(findIn({ ...canaries, short }, "replies", Buffer.from(JSON.stringify(replies)))).toEqual([]);
      expect(JSON.stringify(replies)).toContain("[secret:token]");
    });

    it("are in no log", () => {
      expect(system.output().length).toBeGreaterThan(1_000);
      expect(findIn({ ...canaries, short }, "the log", Buffer.from(system.output()))).toEqual([]);
    });

    it("are in no argument and no environment of a process", () => {
      const processes = descendants(system.pid);
      expect(processes.length).toBeGreaterThan(3);
      const key = readFileSync(join(system.dataDir, "master.key"), "utf8").trim();
      const all = { ...canaries, short, "the admin's token": system.token, "the master key": key };
      const found = [system.pid, ...processes.map(({ pid }) => pid)].flatMap((pid) =>
        findIn(all, `process ${pid}`, shownBy(pid)),
      );
      expect(found).toEqual([]);
    });

    it("are in no sandbox's memory, though its driver has used every one of them", async () => {
      await act("canary.look", { how: "says" });
      const pids = system.pids("switchyard-sandbox").filter((pid) => existsSync(`/proc/${pid}/mem`));
      expect(pids.length).toBeGreaterThan(0);
      const chunks = pids.flatMap(memoryOf);
      expect(chunks.some((chunk) => chunk.includes("[secret:token]") || chunk.includes("swh_"))).toBe(true);
      expect(chunks.flatMap((chunk) => findPlain({ ...canaries, short }, "a sandbox", chunk))).toEqual([]);
    });

    it("are in no core file: no process of ours may leave one", () => {
      const pids = [system.pid, ...descendants(system.pid).map(({ pid }) => pid)];
      const limitOf = (pid: number): string =>
        /^Max core file size\s+(\S+)\s+(\S+)/m
          .exec(readFileSync(`/proc/${pid}/limits`, "utf8"))
          ?.slice(1)
          .join(" ") ?? "";
      expect(new Set(pids.map(limitOf))).toEqual(new Set(["0 0"]));
      expect(readdirSync(process.cwd()).filter((name) => /^core(\.\d+)?$/.test(name))).toEqual([]);
    });

    it("are in no file of the data folder, neither Redis' nor the database's, but sealed", async () => {
      const { dataDir } = system;
      await system.stop();
      const files = filesBelow(dataDir).map((file) => [file, readFileSync(file)] as const);
      const kept = [...files, ...(remembered.contents?.() ?? [])];
      const database = remembered.contents === undefined ? "switchyard.db" : "the dump";
      const [, content] = kept.find(([file]) => file.endsWith(database)) ?? [];
      expect(content?.includes(canaryId)).toBe(true);
      expect(kept.map(([file]) => file)).toContainEqual(expect.stringMatching(/appendonly.*aof/));
      expect(kept.flatMap(([file, content]) => findIn({ ...canaries, short }, file, content))).toEqual([]);
    });
  });
