/** Workers, Redis and the whole system end in the middle of writes: nothing is sent twice, nothing is left undecided. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import type { Asked, JobView } from "../kit/caller.ts";
import { usePowerBench } from "../kit/power-bench.ts";
import type { PowerHold } from "../kit/power-device.ts";
import { ownerOfPort } from "../kit/socket-owner.ts";
import { until } from "../kit/system.ts";

const bench = usePowerBench({ env: { SWITCHYARD_WORKERS: "2" } });
const { act, fresh, seen, writes } = bench;

const untilReady = (): Promise<true> =>
  until(
    async () => ((await fetch(`${bench.system.url}/readyz`).catch(() => null))?.ok ? true : undefined),
    "readiness",
    30_000,
  );
/** Both workers are there: a kill leaves one, and the next test counts on two. */
const untilTwoWorkers = (): Promise<true> =>
  until(() => (bench.system.pids("switchyard-worker").length === 2 ? true : undefined), "two workers", 30_000);
const begin = async (asked: Asked): Promise<string> => {
  const { status, body } = await act(asked, { wait: 0 });
  expect(status).toBe(202);
  return body.id;
};
const untilHeld = (hold: PowerHold, count = 1): Promise<true> =>
  until(() => (hold.held >= count ? true : undefined), "the device to be asked");
const holderOf = ({ ports }: PowerHold): number => ownerOfPort(ports[0] ?? 0, bench.system.pids("switchyard-worker"));
const journalOf = async (id: string): Promise<unknown[]> =>
  (await bench.system.call<{ items: unknown[] }>("GET", `/api/jobs/${id}/journal`)).body.items;
const expectExact = async (id: string): Promise<void> => {
  const lines = await bench.system.watch(id);
  expect(lines.map((line) => line.id)).toEqual(lines.map((_, index) => index + 1));
  expect(lines.filter(({ event }) => event === "job.done")).toHaveLength(1);
};

afterEach(async () => {
  await untilReady();
  await untilTwoWorkers();
}, 60_000);

describe("a device that takes a write and never answers, while the worker dies", () => {
  it("leaves an outcome that nobody knows: it is said, not repeated, and the target is free", async () => {
    const target = fresh();
    const hold = bench.device.hold(`POST /${target}/`);
    const id = await begin({ verb: "start", target });
    await untilHeld(hold);
    process.kill(holderOf(hold), "SIGKILL");
    hold.open();
    const job = await bench.caller.settled(id, 20_000);
    expect(job).toMatchObject({
      state: "unknown_outcome",
      attempt: 2,
      error: { code: "outcome_unknown", details: { step: 0, steps_done: 0 } },
    });
    expect(writes()).toEqual([`POST /${target}/start`]);
    expect(await journalOf(id)).toHaveLength(1);
    expect((await act({ verb: "start", target })).body.state).toBe("succeeded");
    expect(writes()).toHaveLength(2);
    const retried = await bench.send("POST", `/api/jobs/${id}/retry`);
    expect(retried.body.state).toBe("succeeded");
    await expectExact(id);
  }, 60_000);

  it("is asked again when the step may be repeated", async () => {
    const target = fresh();
    const hold = bench.device.hold(`POST /${target}/`);
    const id = await begin({ capability: "vm.sync", verb: "apply", target });
    await untilHeld(hold);
    process.kill(holderOf(hold), "SIGKILL");
    hold.open();
    expect(await bench.caller.settled(id, 20_000)).toMatchObject({
      state: "succeeded",
      attempt: 2,
      result: { steps_done: 1 },
    });
    expect(writes()).toEqual([`POST /${target}/sync`, `POST /${target}/sync`]);
    expect(await journalOf(id)).toHaveLength(1);
    await expectExact(id);
  }, 60_000);

  it("is not asked again by a verb without a plan", async () => {
    const target = fresh();
    const hold = bench.device.hold(`PUT /${target}/`);
    const id = await begin({ capability: "vm.label", verb: "set", target, params: { text: "a" } });
    await untilHeld(hold);
    process.kill(holderOf(hold), "SIGKILL");
    hold.open();
    expect(await bench.caller.settled(id, 20_000)).toMatchObject({ state: "unknown_outcome" });
    expect(writes()).toEqual([`PUT /${target}/label`]);
  }, 60_000);

  it("loses no read: a plan whose worker dies is made by another", async () => {
    const target = fresh();
    const hold = bench.device.hold(`GET /${target}`);
    const id = await begin({ verb: "start", target, dry_run: true });
    await untilHeld(hold);
    process.kill(holderOf(hold), "SIGKILL");
    hold.open();
    expect(await bench.caller.settled(id, 20_000)).toMatchObject({ state: "succeeded", attempt: 2 });
    expect(writes()).toEqual([]);
  }, 60_000);
});

