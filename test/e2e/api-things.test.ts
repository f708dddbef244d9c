/** Types, plans and schedules over HTTP, and that answers are as the document says. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Instance } from "../../src/model/instance.ts";
import type { JsonObject } from "../../src/model/json.ts";
import type { Plan } from "../../src/model/plan.ts";
import { compileSchema } from "../../src/model/schema.ts";
import { schedulesFor } from "../../src/queue/schedules.ts";
import { saveInventory } from "../../src/store/inventory.ts";
import { insertPlan } from "../../src/store/plans.ts";
import { insertRelease } from "../../src/store/releases.ts";
import { upsertSchedule } from "../../src/store/schedules.ts";
import { type ApiBench, openApiBench } from "../kit/api.ts";
import { lampManifest, seedLamp } from "../kit/fixtures.ts";
import { hasRedis } from "../kit/redis.ts";

const digest = "0".repeat(64);

describe.skipIf(!hasRedis)("things over HTTP", () => {
  let bench: ApiBench;
  let lamp: Instance;
  let document: {
    paths: Record<
      string,
      Record<string, { responses: Record<string, { content?: Record<string, { schema: object }> }> }>
    >;
    components: { schemas: object };
  };
  beforeAll(async () => {
    bench = await openApiBench();
    lamp = await seedLamp(bench.store);
    document = await bench.json("GET", "/api/openapi.json", { token: null });
    bench.work(async (_job, emit) => {
      await emit("a line");
      return { status: "connected" };
    });
  });
  afterAll(() => bench.end());

  const types = "/api/integrations/types";
  const instances = "/api/integrations/instances";
  const plan = (): Plan => ({
    id: "pln_1",
    hash: "h",
    instanceId: lamp.id,
    configRevision: 1,
    digest,
    capability: "light.power",
    verb: "on",
    target: { type: "lamp", id: "1" },
    params: {},
    pinned: true,
    result: {
      ok: true,
      severity: "info",
      preconditions: [{ check: "reachable", ok: true }],
      plan: { kind: "api", steps: [], preview: ["PUT /lamps/1"] },
      effects: { summary: "on", per_target: [{ id: "1", from: "off", to: "on" }] },
    },
    steps: [
      { transport: "http", method: "PUT", path: "/lamps/1", headers: { "x-pin": "{secret:pin}" }, json: { on: true } },
    ],
    createdAt: 1,
    expiresAt: 2,
    madeBy: "job_1",
    usedBy: null,
  });

  it("shows a type, its manifest and its releases", async () => {
    await bench.store.write(() =>
      insertRelease({ digest, typeId: "acme.lamp", version: "1.0.0", installedAt: 1, status: "valid" }, [
        { path: "plugin.yaml", bytes: Buffer.from("id: acme.lamp\n") },
      ]),
    );
    const [first] = await bench.json<object[]>("GET", types);
    expect(first).toMatchObject({
      id: "acme.lamp",
      name: "Acme lamp",
      version: "1.0.0",
      status: "valid",
      errors: {},
      schema_connection: lampManifest.schema.connection,
      capabilities: lampManifest.capabilities,
      driver_entrypoint: "driver:LampDriver",
      language: "node",
      release: { digest, installed_at: "1970-01-01T00:00:00.001Z" },
      sandbox_level: "full",
    });
    expect(await bench.json("GET", `${types}/acme.lamp`)).toEqual(first);
    expect(await bench.json("GET", `${types}/acme.lamp/manifest`)).toEqual({
      type_id: "acme.lamp",
      manifest_yaml: "id: acme.lamp\n",
      manifest: lampManifest,
    });
    expect(await bench.json("GET", `${types}/acme.lamp/releases`)).toEqual({
      items: [{ digest, version: "1.0.0", status: "valid", installed_at: "1970-01-01T00:00:00.001Z", is_active: true }],
      next_cursor: null,
    });
    expect((await bench.ask("GET", `${types}/no.such`)).status).toBe(404);
  });

  it("makes jobs of validating, rolling back, removing and rescanning", async () => {
    const kinds = [
      ["POST", "/acme.lamp/validate", undefined, { type_id: "acme.lamp" }, "pack.validate"],
      ["POST", "/acme.lamp/rollback", { digest }, { type_id: "acme.lamp", digest }, "pack.rollback"],
      ["DELETE", "/acme.lamp", undefined, { type_id: "acme.lamp" }, "pack.remove"],
    ] as const;
    for (const [method, path, body, input, kind] of kinds) {
      const job = await bench.json(method, types + path, { ...(body ? { body } : {}), status: 202 });
      expect(job).toMatchObject({ kind, input });
    }
    const rescan = await bench.ask("GET", `${types}?rescan=true`);
    const id = rescan.headers.get("switchyard-job");
    expect(await bench.json("GET", `/api/jobs/${id}`)).toMatchObject({ kind: "pack.rescan" });
    expect((await bench.ask("GET", `${types}?rescan=true`, { token: bench.tokens.operator })).status).toBe(403);
  });

  it("shows a plan with its steps, and no secret", async () => {
    await bench.store.write(() => insertPlan(plan()));
    const shown = await bench.json("GET", "/api/plans/pln_1", { token: bench.tokens.viewer });
    expect(shown).toMatchObject({
      plan_id: "pln_1",
      plan_hash: "h",
      instance_id: lamp.id,
      ok: true,
      plan: { preview: ["PUT /lamps/1"], steps: [{ headers: { "x-pin": "[secret:pin]" } }] },
      used_by: null,
    });
    const { token } = await bench.makeToken("viewer", { instances: [] });
    expect((await bench.ask("GET", "/api/plans/pln_1", { token })).status).toBe(404);
  });

  it("shows, pauses and resumes schedules", async () => {
    const [heartbeat] = schedulesFor(lamp.id, lampManifest);
    if (!heartbeat) throw new Error("expected a heartbeat");
    await bench.store.write(() => upsertSchedule(heartbeat));
    const url = `/api/schedules/${heartbeat.id}`;
    const { items } = await bench.json<{ items: { next_run_at: string }[] }>("GET", "/api/schedules");
    expect(items).toEqual([
      {
        id: heartbeat.id,
        instance_id: lamp.id,
        kind: "instance.test_connection",
        every_s: 120,
        paused: false,
        next_run_at: expect.any(String),
        last_job_id: null,
        last_state: null,
      },
    ]);
    const due = Date.parse(items[0]?.next_run_at ?? "");
    expect(due - Date.now()).toBeLessThanOrEqual(120_000);
    expect(due).toBeGreaterThan(Date.now());
    expect((await bench.ask("POST", `${url}/pause`, { token: bench.tokens.viewer })).status).toBe(403);
    expect(await bench.json("POST", `${url}/pause`)).toMatchObject({ paused: true, next_run_at: null });
    expect(await bench.json("POST", `${url}/resume`)).toMatchObject({ paused: false });
    const { token } = await bench.makeToken("operator", { instances: [] });
    expect(await bench.json("GET", "/api/schedules", { token })).toEqual({ items: [], next_cursor: null });
    expect((await bench.ask("POST", `${url}/pause`, { token })).status).toBe(404);
  });

  it("answers as the document says", async () => {
    const job = await bench.json<{ id: string }>("POST", `${instances}/${lamp.id}/test`, {
      headers: { prefer: "wait=10" },
    });
    const change = {
      at: 1,
      jobId: job.id,
      instanceId: lamp.id,
      type: "lamp",
      added: [{ external_id: "1", name: "a" }],
      removed: [],
      changed: [],
    };
    const target = { type: "lamp", external_id: "1", name: "a", attrs: {}, labels: {} };
    const payload = {
      instanceId: lamp.id,
      targetType: "lamp",
      items: [target],
      fetchedAt: 1,
      fetchDurationMs: 1,
      ttlSeconds: 1,
    };
    await bench.store.write(() => saveInventory({ payload, change }));
    const defs = JSON.parse(
      JSON.stringify(document.components.schemas).replaceAll("#/components/schemas/", "#/$defs/"),
    ) as JsonObject;
    const places: [string, string][] = [
      ...[
        "/readyz",
        "/healthz",
        "/api/jobs",
        "/api/schedules",
        "/api/tokens",
        "/api/audit",
        "/api/whoami",
        "/api/doctor",
        types,
        instances,
      ].map((path): [string, string] => [path, path]),
      ["/api/jobs/{id}", `/api/jobs/${job.id}`],
      ["/api/jobs/{id}/events", `/api/jobs/${job.id}/events`],
      ["/api/jobs/{id}/journal", `/api/jobs/${job.id}/journal`],
      ["/api/plans/{id}", "/api/plans/pln_1"],
      ...["", "/manifest", "/releases"].map((rest): [string, string] => [
        `${types}/{id}${rest}`,
        `${types}/acme.lamp${rest}`,
      ]),
      ...["", "/inventory", "/inventory/summary", "/inventory/changes"].map((rest): [string, string] => [
        `${instances}/{id}${rest}`,
        `${instances}/${lamp.id}${rest}${rest === "/inventory" ? "?cached_only=true" : ""}`,
      ]),
    ];
    for (const [path, url] of places) {
      const body = await bench.json("GET", url, { headers: { accept: "application/json" } });
      const schema = document.paths[path]?.["get"]?.responses["200"]?.content?.["application/json"]?.schema;
      const local = JSON.parse(JSON.stringify(schema).replaceAll("#/components/schemas/", "#/$defs/")) as JsonObject;
      expect(compileSchema({ ...local, $defs: defs })(body), `${path}: ${JSON.stringify(body).slice(0, 300)}`).toEqual(
        [],
      );
    }
  });
});
