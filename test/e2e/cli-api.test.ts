/** What the command line asks the API for besides the plain lists: filters, safety nets, a way in. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { newId, timesOf } from "../../src/model/ids.ts";
import type { Instance } from "../../src/model/instance.ts";
import { systemPrincipal } from "../../src/model/principal.ts";
import { recordTest } from "../../src/store/instances.ts";
import { type ApiBench, openApiBench } from "../kit/api.ts";
import { lampManifest, seedLamp } from "../kit/fixtures.ts";
import { hasRedis } from "../kit/redis.ts";

interface Listed {
  readonly items: readonly { readonly id: string }[];
}

describe("the times of an id", () => {
  it("are those that ids with the same beginning were made at", () => {
    const at = 1_790_000_000_123;
    const id = newId("job", at);
    expect(timesOf(id)).toEqual([at, at + 1]);
    const [from = 0, before = 0] = timesOf(id.slice(0, 10)) ?? [];
    expect(before - from).toBe(32 ** 4);
    expect(from <= at && at < before).toBe(true);
    expect(timesOf("job_")).toBeNull();
    expect(timesOf("job_%")).toBeNull();
  });
});

describe.skipIf(!hasRedis)("the API behind the command line", () => {
  let bench: ApiBench;
  let lamp: Instance;
  beforeAll(async () => {
    bench = await openApiBench();
    bench.work(async () => ({ ok: true, effects: { per_target: [{ id: "1", from: "off", to: "on" }] } }));
  });
  beforeEach(async () => {
    lamp = await seedLamp(bench.store, { type: { manifest } });
  });
  afterAll(() => bench.end());

  const manifest = {
    ...lampManifest,
    capabilities: [
      ...lampManifest.capabilities.filter(({ id }) => id !== "light.power"),
      {
        id: "light.power",
        verbs: ["on", "off"],
        targets: ["lamp"],
        invertible: { on: { inverse: "off" }, off: { inverse: "on" } },
      },
    ],
  };
  const url = (path: string): string => `/api/integrations/instances/${lamp.id}${path}`;
  const idsOf = async (query: string, token?: string): Promise<string[]> => {
    const asked = token === undefined ? {} : { token };
    const { items } = await bench.json<Listed>("GET", `/api/jobs?instance_id=${lamp.id}&${query}`, asked);
    return items.map(({ id }) => id);
  };

  it("lists jobs by who asked for them", async () => {
    const mine = await bench.json("POST", url("/test"), { status: 202 });
    const theirs = await bench.json("POST", url("/test"), { status: 202, token: bench.tokens.operator });
    const admit = (name: string, scheduleId?: string) =>
      bench.deps.admission.admit({
        kind: "instance.test_connection",
        input: { instance_id: lamp.id },
        principal: systemPrincipal(name, scheduleId),
        action: "test",
      });
    const { job: ticked } = await admit("schedule", "sch_1");
    const { job: bySystem } = await admit(`a name with "scheduleId":" in it`);
    const sets: readonly (readonly [string, unknown[]])[] = [
      ["by=me", [mine["id"]]],
      ["by=token", [theirs["id"], mine["id"]]],
      ["by=schedule", [ticked.id]],
      ["by=rule", []],
      ["by=system", [bySystem.id]],
      ["not_by=schedule", [bySystem.id, theirs["id"], mine["id"]]],
      ["by=schedule&not_by=schedule", []],
    ];
    for (const [query, ids] of sets) expect((await idsOf(query)).sort(), query).toEqual([...ids].sort());
    expect((await bench.ask("GET", "/api/jobs?by=nobody")).status).toBe(400);
  });

  it("finds jobs by how their id begins, within what the caller sees", async () => {
    const { id } = await bench.json<{ id: string }>("POST", url("/test"), { status: 202 });
    expect(await idsOf(`id=${id}`)).toEqual([id]);
    expect(await idsOf(`id=${id.slice(0, 20)}`)).toEqual([id]);
    expect(await idsOf(`id=${id.slice(0, 12)}`)).toContain(id);
    expect(await idsOf(`id=${id.slice(0, -1)}${id.endsWith("0") ? "1" : "0"}`)).toEqual([]);
    const blind = await bench.makeToken("viewer", { instances: [] });
    expect(await idsOf(`id=${id}`, blind.token)).toEqual([]);
    expect((await bench.ask("GET", "/api/jobs?id=job_1")).status).toBe(400);
  });

  it("names the undo that was made when another one is asked for, and repeats a request that it accepted", async () => {
    const body = { capability: "light.power", verb: "on", target: { type: "lamp", id: "1" } };
    const waited = { prefer: "wait=10" };
    const { id } = await bench.json("POST", url("/actions"), { body, headers: waited });
    const headers = { "idempotency-key": "undo-once" };
    const undo = await bench.json("POST", `/api/jobs/${id}/undo`, { status: 202, headers });
    const again = await bench.json("POST", `/api/jobs/${id}/undo`, { status: 409 });
    expect(again).toMatchObject({ code: "undo_conflict", job_id: undo["id"] });
    expect(again["detail"]).toContain(String(undo["id"]));
    expect(await bench.json("POST", `/api/jobs/${id}/undo`, { status: 202, headers })).toMatchObject({
      id: undo["id"],
    });
    expect(await bench.json("GET", `/api/jobs/${id}`)).toMatchObject({ undone_by: undo["id"] });
    expect(await bench.json("GET", `/api/jobs/${String(undo["id"])}`)).not.toHaveProperty("undone_by");
  });

  it("leads a browser from the front door to the page", async () => {
    const response = await bench.ask("GET", "/", { token: null });
    expect(response.status).toBe(302);
    expect(response.headers.get("location")).toBe("/api/docs");
  });

  it("names the instances in error to whoever sees them, with the cause and what to do", async () => {
    const error = { code: "auth_failed" as const, detail: "The lamp knows no such key.", at: Date.now() };
    const facts = { id: lamp.id, configRevision: lamp.configRevision, state: "error" as const, latencyMs: null, error };
    await bench.store.write(() => recordTest({ ...facts, at: Date.now() + 60_000 }));
    const diagnosis = await bench.json("GET", "/api/doctor");
    expect(diagnosis).toMatchObject({ ok: false });
    expect(diagnosis["checks"]).toContainEqual({
      check: `instance ${lamp.name}`,
      ok: false,
      detail: "Its state is error: The lamp knows no such key. (auth_failed)",
      next_step: expect.stringContaining("test"),
    });
    expect(diagnosis["checks"]).toContainEqual({ check: "workers", ok: true, detail: "1 worker is alive" });
    const { token } = await bench.makeToken("viewer", { instances: [] });
    const { checks } = await bench.json<{ checks: { check: string }[] }>("GET", "/api/doctor", { token });
    expect(checks.filter(({ check }) => check.startsWith("instance "))).toEqual([]);
  });

  it("keeps the last admin token that works, unless forced", async () => {
    const { id: me } = await bench.json("GET", "/api/whoami");
    const limited = await bench.makeToken("admin", { instances: [lamp.id] });
    const expired = await bench.makeToken("admin", { expiresAt: Date.now() - 1 });
    const refused = await bench.json("DELETE", `/api/tokens/${me}`, { status: 409 });
    expect(refused).toMatchObject({ code: "last_admin_token", detail: expect.stringContaining("force") });
    await bench.json("DELETE", `/api/tokens/${limited.id}`, { status: 204 });
    await bench.json("DELETE", `/api/tokens/${expired.id}`, { status: 204 });
    const other = await bench.makeToken("admin");
    await bench.json("DELETE", `/api/tokens/${other.id}`, { status: 204 });
    const third = await bench.makeToken("admin");
    const token = third.token;
    await bench.json("DELETE", `/api/tokens/${me}`, { status: 204, token });
    await bench.json("DELETE", `/api/tokens/${third.id}?force=true`, { status: 204, token });
    expect((await bench.ask("GET", "/api/whoami", { token })).status).toBe(401);
  });
});