describe("a worker that stands still for 12 seconds and goes on", () => {
  it("finds its job taken over, and none of its writes lands", async () => {
    const [asleep, writing] = [fresh(), fresh()];
    const readHold = bench.device.hold(`GET /${asleep}`);
    const slow = await begin({ verb: "start", target: asleep });
    await untilHeld(readHold);
    const worker = holderOf(readHold);
    process.kill(worker, "SIGSTOP");
    const stoppedAt = Date.now();
    readHold.open();
    const job = await bench.caller.settled(slow, 20_000);
    expect(job).toMatchObject({ state: "succeeded", attempt: 2 });
    expect((await act({ verb: "start", target: writing })).body.state).toBe("succeeded");
    await until(() => (Date.now() - stoppedAt > 12_000 ? true : undefined), "12 seconds");
    process.kill(worker, "SIGCONT");
    readHold.release();
    // It takes jobs again once its lease is back: both workers are in use, and what it had in hand is gone.
    const after = await Promise.all(Array.from({ length: 8 }, () => act({ verb: "start", target: fresh() })));
    for (const { body } of after) expect(body.state).toBe("succeeded");
    expect(writes().filter((line) => line.includes(`/${asleep}/`))).toEqual([`POST /${asleep}/start`]);
    expect(await journalOf(slow)).toHaveLength(1);
    await expectExact(slow);
  }, 60_000);
});

describe("a worker that stands still in the midst of writes that may be repeated", () => {
  it("sends none of them again when it goes on, whether they were answered meanwhile or broken off", async () => {
    // Of four writes one of two workers has at least two in hand.
    const asked = Array.from({ length: 4 }, () => {
      const target = fresh();
      return { target, hold: bench.device.hold(`POST /${target}/`) };
    });
    const sync = ({ target }: { target: string }) => begin({ capability: "vm.sync", verb: "apply", target });
    const ids = await Promise.all(asked.map(sync));
    for (const { hold } of asked) await untilHeld(hold);
    const owners = asked.map(({ hold }) => holderOf(hold));
    const worker = owners.find((owner, at) => owners.indexOf(owner) !== at) ?? 0;
    process.kill(worker, "SIGSTOP");
    const stoppedAt = Date.now();
    for (const [at, { hold }] of asked.entries()) {
      if (owners[at] === worker) hold.open();
      else hold.release();
    }
    const jobs = await Promise.all(ids.map((id) => bench.caller.settled(id, 30_000)));
    expect(jobs.map(({ state, attempt }) => [state, attempt])).toEqual(
      owners.map((owner) => ["succeeded", owner === worker ? 2 : 1]),
    );
    await until(() => (Date.now() - stoppedAt > 12_000 ? true : undefined), "12 seconds");
    const arrived = writes();
    const [answered, ...broken] = asked.filter((_, at) => owners[at] === worker);
    answered?.hold.release();
    for (const { hold } of broken) hold.cut();
    process.kill(worker, "SIGCONT");
    // When both workers have done other work, what the one had in hand would have been sent.
    const others = Array.from({ length: 8 }, () => ({ capability: "vm.queue", verb: "add", target: fresh() }));
    for (const { body } of await Promise.all(others.map((one) => act(one)))) expect(body.state).toBe("succeeded");
    await untilTwoWorkers();
    expect(writes().filter((line) => line.endsWith("/sync"))).toEqual(arrived);
    const expected = asked.flatMap(({ target }, at) =>
      Array(owners[at] === worker ? 2 : 1).fill(`POST /${target}/sync`),
    );
    expect(arrived.toSorted()).toEqual(expected.sort());
    for (const id of ids) await expectExact(id);
  }, 90_000);
});

