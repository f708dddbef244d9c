/** The small things that are true right now, against a real Redis: leases, tickets, copies, counts, words. */
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { dropInventory, getInventory, getInventoryText, inventoryEra, putInventory } from "../../src/live/cache.ts";
import { askCancel, onCancel } from "../../src/live/cancel.ts";
import { countFailure } from "../../src/live/counters.ts";
import { readEpoch, writeEpoch } from "../../src/live/epoch.ts";
import { dropLease, liveWorkers, renewLease } from "../../src/live/leases.ts";
import { announceRevoked, onRevoked } from "../../src/live/revoked.ts";
import { makeTicket, takeTicket } from "../../src/live/tickets.ts";
import type { InventoryPayload } from "../../src/model/inventory.ts";
import { type Principal, systemPrincipal } from "../../src/model/principal.ts";
import { connectRedis, type Redis, untilReady } from "../../src/redis.ts";
import { hasRedis, startTestRedis, type TestRedis } from "../kit/redis.ts";

describe.skipIf(!hasRedis)("what is true right now", () => {
  let server: TestRedis;
  let redis: Redis;
  let subscriber: Redis;
  beforeAll(async () => {
    server = await startTestRedis();
    redis = connectRedis(server.url, { role: "producer" });
    subscriber = connectRedis(server.url);
    await untilReady(redis, 5000);
  });
  beforeEach(() => redis.flushall());
  afterAll(async () => {
    redis.disconnect();
    subscriber.disconnect();
    await server.stop();
  });

  const principal: Principal = { kind: "token", id: "tok_1", name: "Ann", role: "operator", instances: ["ins_1"] };

  describe("a ticket", () => {
    const make = (ttlMs = 30_000) => makeTicket(redis, { path: "/api/events", principal, ttlMs });

    test("opens its path for its maker, once", async () => {
      const ticket = await make();
      expect(await takeTicket(redis, ticket, "/api/events")).toEqual(principal);
      expect(await takeTicket(redis, ticket, "/api/events")).toBeUndefined();
    });

    test("serves one of many who come at once", async () => {
      const ticket = await make();
      const takers = await Promise.all(Array.from({ length: 20 }, () => takeTicket(redis, ticket, "/api/events")));
      expect(takers.filter((taker) => taker !== undefined)).toEqual([principal]);
    });

    test("opens no other path, and is not spoilt by the try", async () => {
      const ticket = await make();
      expect(await takeTicket(redis, ticket, "/api/jobs/a/events")).toBeUndefined();
      expect(await takeTicket(redis, `${ticket}x`, "/api/events")).toBeUndefined();
      expect(await takeTicket(redis, ticket, "/api/events")).toEqual(principal);
    });

    test("expires", async () => {
      const ticket = await make(20);
      await vi.waitFor(async () => expect(await redis.dbsize()).toBe(0));
      expect(await takeTicket(redis, ticket, "/api/events")).toBeUndefined();
    });

    test("is kept as a hash only", async () => {
      const ticket = await make();
      const keys = await redis.keys("*");
      const kept = [...keys, ...(await redis.mget(keys))].join("\n");
      expect(keys).toHaveLength(1);
      expect(kept).not.toContain(ticket);
    });
  });

  describe("a lease", () => {
    const facts = { host: "alpha", level: "full", startedAt: 5 };

    test("shows the worker while it is renewed, and no more when it is dropped", async () => {
      await renewLease(redis, "w2", 30_000, { ...facts, startedAt: 9 });
      await renewLease(redis, "w1", 30_000, facts);
      await renewLease(redis, "w1", 30_000, facts);
      expect(await liveWorkers(redis)).toEqual([
        { id: "w1", ...facts },
        { id: "w2", ...facts, startedAt: 9 },
      ]);
      await dropLease(redis, "w1");
      expect((await liveWorkers(redis)).map(({ id }) => id)).toEqual(["w2"]);
    });

    test("ends by itself when its worker died", async () => {
      await renewLease(redis, "w1", 30, facts);
      await vi.waitFor(async () => expect(await liveWorkers(redis)).toEqual([]));
      expect(await redis.dbsize()).toBe(0);
    });
  });

  describe("a copy of an inventory", () => {
    const payload: InventoryPayload = {
      instanceId: "ins_1",
      targetType: "vm",
      items: [{ type: "vm", external_id: "100", name: "web", attrs: { status: "running" }, labels: {} }],
      fetchedAt: 1000,
      fetchDurationMs: 12,
      ttlSeconds: 60,
    };

    test("is read back, as a payload or as its text", async () => {
      await putInventory(redis, payload, await inventoryEra(redis, "ins_1"));
      expect(await getInventory(redis, "ins_1", "vm")).toEqual(payload);
      expect(JSON.parse((await getInventoryText(redis, "ins_1", "vm")) ?? "")).toEqual(payload);
      expect(await getInventory(redis, "ins_1", "host")).toBeUndefined();
      expect(await getInventory(redis, "ins_2", "vm")).toBeUndefined();
    });

    test("is gone when its time is over, and never there when it has none", async () => {
      await putInventory(redis, { ...payload, ttlSeconds: 0.03 }, await inventoryEra(redis, "ins_1"));
      await vi.waitFor(async () => expect(await getInventory(redis, "ins_1", "vm")).toBeUndefined());
      await putInventory(redis, payload, await inventoryEra(redis, "ins_1"));
      await putInventory(redis, { ...payload, ttlSeconds: 0 }, await inventoryEra(redis, "ins_1"));
      expect(await getInventory(redis, "ins_1", "vm")).toBeUndefined();
    });

    test("is dropped with all others of its instance, and of no other", async () => {
      await putInventory(redis, payload, await inventoryEra(redis, "ins_1"));
      await putInventory(redis, { ...payload, targetType: "host" }, await inventoryEra(redis, "ins_1"));
      await putInventory(redis, { ...payload, instanceId: "ins_10" }, await inventoryEra(redis, "ins_10"));
      await dropInventory(redis, "ins_1");
      await dropInventory(redis, "ins_never");
      expect(await getInventory(redis, "ins_1", "vm")).toBeUndefined();
      expect(await getInventory(redis, "ins_1", "host")).toBeUndefined();
      expect(await getInventory(redis, "ins_10", "vm")).toBeDefined();
    });

    test("is not made of a payload that was asked for before the last drop", async () => {
      const [era, others] = [await inventoryEra(redis, "ins_1"), await inventoryEra(redis, "ins_2")];
      await dropInventory(redis, "ins_1");
      await putInventory(redis, payload, era);
      await putInventory(redis, { ...payload, instanceId: "ins_2" }, others);
      expect(await getInventory(redis, "ins_1", "vm")).toBeUndefined();
      expect(await getInventory(redis, "ins_2", "vm")).toBeDefined();
      await putInventory(redis, payload, await inventoryEra(redis, "ins_1"));
      expect(await getInventory(redis, "ins_1", "vm")).toEqual(payload);
    });

    test("is not made of a payload that was asked for while Redis could not be reached", async () => {
      const away = { mget: () => Promise.reject(new Error("nobody there")) } as unknown as Redis;
      await putInventory(redis, payload, await inventoryEra(away, "ins_1"));
      expect(await getInventory(redis, "ins_1", "vm")).toBeUndefined();
    });

    test("is not made of a payload that was asked for before Redis lost its memory", async () => {
      await writeEpoch(redis, "epoch-1");
      const [fresh, dropped] = [await inventoryEra(redis, "ins_1"), await inventoryEra(redis, "ins_2")];
      await dropInventory(redis, "ins_2");
      await redis.flushall();
      await putInventory(redis, payload, fresh);
      await writeEpoch(redis, "epoch-2");
      await putInventory(redis, { ...payload, instanceId: "ins_2" }, dropped);
      expect(await getInventory(redis, "ins_1", "vm")).toBeUndefined();
      expect(await getInventory(redis, "ins_2", "vm")).toBeUndefined();
    });
  });

  test("failures are counted per address, within a window that does not move", async () => {
    expect(await countFailure(redis, "10.0.0.1", 300)).toBe(1);
    expect(await countFailure(redis, "10.0.0.1", 60_000)).toBe(2);
    expect(await countFailure(redis, "10.0.0.2", 60_000)).toBe(1);
    await vi.waitFor(async () => expect(await redis.exists("sw:failures:10.0.0.1")).toBe(0));
    expect(await countFailure(redis, "10.0.0.1", 60_000)).toBe(1);
  });

  test("the epoch is gone with everything else when Redis is flushed", async () => {
    expect(await readEpoch(redis)).toBeUndefined();
    await writeEpoch(redis, "one");
    expect(await readEpoch(redis)).toBe("one");
    await redis.flushall();
    expect(await readEpoch(redis)).toBeUndefined();
  });

  test("cancels and revocations are heard by who listens, each on its own channel, also after a restart", async () => {
    const cancelled: string[] = [];
    const revoked: string[] = [];
    const stop = onCancel(subscriber, (jobId) => cancelled.push(jobId));
    onRevoked(subscriber, (tokenId) => revoked.push(tokenId));
    const untilHeard = (): Promise<void> =>
      vi.waitFor(async () => {
        expect(await redis.pubsub("NUMSUB", "sw:cancel", "sw:revoked")).toEqual(["sw:cancel", 1, "sw:revoked", 1]);
      }, 5000);
    await untilHeard();
    await askCancel(redis, "job_1");
    await announceRevoked(redis, "tok_1");
    await vi.waitFor(() => expect([cancelled, revoked]).toEqual([["job_1"], ["tok_1"]]));
    await server.restart();
    await untilReady(redis, 5000);
    await untilHeard();
    stop();
    await askCancel(redis, "job_2");
    await announceRevoked(redis, systemPrincipal("clock").id);
    await vi.waitFor(() => expect([cancelled, revoked]).toEqual([["job_1"], ["tok_1", "system"]]));
  });
});
