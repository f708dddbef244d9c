/** Requests that no honest client makes: wrong types everywhere, odd methods, origins and media types. Never a 500. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { errorTable } from "../../src/errors.ts";
import { type ApiBench, type Asked, openApiBench } from "../kit/api.ts";
import { lampManifest, seedLamp } from "../kit/fixtures.ts";
import { oddBodies, oddBodiesInside, oddTexts, oddValues } from "../kit/odd-values.ts";
import { hasRedis } from "../kit/redis.ts";
import { type ApiRoute, type ApiRoutes, readRoutes, sampleOf } from "../kit/routes.ts";

describe.skipIf(!hasRedis)("a request with wrong types", () => {
  let bench: ApiBench;
  let api: ApiRoutes;
  let ids: Record<string, string>;
  beforeAll(async () => {
    bench = await openApiBench();
    bench.work(async () => ({}));
    api = await readRoutes(bench);
    const lamp = await seedLamp(bench.store, { type: { manifest: lampManifest } });
    const job = await bench.json<{ id: string }>("POST", `/api/integrations/instances/${lamp.id}/test`, {
      status: 202,
    });
    ids = { instances: lamp.id, jobs: job.id, types: "acme.lamp" };
  });
  afterAll(async () => {
    expect(Object.prototype).not.toHaveProperty("polluted");
    await bench.end();
  });

  const concrete = (path: string, id?: string): string => {
    const [, noun = ""] = /\/(\w+)\/\{/.exec(path) ?? [];
    return path.replace("{id}", id ?? ids[noun] ?? "none").replaceAll(/\{\w+\}/g, id ?? "1");
  };
  /** Whatever comes, the answer is no 500, and a problem of the table when it is a refusal. */
  const expectSound = async (name: string, path: string, asked: Asked & { method: string }): Promise<number> => {
    const response = await bench.ask(asked.method, path, asked);
    const isStream = response.headers.get("content-type")?.includes("event-stream") === true;
    if (isStream) await response.body?.cancel();
    const text = isStream ? "" : await response.text();
    expect(response.status, `${name}: ${text.slice(0, 300)}`).not.toBe(500);
    if (response.status >= 400 && !path.startsWith("/readyz")) {
      expect(response.headers.get("content-type"), name).toBe("application/problem+json");
      const problem = JSON.parse(text) as { code: string; status: number };
      expect(errorTable, name).toHaveProperty(problem.code);
      expect(problem.status, name).toBe(response.status);
    }
    for (const word of ["SQLITE", "at Object.", "node_modules", "/src/"]) expect(text, name).not.toContain(word);
    return response.status;
  };
  const json = { "content-type": "application/json", accept: "*/*" };
  const withBody = (): ApiRoute[] => api.routes.filter((route) => api.bodyOf(route) !== undefined);

  it("in each member of each body is refused or done, and never stumbled over", async () => {
    expect(withBody().length).toBeGreaterThan(5);
    for (const route of withBody()) {
      const schema = api.bodyOf(route) ?? {};
      const sample = sampleOf(schema) as Record<string, unknown>;
      for (const member of [...Object.keys(sample), "unknown"]) {
        for (const odd of oddValues) {
          const rest = Object.entries({ ...sample, [member]: undefined }).filter(([key]) => key !== member);
          const text = `{${rest.map((pair) => `${JSON.stringify(pair[0])}:${JSON.stringify(pair[1])},`).join("")}${JSON.stringify(member)}:${odd}}`;
          const name = `${route.name} ${member}=${odd.slice(0, 60)}`;
          await expectSound(name, concrete(route.path), { method: route.method, headers: json, body: text });
        }
      }
    }
  });

  it("in each place inside a member is refused or done, and never stumbled over", async () => {
    const asked = withBody().flatMap((route) => oddBodiesInside(route.name).map((body) => ({ route, body })));
    expect(asked.filter(({ body }) => body.includes('"target"')).length).toBeGreaterThan(100);
    expect(asked.filter(({ body }) => body.includes('"secrets"')).length).toBeGreaterThan(100);
    for (const { route, body } of asked) {
      const name = `${route.name} ${body.slice(0, 200)}`;
      await expectSound(name, concrete(route.path), { method: route.method, headers: json, body });
    }
  });

  it("as a whole body is refused", async () => {
    for (const route of withBody()) {
      for (const body of [...oddBodies, ...oddValues]) {
        const name = `${route.name} ${body.slice(0, 60)}`;
        const status = await expectSound(name, concrete(route.path), { method: route.method, headers: json, body });
        if (!["", "{}"].includes(body)) expect([400, 404, 409], name).toContain(status);
      }
    }
  });

  it("in each parameter of each query is refused or done", async () => {
    for (const route of api.routes) {
      const names = route.operation.parameters.filter((one) => one.in === "query").map(({ name }) => name);
      for (const name of [...names, "unknown"]) {
        for (const odd of [...oddTexts, `1&${name}=2`]) {
          const path = `${concrete(route.path)}?${name}=${odd}`;
          await expectSound(`${route.method} ${path.slice(0, 200)}`, path, {
            method: route.method,
            headers: { accept: "*/*" },
          });
        }
      }
    }
  });

  it("in each part of each path finds nothing", async () => {
    for (const route of api.routes.filter(({ path }) => path.includes("{"))) {
      for (const odd of oddTexts.filter((text) => text !== "")) {
        const path = concrete(route.path, odd);
        await expectSound(`${route.method} ${path.slice(0, 200)}`, path, {
          method: route.method,
          headers: { accept: "*/*" },
        });
      }
    }
  });

  it("in a header that steers is refused or left alone", async () => {
    const path = `/api/integrations/instances/${ids["instances"]}/test`;
    const odd = ["", "-1", "wait=", "wait=1e9", "wait=-5", "wait=NaN", "x".repeat(4_000), "\u00ff", "[]", "a\tb"];
    for (const value of odd) {
      for (const header of ["prefer", "idempotency-key", "last-event-id", "accept", "content-type", "traceparent"]) {
        await expectSound(`${header}: ${value}`, path, { method: "POST", headers: { [header]: value } });
        await expectSound(`${header}: ${value}`, "/api/events", { method: "GET", headers: { [header]: value } });
      }
    }
  });
});

