/** Every route of the document, asked by everybody who might: nobody gets further than their token says. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createAuth, hashToken } from "../../src/api/access/auth.ts";
import { errorTable } from "../../src/errors.ts";
import { silentLog } from "../../src/log.ts";
import { schedulesFor } from "../../src/queue/schedules.ts";
import { insertPlan } from "../../src/store/plans.ts";
import { upsertSchedule } from "../../src/store/schedules.ts";
import { type ApiBench, openApiBench } from "../kit/api.ts";
import { lampPlan, lampType, seedLamp } from "../kit/fixtures.ts";
import { hasRedis } from "../kit/redis.ts";
import { type ApiRoute, type ApiRoutes, readRoutes, sampleOf } from "../kit/routes.ts";

const rank = { open: 0, viewer: 1, operator: 2, admin: 3 } as const;
const callers = ["nobody", "a stranger", "expired", "revoked", "viewer", "operator", "admin", "elsewhere"] as const;
type CallerName = (typeof callers)[number];

describe.skipIf(!hasRedis)("every route and every caller", () => {
  let bench: ApiBench;
  let routes: readonly ApiRoute[];
  let bodyOf: ApiRoutes["bodyOf"];
  let tokens: Record<CallerName, string | null>;
  /** What belongs to the instance that the token "elsewhere" does not see. */
  let ids: Record<string, string>;
  let address = 0;

  beforeAll(async () => {
    bench = await openApiBench();
    bench.work(async () => ({}));
    ({ routes, bodyOf } = await readRoutes(bench));
    const [hidden, other] = [await seedLamp(bench.store), await seedLamp(bench.store)];
    const job = await bench.json<{ id: string }>("POST", `/api/integrations/instances/${hidden.id}/test`, {
      status: 202,
    });
    const [schedule] = schedulesFor(hidden.id, { ...lampType().manifest, defaults: { heartbeat_interval_s: 60 } });
    await bench.store.write(() => insertPlan(lampPlan(hidden.id, { id: "pln_hidden" })));
    if (schedule) await bench.store.write(() => upsertSchedule(schedule));
    ids = { instances: hidden.id, jobs: job.id, schedules: schedule?.id ?? "", plans: "pln_hidden" };
    const expired = await bench.makeToken("admin", { expiresAt: Date.now() - 1 });
    const revoked = await bench.makeToken("admin");
    expect((await bench.ask("DELETE", `/api/tokens/${revoked.id}`)).status).toBe(204);
    tokens = {
      ...{ nobody: null, "a stranger": `swt_${"x".repeat(43)}`, expired: expired.token, revoked: revoked.token },
      ...bench.tokens,
      elsewhere: (await bench.makeToken("admin", { instances: [other.id] })).token,
    };
  });
  afterAll(() => bench.end());

  const concrete = (path: string): string => {
    const [, noun = ""] = /\/(\w+)\/\{/.exec(path) ?? [];
    return path.replace(/\{id\}/, ids[noun] ?? "none").replaceAll(/\{\w+\}/g, "1");
  };
  const ask = async (route: ApiRoute, caller: CallerName): Promise<{ status: number; text: string }> => {
    const { method, path } = route;
    address += 1;
    const schema = bodyOf(route);
    const response = await bench.ask(method, concrete(path), {
      ...{ token: tokens[caller], headers: { accept: "*/*" } },
      ...(schema === undefined ? {} : { body: fitting[path] ?? sampleOf(schema) }),
      address: `2001:db8:${address.toString(16)}::1`,
    });
    const isStream = response.headers.get("content-type")?.includes("event-stream") === true;
    if (isStream) await response.body?.cancel();
    const text = isStream ? "" : await response.text();
    if (response.status >= 400 && path !== "/readyz") {
      expect(response.headers.get("content-type"), `${method} ${path}`).toBe("application/problem+json");
      expect(errorTable).toHaveProperty(JSON.parse(text).code);
    }
    return { status: response.status, text };
  };

  /** The worst that may happen to a caller at a route: 401, 403, or anything that is about the request itself. */
  const expected = ({ operation }: ApiRoute, caller: CallerName): 401 | 403 | null => {
    const role = operation["x-role"];
    if (role === "open") return null;
    if (["nobody", "a stranger", "expired", "revoked"].includes(caller)) return 401;
    if (caller === "elsewhere") return operation["x-concerns-all"] ? 403 : null;
    return rank[caller as "viewer"] >= rank[role] ? null : 403;
  };

  /** Bodies that are right, where a made-up one would be refused before anything is looked for. */
  const fitting: Readonly<Record<string, object>> = {
    "/api/integrations/instances/{id}": { name: "taken over" },
    "/api/integrations/instances/{id}/actions": {
      capability: "light.power",
      verb: "on",
      target: { type: "lamp", id: "1" },
    },
    "/api/integrations/instances/{id}/vm/{vm_id}/lifecycle": { verb: "start" },
  };

  it.each(callers.filter((caller) => caller !== "admin"))("holds for %s", async (caller) => {
    for (const route of routes) {
      const { status } = await ask(route, caller);
      const name = `${caller}: ${route.name} answered ${status}`;
      const refused = expected(route, caller);
      if (refused === null) expect([401, 403, 500], name).not.toContain(status);
      else expect(status, name).toBe(refused);
    }
  });

  it("hides what belongs to another instance, by id and in lists", async () => {
    const about = routes.filter(({ path }) =>
      /^\/api\/(integrations\/instances|jobs|schedules|plans)\/\{id\}/.test(path),
    );
    expect(about.length).toBeGreaterThanOrEqual(20);
    for (const route of about) expect((await ask(route, "elsewhere")).status, route.name).toBe(404);
    for (const route of routes.filter(({ method, path }) => method === "GET" && !path.includes("{"))) {
      const { text } = await ask(route, "elsewhere");
      for (const id of Object.values(ids)) expect(text, route.name).not.toContain(id);
    }
  });

  it("finds for the admin all that it hides from others", async () => {
    const reads = routes.filter(
      ({ method, path }) => method === "GET" && /\/(instances|jobs|schedules|plans)\/\{id\}$/.test(path),
    );
    for (const route of reads) expect((await ask(route, "admin")).status, route.name).toBe(200);
  });
});

