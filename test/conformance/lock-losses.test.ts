/** Locks when somebody does not come: dead owners, sleepers, cancelled waiters, a killed Redis. */
import { describe, expect, test, vi } from "vitest";
import { appendEvents } from "../../src/live/events.ts";
import { heldBy, lookAgain } from "../../src/live/locks.ts";
import { waitingOf } from "../../src/live/waiting.ts";
import type { LockNeed } from "../../src/model/job.ts";
import { type Redis, untilReady } from "../../src/redis.ts";
import { acquire, forget, release, renew, sweepLines } from "../kit/lock-calls.ts";
import { alone, shared, target } from "../kit/lock-needs.ts";
import { hasRedis, type TestRedis } from "../kit/redis.ts";
import { useRedis } from "../kit/use-redis.ts";

describe.skipIf(!hasRedis)("locks when somebody does not come", () => {
  let server: TestRedis;
  let redis: Redis;
  useRedis((used) => {
    ({ server, redis } = used);
  });

  const ask = (jobId: string, admission: number, locks: readonly LockNeed[], ttlMs = 60_000) =>
    acquire(redis, { jobId, attempt: 1, locks, admission, ttlMs });

  test("a lock whose owner died is handed on when it expires", async () => {
    await ask("a", 1, alone("x"), 50);
    await ask("b", 2, alone("x"));
    await vi.waitFor(async () => expect(await sweepLines(redis)).toEqual(["b"]));
    expect((await ask("b", 2, alone("x"))).got).toBe(true);
  });

  test("a lock that stayed with a job which is over is handed on at once", async () => {
    await ask("over", 1, alone("x"));
    await ask("b", 2, alone("x"));
    expect(await sweepLines(redis)).toEqual([]);
    const done = { seq: 1, data: {} };
    await appendEvents(redis, [{ jobId: "over", attempt: 1, facts: { kind: "k" }, events: [], done }]);
    expect(await sweepLines(redis)).toEqual(["b"]);
    expect((await ask("b", 2, alone("x"))).got).toBe(true);
  });

  test("a shared lock whose owner died expires by itself, beside others who renew theirs", async () => {
    await ask("a", 1, shared("x"), 50);
    await ask("b", 2, shared("x"));
    await ask("c", 3, alone("x"));
    expect(await release(redis, "b", shared("x"))).toEqual([]);
    await vi.waitFor(async () => expect(await sweepLines(redis)).toEqual(["c"]));
  });

  test("renewing keeps a lock; a lock lost to another is reported", async () => {
    await ask("a", 1, target(1), 400);
    const until = Date.now() + 1000;
    await vi.waitFor(
      async () => {
        expect(await renew(redis, "a", target(1), 400)).toBe(true);
        expect(Date.now()).toBeGreaterThan(until);
      },
      { timeout: 5000 },
    );
    expect(await heldBy(redis, ["target/i/vm/1"])).toEqual({ "target/i/vm/1": "a" });
    await vi.waitFor(async () => expect((await ask("b", 2, target(1))).got).toBe(true));
    expect(await renew(redis, "a", target(1), 400)).toBe(false);
    expect(await heldBy(redis, ["target/i/vm/1"])).toEqual({ "target/i/vm/1": "b" });
  });

  test("a running job has its locks again after Redis lost everything", async () => {
    await ask("a", 1, target(1));
    await redis.flushall();
    expect(await renew(redis, "a", target(1), 60_000)).toBe(true);
    expect((await ask("b", 2, target(1))).got).toBe(false);
  });

  test("a head that was woken and still sleeps is named again", async () => {
    await ask("a", 1, alone("x"));
    await ask("b", 2, alone("x"));
    expect(await release(redis, "a", alone("x"))).toEqual(["b"]);
    await vi.waitFor(async () => expect(await sweepLines(redis)).toEqual(["b"]), 3000);
  });

  test("a head that never wakes loses its turn, and is served when it comes back", async () => {
    await ask("a", 1, alone("x"));
    await ask("asleep", 2, alone("x"));
    await ask("c", 3, alone("x"));
    expect(await release(redis, "a", alone("x"), { reserveMs: 50 })).toEqual(["asleep"]);
    await vi.waitFor(async () => expect(await sweepLines(redis)).toEqual(["c"]));
    expect((await ask("asleep", 2, alone("x"))).got).toBe(false);
    expect((await ask("c", 3, alone("x"))).got).toBe(true);
    expect(await release(redis, "c", alone("x"))).toEqual(["asleep"]);
  });

  test("sleepers take turns, so that none keeps a line for itself", async () => {
    for (const [index, id] of ["a", "b", "c", "d"].entries()) await ask(id, index + 1, alone("x"));
    const named = await release(redis, "a", alone("x"), { reserveMs: 5 });
    await vi.waitFor(
      async () => {
        named.push(...(await sweepLines(redis, { reserveMs: 5 })));
        expect(named.length).toBeGreaterThanOrEqual(9);
      },
      { timeout: 10_000, interval: 10 },
    );
    expect(named.slice(0, 9)).toEqual(["b", "c", "d", "b", "c", "d", "b", "c", "d"]);
  });

  test("a re-run that lost one of its locks gives up the other, and waits for both", async () => {
    await ask("a", 1, alone("x"));
    await ask("b", 2, alone("y"));
    expect(await ask("a", 1, alone("x", "y"))).toEqual({ got: false, lock: "y", heldBy: "b" });
    expect(await heldBy(redis, ["x", "y"])).toEqual({ x: null, y: "b" });
    expect(await release(redis, "b", alone("y"))).toEqual(["a"]);
  });

  test("a waiter that is over is taken out of its lines by whoever comes to it", async () => {
    await ask("a", 1, alone("x"));
    await ask("over", 2, alone("x", "y"));
    await ask("c", 3, alone("x"));
    await redis.hset("sw:job:over", "done", "3");
    expect(await release(redis, "a", alone("x"))).toEqual(["c"]);
    expect(await redis.exists("sw:waiter:over", "sw:line:x:y")).toBe(0);
  });

  test("forgetting a waiter lets through whom it kept waiting", async () => {
    await ask("a", 1, alone("y"));
    await ask("b", 2, alone("x", "y"));
    await ask("c", 3, alone("x"));
    expect(await forget(redis, "b", alone("x", "y"))).toEqual(["c"]);
    expect(await waitingOf(redis, ["b"])).toEqual({});
    await release(redis, "a", alone("y"));
    expect(await heldBy(redis, ["y"])).toEqual({ y: null });
  });

  test("forgetting one for whom a lock is reserved hands it on", async () => {
    for (const [index, id] of ["a", "b", "c"].entries()) await ask(id, index + 1, alone("x"));
    expect(await release(redis, "a", alone("x"))).toEqual(["b"]);
    expect(await forget(redis, "b", alone("x"))).toEqual(["c"]);
  });

  test("a lock that came free between the miss and the parking is found by the second look", async () => {
    await ask("a", 1, alone("x"));
    await ask("b", 2, alone("x"));
    expect(await lookAgain(redis, "b")).toBe(false);
    await release(redis, "a", alone("x"));
    expect(await lookAgain(redis, "b")).toBe(true);
    expect((await ask("b", 2, alone("x"))).got).toBe(true);
    expect(await lookAgain(redis, "b")).toBe(true);
  });

  test("locks and lines are there after Redis was killed and started again", async () => {
    await ask("a", 1, alone("x"));
    await ask("b", 2, alone("x"));
    await server.restart();
    await untilReady(redis, 5000);
    expect(await release(redis, "a", alone("x"))).toEqual(["b"]);
  });
});
