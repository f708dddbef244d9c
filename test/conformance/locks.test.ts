/** Locks and their lines against a real Redis: who gets what, who waits, who is next. */
import { describe, expect, test } from "vitest";
import {
  acquire as acquireLocks,
  countStanding,
  heldBy,
  lookAgain,
  release as releaseLocks,
} from "../../src/live/locks.ts";
import { waitingOf } from "../../src/live/waiting.ts";
import type { LockNeed } from "../../src/model/job.ts";
import type { Redis } from "../../src/redis.ts";
import { acquire, expectJobs, forget, release, sweepLines } from "../kit/lock-calls.ts";
import { alone, shared, target } from "../kit/lock-needs.ts";
import { hasRedis } from "../kit/redis.ts";
import { useRedis } from "../kit/use-redis.ts";

describe.skipIf(!hasRedis)("locks", () => {
  let redis: Redis;
  useRedis((used) => {
    redis = used.redis;
  });

  const ask = (jobId: string, admission: number, locks: readonly LockNeed[], ttlMs = 60_000) =>
    acquire(redis, { jobId, attempt: 1, locks, admission, ttlMs });
  const traces = async (): Promise<string[]> => (await redis.keys("sw:*")).filter((key) => key !== "sw:lines:passed");

  test("a job without locks always has them", async () => {
    expect(await ask("a", 1, [])).toEqual({ got: true });
    expect(await release(redis, "a", [])).toEqual([]);
  });

  test("half a character in the name of a lock is no obstacle", async () => {
    const half = alone("target/\ud800");
    await expectJobs(redis, [{ id: "a", admission: 1, locks: half }]);
    expect(await ask("a", 1, half)).toEqual({ got: true });
    expect(await ask("b", 2, half)).toMatchObject({ got: false, heldBy: "a" });
    expect(await release(redis, "a", half)).toEqual(["b"]);
  });

  test("one job holds an exclusive lock, the next is told which lock it waits for and who holds it", async () => {
    expect(await ask("a", 1, alone("x"))).toEqual({ got: true });
    expect(await ask("b", 2, alone("x"))).toEqual({ got: false, lock: "x", heldBy: "a" });
    expect(await waitingOf(redis, ["a", "b", "c"])).toEqual({ b: { kind: "lock", lock: "x", heldBy: "a" } });
  });

  test("jobs share a lock, and a job that wants it alone waits for all of them", async () => {
    expect(await ask("a", 1, shared("x"))).toEqual({ got: true });
    expect(await ask("b", 2, shared("x"))).toEqual({ got: true });
    expect((await ask("c", 3, alone("x"))).got).toBe(false);
    expect(await release(redis, "a", shared("x"))).toEqual([]);
    expect(await release(redis, "b", shared("x"))).toEqual(["c"]);
    expect((await ask("c", 3, alone("x"))).got).toBe(true);
  });

  test("nobody may share a lock before somebody who waits to have it alone", async () => {
    await ask("a", 1, shared("x"));
    await ask("b", 2, alone("x"));
    expect(await ask("c", 3, shared("x"))).toEqual({ got: false, lock: "x", heldBy: "b" });
  });

  test("all who may share are handed the lock together, up to the first who wants it alone", async () => {
    await ask("a", 1, alone("x"));
    for (const [index, id] of ["b", "c"].entries()) await ask(id, index + 2, shared("x"));
    await ask("d", 4, alone("x"));
    await ask("e", 5, shared("x"));
    expect(await release(redis, "a", alone("x"))).toEqual(["b", "c"]);
    expect((await ask("d", 4, alone("x"))).got).toBe(false);
    await ask("b", 2, shared("x"));
    await ask("c", 3, shared("x"));
    expect(await release(redis, "b", shared("x"))).toEqual([]);
    expect(await release(redis, "c", shared("x"))).toEqual(["d"]);
  });

  const expected = (ids: readonly string[], locks: readonly LockNeed[]) =>
    ids.map((id, index) => ({ id, admission: index + 1, locks }));

  test("who was admitted first is waited for, whoever is claimed first; the others stand in line at once", async () => {
    expect(await expectJobs(redis, expected(["a", "b", "c"], target(1)))).toEqual(["b", "c"]);
    expect(await expectJobs(redis, [{ id: "z", admission: 9, locks: alone("instance/i") }])).toEqual(["z"]);
    expect(await waitingOf(redis, ["a", "b"])).toMatchObject({ b: { kind: "lock", heldBy: "a" } });
    expect((await ask("c", 3, target(1))).got).toBe(false);
    expect(await sweepLines(redis)).toEqual([]);
    expect(await ask("y", 4, target(2))).toEqual({ got: true });
    expect(await ask("b", 2, target(1))).toMatchObject({ got: false, heldBy: "a" });
    expect(await lookAgain(redis, "b")).toBe(false);
    expect(await ask("a", 1, target(1))).toEqual({ got: true });
    expect(await release(redis, "a", target(1))).toEqual(["b"]);
    expect((await ask("b", 2, target(1))).got).toBe(true);
    expect(await release(redis, "b", target(1))).toEqual(["c"]);
    expect((await ask("c", 3, target(1))).got).toBe(true);
    expect(await release(redis, "c", target(1))).toEqual([]);
    expect(await release(redis, "y", target(2))).toEqual(["z"]);
    await release(redis, "z", alone("instance/i"));
    expect(await traces()).toEqual([]);
  });

  test("who is expected and is cancelled stands in nobody's way", async () => {
    await expectJobs(redis, expected(["a", "b"], alone("x")));
    expect((await ask("c", 3, alone("x"))).got).toBe(false);
    expect(await forget(redis, "a", alone("x"))).toEqual(["b"]);
    expect(await forget(redis, "b", alone("x"))).toEqual(["c"]);
    expect((await ask("c", 3, alone("x"))).got).toBe(true);
    await release(redis, "c", alone("x"));
    expect(await traces()).toEqual([]);
  });

  test("who is expected and never comes is waited for no longer than his time", async () => {
    await expectJobs(redis, expected(["a", "b"], alone("x")));
    expect(await sweepLines(redis)).toEqual([]);
    await redis.del("sw:coming:a");
    expect(await sweepLines(redis)).toEqual(["b"]);
    expect((await ask("b", 2, alone("x"))).got).toBe(true);
    await release(redis, "b", alone("x"));
    expect(await traces()).toEqual([]);
  });

  test("those who stand in line are counted by the queue to which they go", async () => {
    await ask("a", 1, alone("x"));
    await ask("b", 2, alone("x"));
    await acquireLocks(redis, {
      jobId: "c",
      attempt: 1,
      locks: alone("x"),
      admission: 3,
      ttlMs: 60_000,
      queue: "background",
    });
    expect(await countStanding(redis)).toEqual({ interactive: 1, background: 1 });
    await release(redis, "a", alone("x"));
    await ask("b", 2, alone("x"));
    expect(await countStanding(redis)).toEqual({ interactive: 0, background: 1 });
    expect(await releaseLocks(redis, "b", alone("x"))).toEqual([{ id: "c", queue: "background" }]);
  });

  test("a job that has come is not expected again", async () => {
    await ask("a", 1, alone("x"));
    await ask("b", 2, alone("x"));
    expect(await expectJobs(redis, expected(["a", "b"], alone("x")))).toEqual(["b"]);
    expect(await redis.keys("sw:due:*")).toEqual([]);
  });

  test("a line is served by admission, whatever the order in which the waiters came", async () => {
    await ask("holder", 1, alone("x"));
    for (const admission of [7, 3, 9, 5]) await ask(`job${admission}`, admission, alone("x"));
    const order: string[] = [];
    let next = await release(redis, "holder", alone("x"));
    while (next.length > 0) {
      const [id = ""] = next;
      order.push(id);
      expect((await ask(id, Number(id.slice(3)), alone("x"))).got).toBe(true);
      next = await release(redis, id, alone("x"));
    }
    expect(order).toEqual(["job3", "job5", "job7", "job9"]);
  });

  test("what is reserved for the head is kept from everybody else, also from one admitted earlier", async () => {
    await ask("a", 1, alone("x"));
    await ask("b", 5, alone("x"));
    expect(await release(redis, "a", alone("x"))).toEqual(["b"]);
    expect(await ask("late", 9, alone("x"))).toMatchObject({ got: false, heldBy: "b" });
    expect(await ask("early", 2, alone("x"))).toMatchObject({ got: false, heldBy: "b" });
    expect((await ask("b", 5, alone("x"))).got).toBe(true);
    expect(await release(redis, "b", alone("x"))).toEqual(["early"]);
  });

  test("a job that needs two locks takes both or none", async () => {
    await ask("a", 1, alone("y"));
    expect(await ask("b", 2, alone("x", "y"))).toEqual({ got: false, lock: "y", heldBy: "a" });
    expect(await heldBy(redis, ["x", "y"])).toEqual({ x: null, y: "a" });
  });

  test("a waiter is woken only when all that it needs is free for it", async () => {
    await ask("a", 1, alone("x"));
    await ask("b", 2, alone("y"));
    await ask("c", 3, alone("x", "y"));
    expect(await release(redis, "a", alone("x"))).toEqual([]);
    expect(await ask("d", 4, alone("x"))).toMatchObject({ got: false, heldBy: "c" });
    expect(await release(redis, "b", alone("y"))).toEqual(["c"]);
    expect((await ask("c", 3, alone("y", "x"))).got).toBe(true);
    expect(await release(redis, "c", alone("x", "y"))).toEqual(["d"]);
  });

  test("jobs that need the same locks in another order do not block each other for ever", async () => {
    await ask("a", 1, alone("x"));
    await ask("c", 3, alone("y", "x"));
    await ask("b", 2, alone("x", "y"));
    expect(await release(redis, "a", alone("x"))).toEqual(["b"]);
    expect((await ask("b", 2, alone("x", "y"))).got).toBe(true);
    expect(await release(redis, "b", alone("x", "y"))).toEqual(["c"]);
    expect((await ask("c", 3, alone("y", "x"))).got).toBe(true);
  });

  test("the same lock asked for in both modes is an exclusive one", async () => {
    const both = [...shared("x"), ...alone("x"), ...shared("x")];
    expect((await ask("a", 1, both)).got).toBe(true);
    expect((await ask("b", 2, shared("x"))).got).toBe(false);
    expect(await release(redis, "a", both)).toEqual(["b"]);
  });

  test("locks belong to the job: a re-run finds its own", async () => {
    await ask("a", 1, target(1));
    await ask("b", 2, target(1));
    expect(await acquire(redis, { jobId: "a", attempt: 2, locks: target(1), admission: 1, ttlMs: 60_000 })).toEqual({
      got: true,
    });
  });

  test("who waited for a lock is told how long, once he has it", async () => {
    await ask("a", 1, alone("x"));
    expect(await ask("b", 2, alone("x"))).toMatchObject({ got: false });
    await release(redis, "a", alone("x"));
    const got = await ask("b", 2, alone("x"));
    expect(got).toMatchObject({ got: true, waitedMs: expect.any(Number) });
    expect(await ask("b", 2, alone("x"))).toEqual({ got: true });
  });

  test("only the owner releases", async () => {
    await ask("a", 1, alone("x"));
    await release(redis, "b", alone("x"));
    expect(await heldBy(redis, ["x"])).toEqual({ x: "a" });
  });

  test("releasing twice is harmless", async () => {
    await ask("a", 1, alone("x"));
    await ask("b", 2, alone("x"));
    expect(await release(redis, "a", alone("x"))).toEqual(["b"]);
    await ask("b", 2, alone("x"));
    expect(await release(redis, "a", alone("x"))).toEqual([]);
    expect(await heldBy(redis, ["x"])).toEqual({ x: "b" });
  });

  test("nothing is left behind when everybody is served", async () => {
    await ask("a", 1, target(1));
    await ask("b", 2, target(1));
    await ask("c", 3, alone("instance/i"));
    await release(redis, "a", target(1));
    await ask("b", 2, target(1));
    await release(redis, "b", target(1));
    await ask("c", 3, alone("instance/i"));
    await release(redis, "c", alone("instance/i"));
    expect(await traces()).toEqual([]);
  });

  test("other targets are unhurt while 300 wait on one", async () => {
    await ask("hot", 1, target(1));
    for (let number = 2; number <= 301; number += 1) await ask(`hot${number}`, number, target(1));
    expect((await ask("other", 400, target(2))).got).toBe(true);
    expect(await release(redis, "other", target(2))).toEqual([]);
    expect(await release(redis, "hot", target(1))).toEqual(["hot2"]);
  });

  test("a whole instance waits for the waiters before it, and lets all its targets go on together after it", async () => {
    await ask("a", 1, target(1));
    await ask("b", 2, target(1));
    await ask("whole", 3, alone("instance/i"));
    await ask("c", 4, target(2));
    expect(await release(redis, "a", target(1))).toEqual(["b"]);
    await ask("b", 2, target(1));
    await ask("d", 5, target(3));
    expect(await release(redis, "b", target(1))).toEqual(["whole"]);
    await ask("whole", 3, alone("instance/i"));
    expect((await release(redis, "whole", alone("instance/i"))).sort()).toEqual(["c", "d"]);
  });

  test("a waiter far behind those of a hot target is found although the line is longer than one look", async () => {
    await ask("whole", 1, alone("instance/i"));
    for (let number = 2; number <= 501; number += 1) await ask(`hot${number}`, number, target(1));
    await ask("far", 600, shared("instance/i"));
    const woken = new Set(await release(redis, "whole", alone("instance/i")));
    expect(woken).toContain("hot2");
    for (let look = 0; look < 4; look += 1) for (const id of await sweepLines(redis)) woken.add(id);
    expect([...woken].sort()).toEqual(["far", "hot2"]);
  });
});
