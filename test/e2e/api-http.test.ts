/** What holds for every route: who may ask, what is taken, how it is refused. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type ApiBench, openApiBench } from "../kit/api.ts";
import { seedLamp } from "../kit/fixtures.ts";
import { hasRedis } from "../kit/redis.ts";

describe.skipIf(!hasRedis)("the HTTP interface", () => {
  let bench: ApiBench;
  beforeAll(async () => {
    bench = await openApiBench({ corsOrigins: ["https://console.example"] });
  });
  afterAll(() => bench.end());

  it("says that it lives and is ready without a token", async () => {
    expect(await bench.json("GET", "/healthz", { token: null })).toEqual({ alive: true, version: "1.0.0" });
    expect(await bench.json("GET", "/readyz", { token: null })).toEqual({
      ready: true,
      redis: true,
      store: true,
      workers: 1,
      sandbox: { level: "full" },
    });
    const metrics = await bench.ask("GET", "/metrics", { token: null });
    expect(await metrics.text()).toContain("switchyard_http_requests_total");
  });

  it("refuses who brings no token, with a problem document", async () => {
    const response = await bench.ask("GET", "/api/jobs", { token: null });
    expect(response.status).toBe(401);
    expect(response.headers.get("content-type")).toBe("application/problem+json");
    expect(response.headers.get("www-authenticate")).toContain("Bearer");
    expect(await response.json()).toMatchObject({
      code: "unauthorized",
      status: 401,
      instance: "/api/jobs",
      errors: [],
      title: expect.any(String),
      type: expect.any(String),
      detail: expect.stringContaining("Authorization"),
    });
  });

  it("never takes a token from the URL", async () => {
    const response = await bench.ask("GET", `/api/jobs?token=${bench.tokens.admin}&ticket=${bench.tokens.admin}`, {
      token: null,
    });
    expect(response.status).toBe(401);
  });

  it("refuses expired and revoked tokens", async () => {
    const expired = await bench.makeToken("viewer", { expiresAt: Date.now() - 1 });
    expect((await bench.ask("GET", "/api/whoami", { token: expired.token, address: "192.0.2.50" })).status).toBe(401);
    const { id, token } = await bench.makeToken("viewer");
    expect((await bench.ask("GET", "/api/whoami", { token })).status).toBe(200);
    expect((await bench.ask("DELETE", `/api/tokens/${id}`)).status).toBe(204);
    expect((await bench.ask("GET", "/api/whoami", { token, address: "192.0.2.51" })).status).toBe(401);
    expect((await bench.ask("DELETE", `/api/tokens/${id}`)).status).toBe(404);
  });

  it("answers 429 after 30 failures from one address, and to no other", async () => {
    const fail = (address: string) => bench.ask("GET", "/api/whoami", { token: "wrong", address });
    for (let count = 0; count < 30; count += 1) expect((await fail("192.0.2.99")).status).toBe(401);
    const response = await fail("192.0.2.99");
    expect(response.status).toBe(429);
    expect(await response.json()).toMatchObject({ code: "rate_limited" });
    expect((await fail("192.0.2.98")).status).toBe(401);
  });

  it("knows nothing at a path with a slash behind it", async () => {
    for (const path of ["/api/jobs/", "/api/whoami/"]) expect((await bench.ask("GET", path)).status, path).toBe(404);
  });

  it("tells an unknown path from an unknown method", async () => {
    expect(await bench.json("GET", "/api/nothing", { status: 404 })).toMatchObject({ code: "not_found" });
    const response = await bench.ask("PUT", "/api/jobs");
    expect(response.status).toBe(405);
    expect(response.headers.get("allow")).toBe("GET, HEAD, OPTIONS");
    expect(await response.json()).toMatchObject({ code: "method_not_allowed" });
    expect((await bench.ask("GET", "/api/nothing", { token: null })).status).toBe(401);
    expect((await bench.ask("GET", "/nothing", { token: null })).status).toBe(404);
  });

  it("answers HEAD without a body, and OPTIONS with the methods", async () => {
    const head = await bench.ask("HEAD", "/api/jobs");
    expect([head.status, await head.text()]).toEqual([200, ""]);
    const options = await bench.ask("OPTIONS", "/api/tokens", { token: null });
    expect([options.status, options.headers.get("allow")]).toEqual([204, "GET, POST, HEAD, OPTIONS"]);
  });

  it("refuses what it cannot answer, and bodies it cannot read", async () => {
    const image = { accept: "image/png" };
    expect(await bench.json("GET", "/api/jobs", { headers: image, status: 406 })).toMatchObject({
      code: "not_acceptable",
    });
    const xml = { headers: { "content-type": "application/xml" }, body: "<a/>", status: 415 };
    expect(await bench.json("POST", "/api/tokens", xml)).toMatchObject({ code: "unsupported_media_type" });
    for (const charset of ["utf-16", '"UTF-16LE"', "iso-8859-1"]) {
      const headers = { "content-type": `application/json; charset=${charset}` };
      const refused = await bench.json("POST", "/api/tokens", { headers, body: "{}", status: 415 });
      expect(refused).toMatchObject({ code: "unsupported_media_type", detail: expect.stringContaining("UTF-8") });
    }
    for (const charset of ["utf-8", '"UTF-8"', "utf8"]) {
      const headers = { "content-type": `application/json; charset=${charset}` };
      await bench.json("POST", "/api/tokens", { headers, body: "{}", status: 400 });
    }
    const broken = { headers: { "content-type": "application/json" }, body: "{", status: 400 };
    expect(await bench.json("POST", "/api/tokens", broken)).toMatchObject({ code: "validation_failed" });
    const huge = { body: { name: "x".repeat(1_100_000), role: "viewer" }, status: 413 };
    expect(await bench.json("POST", "/api/tokens", huge)).toMatchObject({ code: "payload_too_large" });
  });

  it("names every problem of a body and of a query at once", async () => {
    const { errors } = await bench.json<{ errors: { pointer: string }[] }>("POST", "/api/tokens", {
      body: { name: "", role: "king", more: 1 },
      status: 400,
    });
    expect(errors.map(({ pointer }) => pointer).sort()).toEqual(["/more", "/name", "/role"]);
    const query = await bench.json<{ errors: { pointer: string }[] }>("GET", "/api/jobs?limit=0&state=odd&since=soon", {
      status: 400,
    });
    expect(query.errors.map(({ pointer }) => pointer).sort()).toEqual(["/query/limit", "/query/since", "/query/state"]);
  });

  it("refuses parameters that a route does not have, and those that come twice", async () => {
    const refused = (path: string) => bench.json<{ errors: object[] }>("GET", path, { status: 400 });
    expect((await refused("/api/jobs?stat=failed&state=failed")).errors).toEqual([
      { pointer: "/query/stat", message: expect.stringContaining("did you mean state") },
    ]);
    expect((await refused("/api/jobs?state=failed&state=queued")).errors).toEqual([
      { pointer: "/query/state", message: "expected one value, got 2" },
    ]);
    for (const name of ["__proto__", "constructor", "a%2Fb"]) {
      expect(await refused(`/api/whoami?${name}=1`)).toMatchObject({ code: "validation_failed" });
    }
    expect((await bench.ask("GET", "/api/jobs?")).status).toBe(200);
    expect((await bench.ask("GET", "/healthz?from=monitor")).status).toBe(200);
  });

  it("gives a short list whole, or in pages to who asks for them", async () => {
    for (const role of ["viewer", "operator", "viewer"] as const) await bench.makeToken(role);
    const read = (query: string) =>
      bench.json<{ items: { id: string }[]; next_cursor: string | null }>("GET", `/api/tokens${query}`);
    const all = await read("");
    expect(all.next_cursor).toBeNull();
    const paged: { id: string }[] = [];
    for (let query: string | null = "?limit=2"; query !== null; ) {
      const page = await read(query);
      expect(page.items.length).toBeLessThanOrEqual(2);
      paged.push(...page.items);
      query = page.next_cursor === null ? null : `?limit=2&cursor=${page.next_cursor}`;
    }
    expect(paged).toEqual(all.items);
    expect(await bench.json("GET", "/api/tokens?cursor=x", { status: 400 })).toMatchObject({
      errors: [{ pointer: "/query/cursor" }],
    });
    expect((await read("?cursor=100000")).items).toEqual([]);
  });

  it("sends headers that keep browsers safe, and lets configured origins in only", async () => {
    const plain = await bench.ask("GET", "/api/whoami");
    expect(plain.headers.get("x-content-type-options")).toBe("nosniff");
    expect(plain.headers.get("content-security-policy")).toContain("default-src 'none'");
    const friend = await bench.ask("GET", "/api/whoami", { headers: { origin: "https://console.example" } });
    expect(friend.headers.get("access-control-allow-origin")).toBe("https://console.example");
    const stranger = await bench.ask("GET", "/api/whoami", { headers: { origin: "https://evil.example" } });
    expect(stranger.headers.get("access-control-allow-origin")).toBeNull();
  });

  it("shows a token once, and only its hash is kept", async () => {
    const made = await bench.json<{ id: string; token: string }>("POST", "/api/tokens", {
      body: { name: "ci", role: "operator" },
      status: 201,
    });
    const { items } = await bench.json<{ items: Record<string, unknown>[] }>("GET", "/api/tokens");
    expect(JSON.stringify(items)).not.toContain(made.token);
    expect(items.find(({ id }) => id === made.id)).toMatchObject({ name: "ci", role: "operator", revoked_at: null });
    const me = await bench.json("GET", "/api/whoami", { token: made.token });
    expect(me).toEqual({ id: made.id, name: "ci", role: "operator", instances: null });
  });

  it("hides other instances from a limited token, everywhere", async () => {
    const [mine, other] = [await seedLamp(bench.store), await seedLamp(bench.store)];
    const { token } = await bench.makeToken("operator", { instances: [mine.id] });
    const seen = await bench.json<{ instance_id: string }[]>("GET", "/api/integrations/instances", { token });
    expect(seen.map(({ instance_id }) => instance_id)).toEqual([mine.id]);
    for (const path of ["", "/inventory", "/inventory/summary", "/inventory/changes"]) {
      const url = `/api/integrations/instances/${other.id}${path}`;
      expect(await bench.json("GET", url, { token, status: 404 })).toMatchObject({ code: "not_found" });
    }
    expect((await bench.ask("POST", `/api/integrations/instances/${other.id}/test`, { token })).status).toBe(404);
    const hidden = await bench.json<{ id: string }>("POST", `/api/integrations/instances/${other.id}/test`, {
      status: 202,
    });
    const shown = await bench.json<{ id: string }>("POST", `/api/integrations/instances/${mine.id}/test`, {
      token,
      status: 202,
    });
    for (const path of ["", "/events", "/journal"]) {
      expect((await bench.ask("GET", `/api/jobs/${hidden.id}${path}`, { token })).status).toBe(404);
    }
    const jobs = await bench.json<{ items: { id: string }[] }>("GET", "/api/jobs", { token });
    expect(jobs.items.map(({ id }) => id)).toEqual([shown.id]);
    expect((await bench.ask("POST", `/api/jobs/${hidden.id}/cancel`, { token })).status).toBe(404);
  });

  it("writes down who did what from where, and what was refused", async () => {
    const { token } = await bench.makeToken("viewer");
    await bench.ask("POST", "/api/tokens", { token, body: { name: "mine", role: "admin" }, address: "192.0.2.7" });
    await expect
      .poll(async () => (await bench.json<{ items: object[] }>("GET", "/api/audit?limit=500")).items)
      .toContainEqual(
        expect.objectContaining({ action: "POST /api/tokens", outcome: "forbidden", address: "192.0.2.7" }),
      );
    const { items } = await bench.json<{ items: object[] }>("GET", "/api/audit?limit=500");
    expect(items).toContainEqual(expect.objectContaining({ action: "token.create", outcome: "done" }));
  });

  it("examines itself", async () => {
    const found = await bench.json<{ ok: boolean; checks: { check: string }[] }>("GET", "/api/doctor");
    expect(found.checks.map(({ check }) => check)).toEqual([
      ...["redis", "store", "workers", "sandbox", "master key", "packs", "instances"],
    ]);
    expect(found.ok).toBe(true);
  });
});