describe.skipIf(!hasRedis)("a request of another kind", () => {
  let bench: ApiBench;
  let api: ApiRoutes;
  beforeAll(async () => {
    bench = await openApiBench();
    api = await readRoutes(bench);
  });
  afterAll(() => bench.end());

  const methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND", "QUERY", "get", "post"];
  const tunnels: Record<string, string>[] = [
    { "x-http-method-override": "DELETE" },
    { "x-http-method": "DELETE" },
    { "x-method-override": "DELETE" },
  ];

  /** What a path takes, by whichever of its routes. */
  const takenBy = (url: string): string[] => {
    const matches = ({ path }: ApiRoute): boolean => new RegExp(`^${path.replaceAll(/\{\w+\}/g, "[^/]+")}$`).test(url);
    const taken = api.routes.filter(matches).map(({ method }) => method);
    return [...taken, "OPTIONS", ...(taken.includes("GET") ? ["HEAD"] : [])];
  };

  it("has no method but those of the document", async () => {
    const urls = new Set(api.routes.map(({ path }) => path.replaceAll(/\{\w+\}/g, "none")));
    for (const url of urls) {
      const taken = takenBy(url);
      for (const method of methods.filter((one) => !taken.includes(one.toUpperCase()))) {
        const response = await bench.ask(method, url);
        expect(response.status, `${method} ${url}`).toBe(405);
        expect(response.headers.get("allow")?.split(", ").sort(), url).toEqual([...new Set(taken)].sort());
      }
    }
  });

  it("has no other method through a tunnel", async () => {
    const { id } = await bench.makeToken("viewer");
    for (const headers of tunnels) {
      expect((await bench.ask("GET", "/api/tokens", { headers })).status).toBe(200);
      expect((await bench.ask("GET", "/api/tokens?_method=DELETE", { headers })).status).toBe(400);
      expect(
        (await bench.ask("POST", `/api/tokens/${id}?_method=DELETE`, { headers, body: { _method: "DELETE" } })).status,
      ).toBe(405);
    }
    const { items } = await bench.json<{ items: { id: string; revoked_at: string | null }[] }>("GET", "/api/tokens");
    expect(items.find((token) => token.id === id)).toMatchObject({ revoked_at: null });
  });

  it("takes JSON as JSON only: a form that a foreign page can send is none", async () => {
    const body = JSON.stringify({ name: "forged", role: "admin" });
    const types = [
      "text/plain",
      "application/x-www-form-urlencoded",
      "multipart/form-data; boundary=x",
      "text/json",
      "application/jsonp",
    ];
    for (const type of [...types, "application/json, text/plain", "application/xml"]) {
      const response = await bench.ask("POST", "/api/tokens", { headers: { "content-type": type }, body });
      expect(response.status, type).toBe(415);
    }
    const untyped = await bench.ask("POST", "/api/tokens", { headers: { "content-type": "" }, body });
    expect([400, 415]).toContain(untyped.status);
    expect(JSON.stringify(await bench.json("GET", "/api/tokens"))).not.toContain("forged");
  });

  it("gives no other origin a look, whatever it is called", async () => {
    const friend = "https://console.example";
    const open = await openApiBench({ corsOrigins: [friend] });
    const strangers = [
      ...["null", "https://console.example.evil.example", "https://evil-console.example", "http://console.example"],
      ...["https://console.example:8443", "https://CONSOLE.example", "https://sub.console.example", "*", "file://"],
    ];
    for (const origin of strangers) {
      for (const one of [bench, open]) {
        for (const method of ["GET", "OPTIONS"]) {
          const headers = {
            origin,
            "access-control-request-method": "DELETE",
            "access-control-request-headers": "authorization",
          };
          const response = await one.ask(method, "/api/tokens", { headers });
          expect(response.headers.get("access-control-allow-origin"), origin).toBeNull();
          expect(response.headers.get("access-control-allow-credentials")).toBeNull();
        }
      }
    }
    const preflight = { origin: friend, "access-control-request-method": "DELETE" };
    const answer = await open.ask("OPTIONS", "/api/tokens/x", { headers: preflight, token: null });
    expect(answer.headers.get("access-control-allow-origin")).toBe(friend);
    expect(answer.headers.get("access-control-allow-credentials")).toBeNull();
    expect(answer.headers.get("vary")?.toLowerCase()).toContain("origin");
    const refused = await open.ask("GET", "/api/tokens", { headers: { origin: friend }, token: "wrong" });
    expect([refused.status, refused.headers.get("access-control-allow-origin")]).toEqual([401, friend]);
    await open.end();
  });

  it("opens no stream above the limits, of ten thousand asked for, and all again when they ended", async () => {
    const small = await openApiBench({ maxStreams: 300 });
    const { token } = await small.makeToken("viewer");
    const open = async (count: number, path: string): Promise<Response[]> =>
      Promise.all(
        Array.from({ length: count }, () =>
          small.ask("GET", path, { token, headers: { accept: "text/event-stream" } }),
        ),
      );
    const statuses: number[] = [];
    const streams: Response[] = [];
    for (let round = 0; round < 10; round += 1) {
      for (const response of await open(1_000, "/api/events")) {
        statuses.push(response.status);
        if (response.status === 200) streams.push(response);
      }
    }
    expect(new Set(statuses)).toEqual(new Set([200, 429]));
    expect(streams.length).toBe(300);
    expect((await small.ask("GET", "/api/whoami")).status).toBe(200);
    for (const stream of streams) await stream.body?.cancel();
    expect((await open(1, "/api/events"))[0]?.status).toBe(200);
    await small.end();
  });
});
