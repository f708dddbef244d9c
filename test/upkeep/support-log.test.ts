/** What all processes warned of reaches the support bundle, also what they said while Redis was away. */
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { readArchive } from "../../src/packs/archive.ts";
import { passwordsIn } from "../../src/roles/support-facts.ts";
import { hasRedis } from "../kit/redis.ts";
import { type System, startSystem, until } from "../kit/system.ts";

interface Line {
  readonly level: number;
  readonly role: string;
  readonly msg: string;
  readonly time: string;
}

const linesIn = (text: string): Line[] =>
  text
    .split("\n")
    .filter((line) => line.startsWith('{"level":'))
    .map((line) => JSON.parse(line));

describe("the password of an address", () => {
  it.each([
    ["redis://ann:s%20cret@h:6379/0", ["s%20cret", "s cret"]],
    ["sentinel://:s3cret@h1:26379,h2:26379/main", ["s3cret"]],
    ["redis://:100%25-%zz@h", ["100%25-%zz"]],
    ["postgres://ann@h/db", []],
    ["/run/redis.sock", []],
    [null, []],
  ])("is known of %s, as it stands and as it is meant", (url, passwords) => {
    expect(new Set(passwordsIn(url))).toEqual(new Set(passwords));
  });
});

describe.skipIf(!hasRedis)("the log in a support bundle", () => {
  let system: System;
  beforeAll(async () => {
    system = await startSystem();
  }, 60_000);
  afterAll(() => system?.dispose(), 40_000);

  const logOfBundle = async (): Promise<Line[]> => {
    const made = await system.call<{ id: string; state: string }>("POST", "/api/support-bundles", undefined, {
      prefer: "wait=20",
    });
    expect(made.body).toMatchObject({ state: "succeeded" });
    const headers = { authorization: `Bearer ${system.token}` };
    const answer = await fetch(`${system.url}/api/support-bundles/${made.body.id}`, { headers });
    const files = await readArchive(Buffer.from(await answer.arrayBuffer()));
    return linesIn(Buffer.from(files.find(({ path }) => path === "log.jsonl")?.bytes ?? []).toString());
  };
  const warned = (): Line[] => linesIn(system.output()).filter(({ level }) => level >= 40);
  const untilSaid = (role: string, msg: string, times = 1) =>
    until(
      () => warned().filter((line) => line.role === role && line.msg.includes(msg)).length >= times || undefined,
      `${role}: ${msg}`,
    );
  const untilServing = (title: string, gone: readonly number[]) =>
    until(async () => {
      const now = system.pids(title);
      const isReady = (await fetch(`${system.url}/readyz`).catch(() => undefined))?.ok ?? false;
      return (now.length > 0 && !now.some((pid) => gone.includes(pid)) && isReady) || undefined;
    }, `another ${title}`);

  it("holds each warning and error, of the supervisor, of the API and of a worker, in the order of their times", async () => {
    for (const title of ["switchyard-api", "switchyard-worker"]) await untilServing(title, system.kill(title));
    await untilSaid("supervisor", "a process ended", 2);
    // A bundle is a job: the new worker holds its lease, which it can then fail to renew.
    await logOfBundle();
    // Who starts a Redis there holds this: Redis stays away until a worker has missed it.
    const lock = join(system.dataDir, "redis", "start.lock");
    writeFileSync(lock, String(process.pid), { flag: "wx" });
    const gone = system.kill("redis-server");
    await untilSaid("supervisor", "Redis ended");
    await untilSaid("worker", "the lease was not renewed");
    rmSync(lock);
    await untilServing("redis-server", gone);
    await vi.waitFor(async () => {
      const expected = warned();
      const found = await logOfBundle();
      for (const line of expected) expect(found).toContainEqual(line);
      expect(found.map(({ time }) => time)).toEqual(found.map(({ time }) => time).toSorted());
    }, 20_000);
    expect(new Set(warned().map(({ role }) => role))).toEqual(new Set(["supervisor", "api", "worker"]));
  }, 90_000);
});
