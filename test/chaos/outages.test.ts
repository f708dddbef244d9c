/** Redis or the store is away for longer than anybody waits: what was under way goes on, and nobody is told two stories. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { afterEach, describe, expect, it } from "vitest";
import { connectRedis, untilReady } from "../../src/redis.ts";
import { usePowerBench } from "../kit/power-bench.ts";
import type { PowerHold } from "../kit/power-device.ts";
import { type SseLine, until } from "../kit/system.ts";

const bench = usePowerBench({ env: { SWITCHYARD_WORKERS: "2" } });
const { act, fresh, writes } = bench;

const begin = async (asked: Parameters<typeof act>[0]): Promise<string> => {
  const { status, body } = await act(asked, { wait: 0 });
  expect(status).toBe(202);
  return body.id;
};
const untilHeld = (hold: PowerHold): Promise<true> =>
  until(() => (hold.held > 0 ? true : undefined), "the device to be asked");
const told = (lines: readonly SseLine[]): string[] =>
  lines.map(({ id, event, data }) => `${id} ${event} ${String(data["message"] ?? "")}`);

afterEach(async () => {
  await until(
    async () => ((await fetch(`${bench.system.url}/readyz`).catch(() => null))?.ok ? true : undefined),
    "readiness",
  );
}, 60_000);

describe("a Redis that is away for longer than a lease", () => {
  it("fails no job: nobody runs one before the lease is back", async () => {
    const targets = Array.from({ length: 12 }, fresh);
    const hold = bench.device.hold(`GET /${targets[0]}`);
    const jobs = [await begin({ verb: "start", target: targets[0] ?? "" })];
    await untilHeld(hold);
    for (const target of targets.slice(1)) jobs.push(await begin({ capability: "vm.queue", verb: "add", target }));
    // The supervisor stands still as well, so that it does not start Redis again at once.
    process.kill(bench.system.pid, "SIGSTOP");
    process.kill(Number(readFileSync(join(bench.system.dataDir, "redis", "redis.pid"), "utf8")), "SIGKILL");
    await pause(7_000);
    process.kill(bench.system.pid, "SIGCONT");
    hold.release();
    for (const id of jobs) expect(await bench.caller.settled(id, 30_000)).toMatchObject({ state: "succeeded" });
    expect(new Set(writes()).size).toBe(12);
    expect(writes()).toHaveLength(12);
  }, 90_000);
});

describe("a database that another process holds for longer than anybody waits", () => {
  it("does not make the answer of a device unknown", async () => {
    const target = fresh();
    const hold = bench.device.hold(`POST /${target}/`);
    const id = await begin({ capability: "vm.queue", verb: "add", target });
    await untilHeld(hold);
    const file = join(bench.system.dataDir, "switchyard.db");
    const child = spawn(process.execPath, [join(import.meta.dirname, "../kit/store-child.ts"), "hold", file], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    await once(child.stdout, "data");
    hold.release();
    await pause(6_500);
    child.stdin.write("go");
    await once(child, "exit");
    expect(await bench.caller.settled(id, 20_000)).toMatchObject({ state: "succeeded", result: { steps_done: 1 } });
    expect(writes()).toEqual([`POST /${target}/queue`]);
  }, 60_000);
});

describe("a Redis that forgets everything", () => {
  it("costs no event that a watcher saw: who comes late is told the same", async () => {
    const target = fresh();
    const hold = bench.device.hold(`GET /${target}`);
    const id = await begin({ verb: "start", target });
    const watched = bench.system.watch(id);
    await untilHeld(hold);
    const redis = connectRedis(join(bench.system.dataDir, "redis", "redis.sock"), { role: "producer" });
    await untilReady(redis, 5_000);
    await redis.flushall();
    redis.disconnect();
    hold.open();
    const lines = await watched;
    expect(lines.map((line) => line.id)).toEqual(lines.map((_, index) => index + 1));
    expect(lines.at(-1)?.data).toMatchObject({ state: "succeeded" });
    expect(told(await bench.system.watch(id))).toEqual(told(lines));
    expect(writes()).toEqual([`POST /${target}/start`]);
    hold.release();
  }, 60_000);
});