describe("a Redis that dies in the middle of twenty jobs", () => {
  it("comes back, and every job ends: none is lost, none is done twice", async () => {
    const targets = Array.from({ length: 8 }, fresh);
    const one = (index: number): string => targets[index] ?? "";
    const hold = bench.device.hold(`POST /${one(0)}/`);
    const asked: Asked[] = [
      ...targets.map((target) => ({ verb: "start", target })),
      ...targets.slice(0, 4).map((target) => ({ capability: "vm.queue", verb: "add", target })),
      ...targets.slice(4).map((target) => ({ capability: "vm.label", verb: "set", target, params: { text: "x" } })),
      { verb: "stop", target: fresh(), dry_run: true },
      { capability: "vm.label", verb: "read", target: one(1) },
    ];
    const path = `/api/integrations/instances/${bench.instance}`;
    const jobs = await Promise.all([
      ...asked.map(begin),
      bench.system.call<JobView>("POST", `${path}/test`).then(({ body }) => body.id),
      bench.system.call<JobView>("POST", `${path}/inventory/refresh`, {}).then(({ body }) => body.id),
    ]);
    expect(new Set(jobs).size).toBe(20);
    await untilHeld(hold);
    process.kill(Number(readFileSync(join(bench.system.dataDir, "redis", "redis.pid"), "utf8")), "SIGKILL");
    hold.release();
    const ended = await Promise.all(jobs.map((id) => bench.caller.settled(id, 40_000)));
    expect(ended.map(({ state }) => state)).toEqual(ended.map(() => "succeeded"));
    const counts = new Map<string, number>();
    for (const line of writes()) counts.set(line, (counts.get(line) ?? 0) + 1);
    const expected = [
      ...targets.map((target) => [`POST /${target}/start`, 1]),
      ...targets.slice(0, 4).map((target) => [`POST /${target}/queue`, 1]),
      ...targets.slice(4).map((target) => [`PUT /${target}/label`, 2]),
    ];
    expect([...counts].sort()).toEqual(expected.sort());
    for (const id of jobs) await expectExact(id);
  }, 90_000);
});

describe("a system that is told to stop", () => {
  it("ends what is being written, puts the rest back, and its next start finishes it in order", async () => {
    const [target, busy] = [fresh(), fresh()];
    const reading = bench.device.hold(`GET /${target}`);
    const writing = bench.device.hold(`POST /${busy}/`);
    const written = await begin({ verb: "start", target: busy });
    const first = await begin({ verb: "start", target });
    await untilHeld(reading);
    await untilHeld(writing);
    const behind = [];
    for (let n = 0; n < 4; n += 1) {
      behind.push(await begin({ capability: "vm.queue", verb: "add", target, params: { n } }));
    }
    const stopped = bench.system.stop();
    // The worker has begun to drain when it gives up reading.
    setTimeout(() => writing.release(), 500);
    expect(await stopped).toBe(0);
    // Being told to stop is nothing that went wrong.
    expect(bench.system.output()).not.toContain("a handler failed");
    reading.release();
    expect(writes()).toEqual([`POST /${busy}/start`]);
    await bench.system.restart();
    for (const id of [written, first, ...behind]) {
      expect(await bench.caller.settled(id, 20_000)).toMatchObject({ state: "succeeded" });
      await expectExact(id);
    }
    const bodies = seen().filter(({ method }) => method === "POST");
    expect(bodies.map(({ url }) => url)).toEqual([
      `/api/vms/${busy}/start`,
      `/api/vms/${target}/start`,
      ...Array(4).fill(`/api/vms/${target}/queue`),
    ]);
    expect(bodies.slice(2).map(({ body }) => (JSON.parse(body) as { n: number }).n)).toEqual([0, 1, 2, 3]);
  }, 90_000);
});
