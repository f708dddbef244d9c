/** Every route of the document, asked by everybody who should not get in, and by those who should. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { errorTable } from "../../src/errors.ts";
import { type ApiBench, openApiBench } from "../kit/api.ts";
import { seedLamp } from "../kit/fixtures.ts";
import { hasRedis } from "../kit/redis.ts";
import { rolesOfRoutes } from "../kit/roles.ts";

interface Operation {
  readonly operationId: string;
  readonly "x-concerns-all"?: boolean;
  readonly "x-role": "open" | "viewer" | "operator" | "admin";
  readonly parameters: { name: string; in: string; required: boolean; schema: object }[];
  readonly requestBody?: { content: Record<string, unknown>; required?: boolean };
  readonly responses: Record<
    string,
    { description: string; content?: Record<string, { schema: object }>; "x-codes"?: string[] }
  >;
}
interface Document {
  readonly openapi: string;
  readonly paths: Record<string, Record<string, Operation>>;
  readonly components: { schemas: Record<string, object> };
}
interface Row {
  readonly method: string;
  readonly path: string;
  readonly operation: Operation;
}

const rank = { open: 0, viewer: 1, operator: 2, admin: 3 } as const;

describe.skipIf(!hasRedis)("every route", () => {
  let bench: ApiBench;
  let document: Document;
  let rows: Row[];
  let address = 0;
  beforeAll(async () => {
    bench = await openApiBench();
    document = await bench.json("GET", "/api/openapi.json", { token: null });
    rows = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => ({ method: method.toUpperCase(), path, operation })),
    );
  });
  afterAll(() => bench.end());

  /** Ids that no route finds: who may come in gets 404 or a problem with the input, and nothing happens. */
  const concrete = (path: string, id = "none"): string => path.replaceAll(/\{\w+\}/g, id);
  /** A fresh address each, so that failures are not counted together. */
  const ask = async ({ method, path }: Row, token: string | null, id?: string): Promise<Response> => {
    address += 1;
    const headers = { accept: "application/json, text/html, text/css, text/plain" };
    const response = await bench.ask(method, concrete(path, id), { token, headers, address: `198.51.100.${address}` });
    if (response.headers.get("content-type")?.includes("event-stream")) await response.body?.cancel();
    return response;
  };

  it("is in a document that a program can follow", () => {
    expect(document.openapi).toBe("3.1.0");
    expect(rows.length).toBeGreaterThan(40);
    const names = Object.keys(document.components.schemas);
    const refs = [...JSON.stringify(document).matchAll(/"#\/components\/schemas\/([^"]+)"/g)].map(([, name]) => name);
    expect(refs.filter((name) => !names.includes(name ?? ""))).toEqual([]);
    const ids = rows.map(({ operation }) => operation.operationId);
    expect(new Set(ids).size).toBe(ids.length);
    for (const { path, operation } of rows) {
      const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
      const declared = operation.parameters.filter((one) => one.in === "path").map(({ name }) => name);
      expect(declared, path).toEqual(inPath);
      expect(
        Object.keys(operation.responses).some((status) => status.startsWith("2")),
        path,
      ).toBe(true);
      const codes = Object.values(operation.responses).flatMap((answer) => answer["x-codes"] ?? []);
      for (const code of codes) expect(errorTable).toHaveProperty(code);
    }
  });

  it("has the routes of the contract", () => {
    const has = rows.map(({ method, path }) => `${method} ${path}`);
    const instances = "/api/integrations/instances";
    const types = "/api/integrations/types";
    expect(has).toEqual(
      expect.arrayContaining([
        ...["GET /healthz", "GET /readyz", "GET /metrics", "GET /api/openapi.json", "GET /api/docs", "GET /api/doctor"],
        ...["GET /api/jobs", "GET /api/jobs/{id}", "GET /api/jobs/{id}/events", "GET /api/jobs/{id}/journal"],
        ...["cancel", "retry", "undo", "events/ticket"].map((name) => `POST /api/jobs/{id}/${name}`),
        ...["GET /api/events", "POST /api/events/ticket", "GET /api/plans/{id}", "GET /api/audit", "GET /api/whoami"],
        ...[`GET ${types}`, `POST ${types}/upload`, `POST ${types}/upload/stream`, `DELETE ${types}/{id}`],
        ...["", "/manifest", "/releases"].map((name) => `GET ${types}/{id}${name}`),
        ...["/validate", "/rollback"].map((name) => `POST ${types}/{id}${name}`),
        ...[`GET ${instances}`, `POST ${instances}`, `PATCH ${instances}/{id}`, `DELETE ${instances}/{id}`],
        ...["", "/inventory", "/inventory/summary", "/inventory/changes"].map((name) => `GET ${instances}/{id}${name}`),
        ...["/test", "/inventory/refresh", "/actions", "/vm/{vm_id}/lifecycle"].map(
          (name) => `POST ${instances}/{id}${name}`,
        ),
        ...["GET /api/schedules", "POST /api/schedules/{id}/pause", "POST /api/schedules/{id}/resume"],
        ...["GET /api/tokens", "POST /api/tokens", "DELETE /api/tokens/{id}"],
      ]),
    );
  });

  it("belongs to the role that is written down for it", () => {
    const routesOf = (role: keyof typeof rank): string[] =>
      rows
        .filter(({ operation }) => operation["x-role"] === role)
        .map(({ method, path, operation }) => `${method} ${path}${operation["x-concerns-all"] ? " *" : ""}`)
        .sort();
    const roles = Object.keys(rank) as (keyof typeof rank)[];
    expect(Object.fromEntries(roles.map((role) => [role, routesOf(role)]))).toEqual(rolesOfRoutes);
  });

  it("asks for a token where the document says so", async () => {
    for (const row of rows) {
      const { status } = await ask(row, null);
      const name = `${row.method} ${row.path}`;
      if (row.operation["x-role"] === "open") expect(status, name).not.toBe(401);
      else expect(status, name).toBe(401);
    }
  });

  it.each(["viewer", "operator", "admin"] as const)("gives a %s what the document says, and no more", async (role) => {
    for (const row of rows) {
      const { status } = await ask(row, bench.tokens[role]);
      const isAllowed = rank[role] >= rank[row.operation["x-role"]];
      const name = `${role}: ${row.method} ${row.path} answered ${status}`;
      if (isAllowed) expect([401, 403, 405, 500], name).not.toContain(status);
      else expect(status, name).toBe(403);
    }
  });

  it("shows nothing of an instance to the token of another one", async () => {
    const [mine, other] = [await seedLamp(bench.store), await seedLamp(bench.store)];
    const { token } = await bench.makeToken("admin", { instances: [mine.id] });
    const about = rows.filter(({ path }) => path.startsWith("/api/integrations/instances/{id}"));
    expect(about.length).toBeGreaterThan(8);
    const bodies: Record<string, object> = {
      "/actions": { capability: "light.power", verb: "on", target: { type: "lamp", id: "1" } },
      "/vm/{vm_id}/lifecycle": { verb: "start" },
      "/host-key/accept": { fingerprint: "SHA256:0123" },
    };
    for (const { method, path } of about) {
      const rest = path.slice("/api/integrations/instances/{id}".length);
      const body = bodies[rest] ?? (method === "PATCH" ? { name: "taken over" } : undefined);
      const url = `/api/integrations/instances/${other.id}${rest.replace("{vm_id}", "1")}`;
      const response = await bench.ask(method, url, { token, ...(body ? { body } : {}) });
      expect(response.status, `${method} ${path}`).toBe(404);
    }
  });

  it("keeps a limited token from what concerns all instances", async () => {
    const { id } = await seedLamp(bench.store);
    const { token } = await bench.makeToken("admin", { instances: [id] });
    const global = rows.filter(({ operation }) => operation["x-concerns-all"]);
    expect(global.map(({ path }) => path)).toContain("/api/tokens");
    for (const row of global) expect((await ask(row, token)).status, `${row.method} ${row.path}`).toBe(403);
    expect((await bench.ask("GET", "/api/integrations/types?rescan=true", { token })).status).toBe(403);
  });

  it("answers every refusal as a problem with a code of the table", async () => {
    for (const row of rows) {
      const response = await ask(row, bench.tokens.viewer, "%00%F0%9F%92%A3");
      if (response.status < 400 || row.path === "/readyz") continue;
      expect(response.headers.get("content-type"), row.path).toBe("application/problem+json");
      const { code, status } = (await response.json()) as { code: string; status: number };
      expect(errorTable).toHaveProperty(code);
      expect(status).toBe(response.status);
      expect(status, row.path).not.toBe(500);
    }
  });

  it("takes wrong values of every kind without falling over", async () => {
    const odd: unknown[] = [null, [], "text", 1, true, {}, { name: { a: 1 } }, { __proto__: { x: 1 }, constructor: 1 }];
    for (const row of rows.filter(({ operation }) => operation.requestBody?.content["application/json"])) {
      for (const body of odd) {
        const response = await bench.ask(row.method, concrete(row.path), {
          headers: { "content-type": "application/json" },
          body: JSON.stringify(body),
        });
        const name = `${row.method} ${row.path} ${JSON.stringify(body)}`;
        // Where a body may be left out, an empty one is right.
        const isRight = JSON.stringify(body) === "{}" && !row.operation.requestBody?.required;
        expect(isRight ? [202, 400, 404, 409] : [400, 404], name).toContain(response.status);
      }
    }
  });

  it("is on a page that loads nothing from elsewhere", async () => {
    const response = await bench.ask("GET", "/api/docs", { token: null });
    const page = await response.text();
    expect(response.headers.get("content-security-policy")).toContain("default-src 'none'");
    expect(page).not.toMatch(/(src|href)="(https?:)?\/\//);
    expect(page).not.toContain("<script");
    for (const { path } of rows) expect(page).toContain(path);
    expect(page).toContain('id="connection_refused"');
    const style = await bench.ask("GET", "/api/docs/style.css", { token: null });
    expect(style.headers.get("content-type")).toContain("text/css");
  });
});
