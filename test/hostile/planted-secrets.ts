/** Canary secrets go through every kind of job and every kind of failure; afterwards they lie nowhere but sealed. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { catalog } from "../../src/jobs/catalog.ts";
import type { Answer } from "../kit/caller.ts";
import { type HttpDevice, startHttp } from "../kit/device.ts";
import { upload, zip } from "../kit/pack.ts";
import { type Reply, until } from "../kit/system.ts";
import { canaries, canaryDevice, short } from "./canary-device.ts";
import { canaryId, canaryPack, hows } from "./canary-pack.ts";
import { searchPlaces } from "./planted-places.ts";
import { type Planted, type Remembered, startPlanted } from "./planted-system.ts";
import { unpacked } from "./unpack.ts";

const expectedEndings = [
  ...["succeeded", "driver_failed", "device_error", "auth_failed", "permission_denied_remote", "response_invalid"],
  ...["response_timeout", "endpoint_not_allowed", "handle_misplaced", "read_only_violation", "job_cancelled"],
  ...["sandbox_crashed", "sandbox_out_of_memory", "plan_blocked", "pack_invalid", "response_too_large"],
  ...["crash_loop", "outcome_unknown"],
];
/** What does not end by itself, or is asked for where something else happens meanwhile. */
const lasting = ["waits", "slow"];
const waited = { prefer: "wait=60" };
const instances = "/api/integrations/instances";

type Job = Answer["body"];