describe.skipIf(!hasRedis)("tokens", () => {
  let bench: ApiBench;
  beforeAll(async () => {
    bench = await openApiBench();
  });
  afterAll(() => bench.end());
  const who = async (token: string, address: string) =>
    (await bench.ask("GET", "/api/whoami", { token, address })).status;

  it("are never compared, only their hashes looked up: the time of an answer tells nothing of a token", async () => {
    const asked: string[] = [];
    const reading: typeof bench.store.read = (unit) => {
      const made = unit();
      const first = made.next();
      if (!first.done) asked.push(JSON.stringify(first.value.on("sqlite").parameters));
      return bench.store.read(unit);
    };
    const { deps } = bench;
    const auth = createAuth({ ...deps, log: silentLog, store: { ...bench.store, read: reading } });
    const near = `${bench.tokens.admin.slice(0, -1)}~`;
    await expect(auth.identify(`Bearer ${near}`, "192.0.2.1")).rejects.toMatchObject({ code: "unauthorized" });
    expect(await auth.identify(`Bearer ${bench.tokens.admin}`, "192.0.2.1")).toMatchObject({ role: "admin" });
    expect(asked).toHaveLength(2);
    expect(asked[0]).toContain(hashToken(near));
    expect(asked[1]).toContain(hashToken(bench.tokens.admin));
    expect(asked.join()).not.toContain(bench.tokens.admin.slice(4, 12));
  });

  it("cannot be guessed from an address that failed too often: even the right one is not looked at", async () => {
    const address = "192.0.2.66";
    expect(await who(bench.tokens.viewer, address)).toBe(200);
    for (let count = 0; count < 31; count += 1) await who(`guess-${count}`, address);
    expect(await who(bench.tokens.admin, address)).toBe(429);
    expect(await who(bench.tokens.admin, "192.0.2.67")).toBe(200);
    expect(await who(bench.tokens.viewer, address)).toBe(200);
  });

  it("cannot be guessed from the many addresses of one network, nor over another process", async () => {
    const second = await bench.second();
    for (let count = 0; count < 40; count += 1) await who(`guess-${count}`, `2001:db8:1:2::${count.toString(16)}`);
    expect(await who("guess", "2001:db8:1:2:ffff::1")).toBe(429);
    expect(await who("guess", "2001:db8:1:3::1")).toBe(401);
    for (let count = 0; count < 31; count += 1) await who(`guess-${count}`, "::ffff:192.0.2.88");
    expect(await who("guess", "192.0.2.88")).toBe(429);
    const there = await second.ask("GET", "/api/whoami", { token: "guess", address: "192.0.2.88" });
    expect(there.status).toBe(429);
    await second.end();
  });

  it("are not taken from a URL, a cookie, a form or another scheme", async () => {
    const { admin } = bench.tokens;
    const ways: Record<string, string>[] = [
      ...[{ cookie: `token=${admin}` }, { authorization: `Basic ${btoa(`admin:${admin}`)}` }, { authorization: admin }],
      ...[{ authorization: `Bearer ${admin} x` }, { authorization: `Token ${admin}` }, { "x-api-key": admin }],
      { authorization: `Bearer ${admin},Bearer ${admin}` },
    ];
    for (const headers of ways) {
      const response = await bench.ask("GET", "/api/whoami", { token: null, headers, address: "192.0.2.120" });
      expect(response.status, JSON.stringify(headers)).toBe(401);
    }
    for (const query of [
      `token=${admin}`,
      `access_token=${admin}`,
      `authorization=Bearer%20${admin}`,
      `ticket=${admin}`,
    ]) {
      const response = await bench.ask("GET", `/api/events?${query}`, { token: null, address: "192.0.2.121" });
      expect(response.status).toBe(401);
    }
  });
});
