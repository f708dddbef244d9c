/** Reading inventories: fresh, stale, empty, and what happens when the device does not answer. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { SwitchyardError } from "../../src/errors.ts";
import { inventoryEra, putInventory } from "../../src/live/cache.ts";
import type { Instance } from "../../src/model/instance.ts";
import type { InventoryPayload } from "../../src/model/inventory.ts";
import type { Job } from "../../src/model/job.ts";
import type { Manifest } from "../../src/model/manifest.ts";
import { recordInventoryFailure, saveInventory } from "../../src/store/inventory.ts";
import { type ApiBench, openApiBench } from "../kit/api.ts";
import { lampManifest, seedLamp } from "../kit/fixtures.ts";
import { hasRedis } from "../kit/redis.ts";

const manifest: Manifest = {
  ...lampManifest,
  capabilities: [{ id: "inventory.list", verbs: ["list"], targets: ["stack_member", "vm", "port"] }],
  defaults: { inventory_ttl_s: 60 },
};

interface Body {
  readonly items: { external_id: string }[];
  readonly next_page: number | null;
  readonly cache: Record<string, unknown>;
}

describe.skipIf(!hasRedis)("inventory over HTTP", () => {
  let bench: ApiBench;
  let lamp: Instance;
  let refreshed: Job[];
  let handle: (job: Job) => Promise<void>;
  beforeAll(async () => {
    bench = await openApiBench();
    bench.work(async (job) => {
      refreshed.push(job);
      await handle(job);
      return null;
    });
  });
  beforeEach(async () => {
    lamp = await seedLamp(bench.store, { type: { manifest } });
    refreshed = [];
    handle = () => keep(5);
  });
  afterAll(() => bench.end());

  const vm = (id: number) => ({
    type: "vm",
    external_id: String(id),
    name: `Web ${id}`,
    attrs: { status: id % 2 === 0 ? "stopped" : "running" },
    labels: {},
  });
  const payload = (count: number, change: Partial<InventoryPayload> = {}): InventoryPayload => ({
    instanceId: lamp.id,
    targetType: "vm",
    items: Array.from({ length: count }, (_, index) => vm(index + 1)),
    fetchedAt: Date.now(),
    fetchDurationMs: 12,
    ttlSeconds: 60,
    ...change,
  });
  const remember = (kept: InventoryPayload) => bench.store.write(() => saveInventory({ payload: kept, change: null }));
  /** As a refresh does: durable, then near the readers. */
  const keep = async (count: number): Promise<void> => {
    await remember(payload(count));
    const { redis } = bench.deps;
    await putInventory(redis, payload(count), await inventoryEra(redis, lamp.id));
  };
  const url = (query = "") => `/api/integrations/instances/${lamp.id}/inventory${query}`;
  const read = (query = "", asked: Parameters<ApiBench["json"]>[2] = {}) =>
    bench.json<Body>("GET", url(query), { token: bench.tokens.viewer, ...asked });
  const idsOf = ({ items }: Body): string[] => items.map(({ external_id }) => external_id);

  it("fetches what was never fetched, as the system, and serves it from then on", async () => {
    const first = await read();
    expect(idsOf(first)).toEqual(["1", "3", "5"]);
    expect(first).toMatchObject({
      next_page: null,
      cache: { state: "fresh", ttl_s: 60, target_count: 5, fetch_duration_ms: 12, fetched_at: expect.any(String) },
    });
    expect(refreshed).toHaveLength(1);
    expect(refreshed[0]).toMatchObject({
      input: { instance_id: lamp.id, type: "vm" },
      requestedBy: { name: "system" },
    });
    expect((await read()).cache).toMatchObject({ state: "fresh", age_s: expect.any(Number) });
    expect(refreshed).toHaveLength(1);
  });

  it("shows all, pages, and searches", async () => {
    await keep(250);
    expect((await read("?active_only=false")).items).toHaveLength(250);
    const page = await read("?active_only=false&page=2");
    expect([page.items[0]?.external_id, page.items.length, page.next_page]).toEqual(["101", 100, 3]);
    expect(await read("?active_only=false&page=3")).toMatchObject({ next_page: null });
    expect(await read("?active_only=false&page=9")).toMatchObject({ items: [], next_page: null });
    expect(idsOf(await read("?q=WEB%2024"))).toEqual(["241", "243", "245", "247", "249"]);
    expect((await read("?q=24&page=1&page_size=2")).next_page).toBe(2);
    expect((await bench.ask("GET", url("?page_size=501"))).status).toBe(400);
  });

  it("notices a new version of what it serves", async () => {
    await keep(1);
    expect(idsOf(await read())).toEqual(["1"]);
    handle = () => keep(3);
    const token = bench.tokens.operator;
    await bench.json("POST", url("/refresh"), { token, headers: { prefer: "wait=10" } });
    expect(idsOf(await read())).toEqual(["1", "3"]);
  });

  it("serves stale items while one refresh runs, whoever reads", async () => {
    const gate = Promise.withResolvers<void>();
    handle = () => gate.promise;
    await remember(payload(3, { fetchedAt: Date.now() - 600_000 }));
    const bodies = await Promise.all([read(), read(), read()]);
    expect(bodies.map(({ cache }) => cache["state"])).toEqual(["stale", "stale", "stale"]);
    expect(new Set(bodies.map(({ cache }) => cache["refreshing_job_id"])).size).toBe(1);
    expect(idsOf(bodies[0] as Body)).toEqual(["1", "3"]);
    expect(Number(bodies[0]?.cache["age_s"])).toBeGreaterThanOrEqual(600);
    gate.resolve();
    await expect.poll(() => refreshed.length).toBe(1);
  });

  it("never touches the device with cached_only", async () => {
    expect(await read("?cached_only=true")).toMatchObject({ items: [], cache: { state: "empty", fetched_at: null } });
    await remember(payload(1));
    expect(await read("?cached_only=true")).toMatchObject({ items: [{ external_id: "1" }], cache: { state: "stale" } });
    expect(refreshed).toHaveLength(0);
    expect((await bench.ask("GET", url("?cached_only=true&refresh=true"))).status).toBe(400);
  });

  /** As a refresh does that cannot log in. */
  const fail = async (targetType = "vm"): Promise<never> => {
    const failure = { code: "auth_failed", detail: "The token is wrong. Set another one.", at: Date.now() };
    await bench.store.write(() => recordInventoryFailure({ instanceId: lamp.id, targetType, failure }));
    throw new SwitchyardError("auth_failed", { detail: failure.detail });
  };
  const refresh = () =>
    bench.ask("POST", url("/refresh"), { token: bench.tokens.operator, headers: { prefer: "wait=10" } });

  it("says that the last refresh failed, when and why, while what the one before brought is fresh", async () => {
    await keep(5);
    expect((await read()).cache).not.toHaveProperty("error");
    handle = () => fail();
    expect((await refresh()).status).toBe(502);
    const error = { code: "auth_failed", detail: expect.stringContaining("token"), at: expect.any(String) };
    for (const query of ["", "?cached_only=true", "?page=1"]) {
      expect(await read(query)).toMatchObject({ items: [{}, {}, {}], cache: { state: "fresh", error } });
    }
    handle = () => keep(3);
    expect((await refresh()).status).toBe(200);
    const { cache } = await read();
    expect(cache).toMatchObject({ state: "fresh", target_count: 3 });
    expect(cache).not.toHaveProperty("error");
  });

  it("says it of an inventory that is stale or was never there, without touching the device", async () => {
    const error = { code: "auth_failed" };
    await fail().catch(() => undefined);
    expect(await read("?cached_only=true")).toMatchObject({ cache: { state: "empty", error } });
    await remember(payload(1));
    await fail().catch(() => undefined);
    expect(await read("?cached_only=true")).toMatchObject({ items: [{}], cache: { state: "stale", error } });
    expect(refreshed).toEqual([]);
  });

  it("says it in the summary, of whichever type it was last", async () => {
    await keep(5);
    expect((await bench.json<Body>("GET", url("/summary"))).cache).not.toHaveProperty("error");
    const failure = { code: "connect_timeout", detail: "No answer.", at: Date.now() - 60_000 };
    await bench.store.write(() => recordInventoryFailure({ instanceId: lamp.id, targetType: "port", failure }));
    expect(await bench.json("GET", url("/summary"))).toMatchObject({ cache: { error: { code: "connect_timeout" } } });
    handle = () => fail();
    await refresh();
    expect(await bench.json("GET", url("/summary"))).toMatchObject({ cache: { error: { code: "auth_failed" } } });
  });

  it("says why nothing is there, and then leaves the device alone for 30 s", async () => {
    handle = () => fail();
    const asked = { token: bench.tokens.viewer, status: 502 };
    expect(await bench.json("GET", url(), asked)).toMatchObject({ code: "auth_failed", job_id: expect.any(String) });
    expect(await bench.json("GET", url(), asked)).toMatchObject({
      code: "auth_failed",
      detail: expect.stringContaining("token"),
    });
    await remember(payload(1));
    await fail().catch(() => undefined);
    expect(await read()).toMatchObject({ items: [{}], cache: { state: "stale", error: { code: "auth_failed" } } });
    expect(refreshed).toHaveLength(1);
  });

  it("answers 202 with the job when the device takes too long", async () => {
    const gate = Promise.withResolvers<void>();
    handle = () => gate.promise;
    const body = await bench.json("GET", url(), { headers: { prefer: "wait=1" }, status: 202 });
    expect(body).toMatchObject({ kind: "instance.refresh_inventory", state: "running" });
    gate.resolve();
  });

  it("refreshes for operators, and waits when asked to", async () => {
    await keep(1);
    expect((await bench.ask("GET", url("?refresh=true"), { token: bench.tokens.viewer })).status).toBe(403);
    const token = bench.tokens.operator;
    expect(await read("?refresh=true", { token, status: 202 })).toMatchObject({ kind: "instance.refresh_inventory" });
    const body = await read("?refresh=true", { token, headers: { prefer: "wait=10" } });
    expect(idsOf(body)).toEqual(["1", "3", "5"]);
    const job = await bench.json("POST", url("/refresh"), { body: { type: "stack-member" }, status: 202 });
    expect(job).toMatchObject({ input: { type: "stack_member" } });
  });

  it("knows the target types, and older names of them", async () => {
    expect(await bench.json("GET", url("?type=cloud"), { status: 400 })).toMatchObject({ code: "target_type_unknown" });
    expect(await read("?type=stack-member&cached_only=true")).toMatchObject({ cache: { state: "empty" } });
    expect(await read("?type=poe-port&cached_only=true")).toMatchObject({ cache: { state: "empty" } });
  });

  it("counts what is there", async () => {
    await keep(5);
    const port = (id: string, link: string) => ({
      type: "port",
      external_id: id,
      name: id,
      attrs: { link },
      labels: {},
    });
    await remember(payload(0, { targetType: "port", items: [port("1", "up"), port("2", "down")] }));
    expect(await bench.json("GET", url("/summary"))).toEqual({
      vm: 5,
      stack_member: 0,
      port_active: 1,
      by_type: { stack_member: { total: 0, active: 0 }, vm: { total: 5, active: 3 }, port: { total: 2, active: 1 } },
      cache: expect.objectContaining({ state: "empty", target_count: 7 }),
    });
  });

  it("tells what changed, newest first", async () => {
    for (const at of [1000, 2000]) {
      const change = {
        at,
        jobId: `job_${at}`,
        instanceId: lamp.id,
        type: "vm",
        added: [{ external_id: "1", name: "a" }],
        removed: [],
        changed: [],
      };
      await bench.store.write(() => saveInventory({ payload: payload(1), change }));
    }
    const found = await bench.json<{ items: object[]; next_cursor: string }>("GET", url("/changes?type=vm&limit=1"));
    expect(found.items).toEqual([
      {
        at: new Date(2000).toISOString(),
        job_id: "job_2000",
        type: "vm",
        added: [{ external_id: "1", name: "a" }],
        removed: [],
        changed: [],
      },
    ]);
    const rest = await bench.json<typeof found>("GET", url(`/changes?cursor=${found.next_cursor}`));
    expect(rest).toMatchObject({ items: [{ at: new Date(1000).toISOString() }], next_cursor: null });
  });

  it("answers 409 for an instance whose type is gone", async () => {
    lamp = await seedLamp(bench.store, { type: { manifest }, instance: { state: "type_unavailable" } });
    expect(await bench.json("GET", url(), { status: 409 })).toMatchObject({ code: "type_unavailable" });
    expect(await bench.json("POST", url("/refresh"), { status: 409 })).toMatchObject({ code: "type_unavailable" });
  });
});