export const describeSecrets = (name: string, remember: () => Promise<Remembered>) =>
  describe(name, () => {
    let planted: Planted;
    let device: HttpDevice;
    let instance: string;
    const ask: Planted["ask"] = (...args) => planted.ask(...args);

    interface Options {
      readonly target?: string;
      readonly wait?: number;
      readonly more?: object;
    }
    const act = (capability: string, params: object, { target = "1", wait = 30, more }: Options = {}) => {
      const verb = capability === "canary.look" ? "read" : "go";
      const body = { capability, verb, target: { type: "vm", id: target }, params, ...more };
      const headers: Record<string, string> = wait === 0 ? {} : { prefer: `wait=${wait}` };
      return ask<Job>("POST", `${instances}/${instance}/actions?debug=true`, body, headers);
    };
    const config = (mood = "") => ({ host: "127.0.0.1", port: device.port, user: "joe", mood });
    const secrets = { token: canaries.long, short, quoted: canaries.quoted, encoded: canaries.encoded };
    /** How often the driver of a job has said something. */
    const timesBegun = async ({ body: { id } }: Reply<Job>): Promise<number> => {
      const accept = { accept: "application/json" };
      const { body } = await ask<{ items: { phase: string }[] }>("GET", `/api/jobs/${id}/events`, undefined, accept);
      return body.items.filter(({ phase }) => phase === "driver").length;
    };
    const untilBegun = (job: Reply<Job>, times = 1): Promise<true> =>
      until(async () => ((await timesBegun(job)) >= times ? true : undefined), `try ${times} to begin`, 60_000);

    beforeAll(async () => {
      device = await startHttp(canaryDevice());
      planted = await startPlanted(await remember());
      await planted.caller.install(canaryPack());
    }, 90_000);
    afterAll(async () => {
      await planted?.dispose();
      await device?.close();
    });

    it("are taken, replaced and refused without being told again", async () => {
      const made = await ask<{ instance_id: string }>("POST", instances, {
        ...{ type_id: canaryId, name: "canary", config: config(), secrets: { ...secrets, token: canaries.replaced } },
      });
      expect(made.status).toBe(201);
      instance = made.body.instance_id;
      expect((await ask("PATCH", `${instances}/${instance}`, { secrets: { token: canaries.long } })).status).toBe(200);
      const unfit = [
        { secrets: { token: canaries.unfit } },
        { secrets: { short: canaries.unfit } },
        { config: { ...config(), token: canaries.unfit } },
      ];
      for (const body of unfit) {
        expect((await ask("PATCH", `${instances}/${instance}`, body)).status).toBe(400);
        const wrong = { type_id: canaryId, name: "unfit", config: config(), ...body };
        expect((await ask("POST", instances, wrong)).status).toBe(400);
      }
    });

    it("go through tests and inventories, good and bad", async () => {
      const path = `${instances}/${instance}`;
      for (const mood of ["", "error", "throws", "shape"]) {
        await ask("PATCH", path, { config: config(mood) });
        await ask("POST", `${path}/test?debug=true`, undefined, waited);
        await ask("POST", `${path}/inventory/refresh?debug=true`, {}, waited);
        for (const view of ["", "/inventory?type=vm", "/inventory/summary", "/inventory/changes"])
          await ask("GET", path + view);
      }
      await ask("PATCH", path, { config: config() });
      expect((await ask("POST", `${path}/test`, undefined, waited)).body).toMatchObject({ state: "succeeded" });
    });

    it("go through every ending of a driver, and every action", async () => {
      const quick = hows.filter((how) => !lasting.includes(how));
      expect(quick.length).toBeGreaterThan(20);
      await Promise.all(quick.map((how) => act("canary.look", { how, pin: canaries.pin })));
      for (const how of ["1", "401", "500", "hang", "reset"]) await act("canary.free", { how, pin: canaries.pin });
      for (const how of ["both:fine", "both:says", "plan:throws", "apply:throws", "after:fine", "blocked:fine"]) {
        await act("canary.act", { how, pin: canaries.pin }, { more: { dry_run: true } });
        await act("canary.act", { how, pin: canaries.pin });
      }
      expect((await act("canary.look", { how: "fine", pin: ["", canaries.pin] })).status).toBe(400);
    });

    it("go through cancels, retries, undos and plans that are shown", async () => {
      const waiting = await act("canary.look", { how: "waits" }, { wait: 0 });
      await untilBegun(waiting);
      await ask("POST", `/api/jobs/${waiting.body.id}/cancel`);
      await planted.caller.settled(waiting.body.id);
      const again = await ask<{ id: string }>("POST", `/api/jobs/${waiting.body.id}/retry`);
      await ask("POST", `/api/jobs/${again.body.id}/cancel`);
      const done = await act("canary.act", { how: "both:says", pin: canaries.pin });
      expect(done.body).toMatchObject({ state: "succeeded" });
      await ask("POST", `/api/jobs/${done.body.id}/undo`, {}, waited);
      const planned = await act("canary.act", { how: "both:fine" }, { more: { dry_run: true } });
      await ask("GET", `/api/plans/${String(planned.body.result?.["plan_id"])}`);
    });

    it("go through workers that are killed in the middle, once and again", { timeout: 120_000 }, async () => {
      const { system, caller } = planted;
      const sent = (end: string) => device.seen.some(({ url }) => url.endsWith(end)) || undefined;
      const doomed = await act("canary.look", { how: "waits", pin: canaries.pin }, { wait: 0 });
      const twice = await act("canary.look", { how: "slow", pin: canaries.pin }, { wait: 0 });
      await untilBegun(doomed);
      await until(() => sent("/slow"), "the slow question");
      const cut = await act("canary.act", { how: "plan:fine", pin: canaries.pin }, { target: "silent", wait: 0 });
      await until(() => sent("/vms/silent/go"), "the write");
      system.kill("switchyard-worker");
      for (const times of [2, 3]) {
        await untilBegun(doomed, times);
        if (times === 3) await caller.settled(twice.body.id, 60_000);
        system.kill("switchyard-worker");
      }
      expect((await caller.settled(doomed.body.id, 60_000)).error?.code).toBe("crash_loop");
      expect(await caller.settled(twice.body.id)).toMatchObject({ state: "succeeded" });
      expect(await caller.settled(cut.body.id)).toMatchObject({ state: "unknown_outcome" });
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
      await ask("POST", `${instances}/${instance}/test`, undefined, waited);
    });

    it("are not told by what is done to the whole system", async () => {
      for (const path of ["/api/vault/rotate", "/api/backups"]) {
        expect((await ask("POST", path, undefined, waited)).body).toMatchObject({ state: "succeeded" });
      }
      const bundle = await ask<{ id: string }>("POST", "/api/support-bundles", undefined, waited);
      await planted.download(`/api/support-bundles/${bundle.body.id}`);
      await act("canary.look", { how: "says" });
    });

    searchPlaces({
      planted: () => planted,
      canaries: () => ({ ...canaries, short }),
      use: () => act("canary.look", { how: "says" }),
      expectSeen: ({ kinds, endings }) => {
        expect([...kinds].sort()).toEqual(Object.keys(catalog).sort());
        expect(expectedEndings.filter((ending) => !endings.has(ending))).toEqual([]);
        const names = planted.files.map(([name]) => name.split("/").at(-1) ?? "");
        expect(names).toEqual(expect.arrayContaining(["echo.txt", "echo.json", "echo.bin"]));
        expect(planted.files.flatMap(unpacked).map(([place]) => place)).toContainEqual(
          expect.stringMatching(/:log\.jsonl$/),
        );
      },
      kept: canaryId,
      packed: [/\/backups\/[^/]*:lines$/, /:value \d+:decompressed$|:\w+\.content:decompressed$/],
    });
  });
