/** The OpenAPI document says everything about each route: who may ask, what is sent, what is answered. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { catalog, type JobKind } from "../../src/jobs/catalog.ts";
import { compileSchema } from "../../src/model/schema.ts";
import { type ApiBench, openApiBench } from "../kit/api.ts";
import { hasRedis } from "../kit/redis.ts";

interface Operation {
  readonly description: string;
  readonly parameters: readonly { readonly in: string; readonly name: string }[];
  readonly requestBody?: { readonly content: Record<string, { readonly schema: object; readonly example?: unknown }> };
  readonly responses: Record<string, { readonly content?: Record<string, { readonly schema?: object }> }>;
  readonly security?: readonly unknown[];
}

describe.skipIf(!hasRedis)("the OpenAPI document", () => {
  let bench: ApiBench;
  let operations: readonly (readonly [string, Operation])[];
  beforeAll(async () => {
    bench = await openApiBench();
    const { paths } = await bench.json<{ paths: Record<string, Record<string, Operation>> }>(
      "GET",
      "/api/openapi.json",
    );
    operations = Object.entries(paths).flatMap(([path, item]) =>
      Object.entries(item).map(([method, operation]) => [`${method.toUpperCase()} ${path}`, operation] as const),
    );
  });
  afterAll(() => bench.end());
  const which = (isMeant: (operation: Operation) => boolean): string[] =>
    operations.filter(([, operation]) => isMeant(operation)).map(([name]) => name);
  const takes = (operation: Operation, name: string): boolean => operation.parameters.some((one) => one.name === name);

  it("says of each route which role it needs, or that it needs no token", () => {
    expect(
      which(({ description }) => !/Needs the role (viewer|operator|admin)|No token is needed/.test(description)),
    ).toEqual([]);
  });

  it("gives each answer that succeeds a schema, and each that does not a problem", () => {
    const bare = operations.flatMap(([name, { responses }]) =>
      Object.entries(responses).flatMap(([status, { content }]) => {
        const media = Object.entries(content ?? {});
        const isGood = status === "204" || (media.length > 0 && media.every(([, { schema }]) => schema !== undefined));
        const isProblem = Number(status) < 400 || status === "503" || content?.["application/problem+json"];
        return isGood && isProblem ? [] : [`${name} ${status}`];
      }),
    );
    expect(bare).toEqual([]);
  });

  it("shows a body for each route that takes one, and the body fits", () => {
    const faults = operations.flatMap(([name, { requestBody }]) => {
      const { schema, example } = requestBody?.content["application/json"] ?? {};
      // One that takes no member has nothing to show.
      if (Object.keys((schema as { properties?: object } | undefined)?.properties ?? {}).length === 0) return [];
      if (schema === undefined) return [];
      if (example === undefined) return [`${name} has no example`];
      return compileSchema(schema)(example).map(({ pointer, message }) => `${name} ${pointer} ${message}`);
    });
    expect(faults).toEqual([]);
  });

  it("names the headers of work on every route that does some", () => {
    const working = which(({ responses }) => "202" in responses).filter((name) => !/cancel$|^GET/.test(name));
    expect(working.length).toBeGreaterThan(10);
    expect(working.filter((name) => !which((operation) => takes(operation, "Idempotency-Key")).includes(name))).toEqual(
      [],
    );
    const waiting = which((operation) => takes(operation, "Prefer"));
    expect(working.filter((name) => !waiting.includes(name))).toEqual(["POST /api/integrations/types/upload/stream"]);
    expect(waiting).toContain("GET /api/integrations/instances/{id}/inventory");
  });

  it("says the same on the page", async () => {
    const page = await (await bench.ask("GET", "/api/docs", { token: null })).text();
    for (const words of ["Idempotency-Key", "Prefer", "Example", "schema-Job", "schema-Problem"])
      expect(page).toContain(words);
  });

  it("names the kinds and states that a list can be asked for", async () => {
    const kinds = Object.keys(catalog) as JobKind[];
    for (const path of ["/api/jobs?kind=no.such", "/api/events?kind=no.such"]) {
      const refused = await bench.json<{ errors: { message: string }[] }>("GET", path, { status: 400 });
      for (const kind of kinds) expect(refused.errors[0]?.message).toContain(kind);
    }
    const refused = await bench.json<{ detail: string }>("GET", "/api/jobs?state=odd", { status: 400 });
    for (const state of ["queued", "succeeded", "unknown_outcome"]) expect(refused.detail).toContain(state);
    await bench.json("GET", "/api/jobs?kind=action.run&state=failed");
  });
});
