/** A team's installation: any of its parts may die, be of another version, or be cut off. */
import { randomBytes } from "node:crypto";
import { copyFileSync, existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { rowsWith } from "../kit/copies.ts";
import { missingPostgres } from "../kit/postgres.ts";
import { readStream, type SseLine, until } from "../kit/system.ts";
import { type Api, createTeam, instances, type Job } from "../kit/team.ts";

describe.skipIf(missingPostgres !== undefined && process.env["SWITCHYARD_TEST_STRICT"] !== "1")("many hosts", () => {
  const team = createTeam();
  const { own, servers, apis, workers, held, shared, databaseUrl, firstKey, instance, contacts } = team;
  const { startApi, startWorker, call, watch, untilWorkers, add, test, jobAt, untilSettled, releasesOf, hold, letGo } =
    team;
  const expectExact = (lines: readonly SseLine[] | undefined): void => {
    expect(lines?.map(({ id }) => id)).toEqual(lines?.map((_, index) => index + 1));
    expect(lines?.filter(({ event }) => event === "job.done")).toHaveLength(1);
  };

  beforeAll(() => team.begin(), 120_000);
  afterAll(() => own.giveBack(), 60_000);

  it("what is uploaded to one API runs on every worker, which fetches the release by its digest", async () => {
    hold();
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
    hold();
    const posted = await Promise.all(Array.from({ length: 9 }, (_, at) => test(at % 2)));
    await until(async () => (held.length >= 9 ? true : undefined), "nine contacts at once");
    const watched = posted.map(({ body }, at) => watch(at % 2, body.id));
    const victim = workers.shift();
    victim?.started.child.kill("SIGKILL");
    letGo();
    for (const [at, { body }] of posted.entries()) {
      expect(await untilSettled(at % 2, body.id)).toMatchObject({ state: "succeeded" });
      expectExact(await watched[at]);
    }
    // Its lease outlives it for some seconds: it must not be counted for the one that comes.
    await untilWorkers(2);
    startWorker();
    await untilWorkers(3);
  }, 120_000);

  it("an API that is killed takes nothing along: its watcher comes back at the other, and what it had accepted is done", async () => {
    hold();
    const { body } = await test(0);
    const watched = watch(0, body.id);
    await until(async () => (held.length > 0 ? true : undefined), "the contact");
    const [first, second] = apis as [Api, Api];
    first.started.child.kill("SIGKILL");
    await first.started.ended();
    letGo();
    apis.splice(0, 2, second, second);
    expect(await untilSettled(1, body.id)).toMatchObject({ state: "succeeded" });
    expectExact(await watched);
    expect((await test(1, { prefer: "wait=20" })).body).toMatchObject({ state: "succeeded" });
    apis.splice(0, 2, await startApi(first.dataDir), second);
    expect(await jobAt(0, body.id)).toMatchObject({ state: "succeeded" });
  }, 120_000);

  it.each(["Redis", "PostgreSQL"])(
    "a %s that is killed in the midst of jobs costs none, and no watcher a line",
    async (name) => {
      hold();
      const posted = await Promise.all(Array.from({ length: 6 }, (_, at) => test(at % 2)));
      await until(async () => (held.length >= 6 ? true : undefined), "six contacts at once");
      const watched = posted.map(({ body }, at) => watch(at % 2, body.id));
      const { redis, postgres } = servers;
      if (name === "Redis") await redis?.kill();
      else await postgres?.kill();
      letGo();
      // The answers of the devices come while there is nobody to tell them to.
      await pause(1_000);
      await (name === "Redis" ? redis : postgres)?.restart();
      for (const [at, { body }] of posted.entries()) {
        expect(await untilSettled(at % 2, body.id)).toMatchObject({ state: "succeeded" });
        expectExact(await watched[at]);
      }
      await untilWorkers(3);
      for (const at of [0, 1])
        expect((await test(at, { prefer: "wait=20" })).body).toMatchObject({ state: "succeeded" });
    },
    120_000,
  );

  it("a kind of job that the older workers do not know goes to the newer one, and costs no attempt", async () => {
    for (const { started } of workers.splice(0)) expect(await started.stop(), started.output()).toBe(0);
    await untilWorkers(0);
    const preload = `--import=${join(import.meta.dirname, "..", "kit", "older-version.ts")}`;
    const older = { NODE_OPTIONS: preload, TEST_UNKNOWN_KINDS: "instance.test_connection" };
    startWorker(older);
    startWorker(older);
    await untilWorkers(2);
    const before = contacts();
    const { body } = await test(0);
    // What they know they do meanwhile.
    const known = await call<Job>(
      0,
      ["POST", `${instances}/${instance()}/inventory/refresh`],
      { type: "vm" },
      { prefer: "wait=20" },
    );
    expect(known.body, JSON.stringify(known.body)).toMatchObject({ state: "succeeded" });
    expect(await jobAt(1, body.id)).toMatchObject({ state: "queued", attempt: 0 });
    expect(contacts()).toBe(before);
    startWorker();
    await untilWorkers(3);
    expect(await untilSettled(1, body.id)).toMatchObject({ state: "succeeded", attempt: 1 });
    // The older ones follow.
    for (const { started } of workers.splice(0, 2)) expect(await started.stop(), started.output()).toBe(0);
    startWorker();
    startWorker();
    await untilWorkers(3);
  }, 120_000);

  it("another master key reaches every host's own file while jobs go on, and a new host wants the new one", async () => {
    const oldFile = join(own.folder(), "old.key");
    copyFileSync(firstKey(), oldFile);
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
    const oldId = String(settled.result["previous_key_id"]);
    const naming = await rowsWith(databaseUrl(), oldId);
    expect(naming.filter((row) => !row.includes(settled.id))).toEqual([]);
    expect(naming.filter((row) => row.includes(`sw1.${oldId}`))).toEqual([]);
    const late = own.folder();
    copyFileSync(oldFile, join(late, "master.key"));
    const refused = own.start({ ...shared(), SWITCHYARD_ROLE: "worker", SWITCHYARD_DATA: late });
    expect(await refused.ended()).toBe(78);
    expect(refused.output()).toContain("is not the one that sealed");
    startWorker();
    await untilWorkers(4);
  }, 90_000);

  it("a host whose key is set from outside takes part with the key before it, and the exchange ends", async () => {
    const extra = workers.pop();
    await extra?.started.stop();
    // One worker has its key by the environment: it can be told a new one, not tell it itself.
    const [old = ""] = [readFileSync(firstKey(), "utf8").trim()];
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
