/** Instances over HTTP: what is checked, what is kept, what is never shown. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { newId } from "../../src/model/ids.ts";
import type { Manifest } from "../../src/model/manifest.ts";
import { recordTest, sealedSecrets } from "../../src/store/instances.ts";
import { claimJob } from "../../src/store/jobs.ts";
import { upsertType } from "../../src/store/types.ts";
import { type ApiBench, openApiBench } from "../kit/api.ts";
import { lampManifest, lampType } from "../kit/fixtures.ts";
import { hasRedis } from "../kit/redis.ts";

const base = "/api/integrations/instances";

const manifest: Manifest = {
  ...lampManifest,
  schema: {
    connection: {
      type: "object",
      required: ["host", "password"],
      properties: {
        host: { type: "string", minLength: 1 },
        port: { type: "integer", minimum: 1, maximum: 65_535 },
        password: { type: "string", minLength: 3, secret: true },
        pin: { type: "string", secret: true },
      },
    },
  },
};

interface Shown {
  readonly instance_id: string;
  readonly state: string;
  readonly secrets: Record<string, { set: boolean }>;
  readonly warnings?: string[];
}

describe.skipIf(!hasRedis)("instances over HTTP", () => {
  let bench: ApiBench;
  let name: string;
  beforeAll(async () => {
    bench = await openApiBench();
    await bench.store.write(() => upsertType(lampType({ manifest })));
  });
  beforeEach(() => {
    name = `lamp ${newId("ins", Date.now())}`;
  });
  afterAll(() => bench.end());

  const body = (change: Record<string, unknown> = {}) => ({
    type_id: "acme.lamp",
    name,
    config: { host: "lamp.example" },
    secrets: { password: "correct horse" },
    ...change,
  });
  const create = (change: Record<string, unknown> = {}) =>
    bench.json<Shown>("POST", base, { body: body(change), status: 201 });
  const problemsOf = async (change: Record<string, unknown>, code = "config_invalid") => {
    const found = await bench.json<{ code: string; errors: { pointer: string; message: string }[] }>("POST", base, {
      body: body(change),
      status: 400,
    });
    expect(found.code).toBe(code);
    return found.errors.map(({ pointer }) => pointer).sort();
  };

  it("makes one, configured and untested, and shows no secret", async () => {
    const made = await bench.ask("POST", base, { body: body() });
    expect(made.status).toBe(201);
    const shown = (await made.json()) as Shown;
    expect(made.headers.get("location")).toBe(`${base}/${shown.instance_id}`);
    expect(shown).toMatchObject({
      type_id: "acme.lamp",
      name,
      config: { host: "lamp.example" },
      secrets: { password: { set: true, updated_at: expect.any(String) } },
      state: "configured",
      last_test: null,
      latency_ms: null,
      last_error: null,
      flags: [],
      type_name: "Acme lamp",
      type_category: "smart-home",
    });
    expect(shown.warnings).toBeUndefined();
    expect(JSON.stringify(shown)).not.toContain("correct horse");
    const [sealed] = await bench.store.read(() => sealedSecrets(shown.instance_id));
    expect(sealed).toMatchObject({ version: 1, sealed: `sealed(${shown.instance_id}/password/1/13)` });
    expect(await bench.json("GET", `${base}/${shown.instance_id}`)).toEqual(shown);
  });

  it("warns of a secret too short to be searched for", async () => {
    const { warnings } = await create({ secrets: { password: "short" } });
    expect(warnings).toEqual([expect.stringContaining("password")]);
  });

  it("names everything that is wrong, each in its place", async () => {
    expect(await problemsOf({ config: { port: 0, extra: 1 }, secrets: { password: "x" } })).toEqual([
      "/config/extra",
      "/config/host",
      "/config/port",
      "/secrets/password",
    ]);
    expect(await problemsOf({ secrets: {} })).toEqual(["/secrets/password"]);
    expect(await problemsOf({ config: { host: "a", password: "correct horse" } })).toEqual(["/config/password"]);
    expect(await problemsOf({ secrets: { password: "correct horse", host: "b" } })).toEqual(["/secrets/host"]);
  });

  it("refuses a host that names no endpoint before anybody tries to reach it", async () => {
    expect(await problemsOf({ config: { host: "user@lamp.example/path" } })).toEqual(["/config/host"]);
  });

  it("refuses unknown and unusable types, and a name that is taken", async () => {
    const missing = await bench.json("POST", base, { body: body({ type_id: "no.such" }), status: 404 });
    expect(missing).toMatchObject({ code: "not_found" });
    await bench.store.write(() => upsertType(lampType({ id: "bad.lamp", status: "invalid", manifest })));
    const bad = await bench.json("POST", base, { body: body({ type_id: "bad.lamp" }), status: 400 });
    expect(bad).toMatchObject({ code: "type_not_usable" });
    await create();
    expect(await bench.json("POST", base, { body: body(), status: 409 })).toMatchObject({ code: "name_taken" });
  });

  it("refuses a name that would be taken for something else, new or changed", async () => {
    const { instance_id: id } = await create();
    for (const bad of ["-x", "two\nlines", "bell\u0007", id]) {
      expect(await problemsOf({ name: bad }, "validation_failed")).toEqual(["/name"]);
      const renamed = await bench.json("PATCH", `${base}/${id}`, { body: { name: bad }, status: 400 });
      expect(renamed).toMatchObject({ code: "validation_failed", errors: [{ pointer: "/name" }] });
    }
  });

  it("replaces config, merges secrets, deletes one by null, and then asks for a review", async () => {
    const { instance_id: id } = await create({ secrets: { password: "correct horse", pin: "12345678" } });
    await bench.store.write(() =>
      recordTest({ id, configRevision: 1, state: "connected", at: 1, latencyMs: 1, error: null }),
    );
    const renamed = await bench.json<Shown>("PATCH", `${base}/${id}`, { body: { name: `${name} again` } });
    expect(renamed.state).toBe("connected");
    const changed = await bench.json<Shown & { config: unknown }>("PATCH", `${base}/${id}`, {
      body: { config: { host: "other.example", port: 80 }, secrets: { pin: null } },
    });
    expect(changed).toMatchObject({ state: "needs_review", config: { host: "other.example", port: 80 } });
    expect(Object.keys(changed.secrets)).toEqual(["password"]);
    await bench.json("PATCH", `${base}/${id}`, { body: { secrets: { password: "another one" } } });
    const sealed = await bench.store.read(() => sealedSecrets(id));
    expect(sealed.map((secret) => secret.sealed)).toEqual([`sealed(${id}/password/2/11)`]);
  });

  it("checks a change as it checks a new one, without knowing the kept secrets", async () => {
    const { instance_id: id } = await create();
    const refuse = (change: object) => bench.json("PATCH", `${base}/${id}`, { body: change, status: 400 });
    expect(await refuse({ config: { host: "" } })).toMatchObject({ errors: [{ pointer: "/config/host" }] });
    expect(await refuse({ secrets: { password: null } })).toMatchObject({ errors: [{ pointer: "/secrets/password" }] });
    expect(await refuse({ secrets: { password: "x" } })).toMatchObject({ errors: [{ pointer: "/secrets/password" }] });
    const { instance_id: other } = await create({ name: `${name} other` });
    expect(await bench.json("PATCH", `${base}/${other}`, { body: { name }, status: 409 })).toMatchObject({
      code: "name_taken",
    });
  });

  it("deletes one with its queued jobs, but not while one runs", async () => {
    const { instance_id: id } = await create();
    const first = await bench.json<{ id: string }>("POST", `${base}/${id}/test`, { status: 202 });
    await bench.store.write(() => claimJob({ id: first.id, workerId: "wrk_1", now: Date.now() }));
    expect(await bench.json("DELETE", `${base}/${id}`, { status: 409 })).toMatchObject({ code: "instance_busy" });
    const { instance_id: idle } = await create({ name: `${name} idle` });
    const waiting = await bench.json<{ id: string }>("POST", `${base}/${idle}/test`, { status: 202 });
    expect((await bench.ask("DELETE", `${base}/${idle}`)).status).toBe(204);
    expect((await bench.ask("GET", `${base}/${idle}`)).status).toBe(404);
    expect(await bench.json("GET", `/api/jobs/${waiting.id}`)).toMatchObject({ state: "cancelled" });
    expect((await bench.ask("DELETE", `${base}/${idle}`)).status).toBe(404);
  });

  it("lets admins only make, change and delete", async () => {
    const { instance_id: id } = await create();
    const token = bench.tokens.operator;
    for (const [method, path, change] of [
      ["POST", base, body({ name: `${name} x` })],
      ["PATCH", `${base}/${id}`, { name: "x" }],
      ["DELETE", `${base}/${id}`, undefined],
    ] as const) {
      expect((await bench.ask(method, path, { token, body: change })).status).toBe(403);
    }
  });
});
