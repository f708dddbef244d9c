/** A real device through the whole system: tested, listed, watched by schedules, and missed when it is gone. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { createServer } from "node:http";
import { createServer as createTcpServer } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { deleteInstance } from "../kit/delete-instance.ts";
import { upload, zip } from "../kit/pack.ts";
import { createBelongings } from "../kit/process.ts";
import { hasPrometheus, startPrometheus, type TestPrometheus } from "../kit/prometheus.ts";
import { type System, startSystem, until } from "../kit/system.ts";

interface Job {
  readonly id: string;
  readonly state: string;
  readonly result: Record<string, unknown>;
}
interface Item {
  readonly type: string;
  readonly name: string;
  readonly attrs: Record<string, unknown>;
}
interface Inventory {
  readonly items: readonly Item[];
  readonly cache: { readonly state: string; readonly error?: { readonly code: string } | null };
}
interface Schedule {
  readonly id: string;
  readonly instance_id: string;
  readonly kind: string;
  readonly paused: boolean;
  readonly next_run_at: string | null;
  readonly last_job_id: string | null;
  readonly last_state: string | null;
}

const folder = join(import.meta.dirname, "..", "..", "integrations", "prometheus");
const wait = { prefer: "wait=30" };
const instances = "/api/integrations/instances";

/** The shipped pack as it is, but in a hurry. */
const hastyPack = async (): Promise<FormData> => {
  const paths = readdirSync(folder, { recursive: true }).map(String);
  const files = paths.filter((path) => statSync(join(folder, path)).isFile() && !path.startsWith("test"));
  const content = Object.fromEntries(files.map((path) => [path, readFileSync(join(folder, path))]));
  const manifest = readFileSync(join(folder, "plugin.yaml"), "utf8")
    .replace(/^version: .*$/m, "version: 99.0.0")
    .replace(/heartbeat_interval_s: .*$/m, "heartbeat_interval_s: 1")
    .replace(/inventory_ttl_s: .*$/m, "inventory_ttl_s: 1\n  inventory_refresh_interval_s: 1");
  return upload(await zip({ ...content, "plugin.yaml": manifest }));
};

describe.skipIf(!hasPrometheus)("a Prometheus", () => {
  const own = createBelongings();
  let system: System;
  let prometheus: TestPrometheus;
  let instance = "";
  beforeAll(async () => {
    [system, prometheus] = await Promise.all([startSystem(), startPrometheus()]);
    await until(async () => {
      const { body } = await system.call("GET", "/api/integrations/types/prometheus");
      return body["status"] === "valid" ? true : undefined;
    }, "the shipped pack");
    await until(async () => {
      const answer = await fetch(`${prometheus.url}/api/v1/targets`);
      const { data } = (await answer.json()) as { data: { activeTargets: { health: string }[] } };
      return data.activeTargets.filter(({ health }) => health !== "unknown").length === 2 ? true : undefined;
    }, "both targets to be scraped");
  }, 60_000);
  afterAll(async () => {
    await own.giveBack();
    await system?.dispose();
  }, 40_000);

  const add = async (name: string, url: string): Promise<string> => {
    const { status, body } = await system.call<{ instance_id: string }>("POST", instances, {
      type_id: "prometheus",
      name,
      config: { url },
    });
    expect(status, JSON.stringify(body)).toBe(201);
    return body.instance_id;
  };
  const test = (id: string) => system.call("POST", `${instances}/${id}/test`, undefined, wait);
  const inventory = (type: string, query = "") =>
    system.call<Inventory>("GET", `${instances}/${instance}/inventory?type=${type}&active_only=false${query}`);
  const schedule = async (kind: string): Promise<Schedule> => {
    const { body } = await system.call<{ items: Schedule[] }>("GET", "/api/schedules?limit=500");
    const found = body.items.find((one) => one.instance_id === instance && one.kind === kind);
    if (found === undefined) throw new Error(`no schedule ${kind} in ${JSON.stringify(body)}`);
    return found;
  };
  const untilNext = async (kind: string, count = 1): Promise<void> => {
    for (let left = count; left > 0; left -= 1) {
      const before = (await schedule(kind)).last_job_id;
      await until(async () => ((await schedule(kind)).last_job_id === before ? undefined : true), `the next ${kind}`);
    }
  };

  it("answers the manifest's test and the driver's", async () => {
    instance = await add("prometheus", prometheus.url);
    const { status, body } = await test(instance);
    expect(status).toBe(200);
    expect(body["result"]).toMatchObject({
      status: "connected",
      latency_ms: expect.any(Number),
      message: expect.stringMatching(/^Prometheus \d/),
      details: { version: expect.any(String), targets: 2 },
    });
    const known = await system.call("GET", `${instances}/${instance}`);
    expect(known.body).toMatchObject({ state: "connected", last_error: null, last_test: expect.any(String) });
  });

  it("lists what it scrapes and its alerting rules", async () => {
    const { body: targets } = await inventory("scrape_target");
    expect(targets.cache).toMatchObject({ state: "fresh" });
    expect(targets.items.map(({ attrs }) => attrs["status"]).sort()).toEqual(["down", "up"]);
    const rules = await inventory("alert_rule");
    expect(rules.status).toBe(200);
    expect(rules.body.items.map(({ name }) => name).sort()).toEqual(["NeverFires", "NeverFires", "TargetDown"]);
    const other = await inventory("vm");
    expect(other).toMatchObject({ status: 400, body: { code: "target_type_unknown" } });
  });

  it.each([
    ["a port where nothing listens", "connection_refused", () => Promise.resolve(1)],
    [
      "a web server that is something else",
      "protocol_mismatch",
      () => own.server(createServer((_, response) => response.end('{"status":"fine"}'))),
    ],
    [
      "a web server without such a page",
      "protocol_mismatch",
      () => own.server(createServer((_, response) => response.writeHead(404).end("no"))),
    ],
    [
      "a server that speaks something else",
      "protocol_mismatch",
      () => own.server(createTcpServer((socket) => socket.end("220 ready\r\n"))),
    ],
  ])("says what is wrong with %s", async (name, code, portOf) => {
    const id = await add(name, `http://127.0.0.1:${await portOf()}`);
    const tested = await test(id);
    expect(tested.body, JSON.stringify(tested.body)).toMatchObject({ code });
    const known = await system.call("GET", `${instances}/${id}`);
    expect(known.body).toMatchObject({ state: "error", last_error: { code } });
    await deleteInstance(system, id);
  });

  it("is tested and refreshed in the background as its type asks, and what changed is on record", async () => {
    const installed = await system.call<Job>("POST", "/api/integrations/types/upload", await hastyPack(), wait);
    expect(installed.status, JSON.stringify(installed.body)).toBe(200);
    instance = await add("hasty", prometheus.url);
    const state = await until(async () => {
      const { body } = await system.call("GET", `${instances}/${instance}`);
      return body["state"] === "connected" ? body : undefined;
    }, "a heartbeat that finds it");
    expect(state["last_test"]).toEqual(expect.any(String));
    const rule = `${instances}/${instance}/inventory/changes?type=alert_rule`;
    const change = await until(async () => {
      const { body } = await system.call<{ items: Record<string, unknown[]>[] }>("GET", rule);
      return body.items.find(({ added }) => (added?.length ?? 0) > 0);
    }, "the first refresh");
    expect(change).toMatchObject({ added: expect.arrayContaining([expect.anything()]), job_id: expect.any(String) });
    await untilNext("instance.refresh_inventory", 2);
    const job = await system.call("GET", `/api/jobs/${(await schedule("instance.refresh_inventory")).last_job_id}`);
    expect(job.body).toMatchObject({ requested_by: { schedule_id: expect.stringContaining("refresh") } });
  }, 60_000);

  it("is left alone by a schedule that is paused, until it is resumed", async () => {
    const { id } = await schedule("instance.refresh_inventory");
    expect((await system.call("POST", `/api/schedules/${id}/pause`)).status).toBe(200);
    expect(await schedule("instance.refresh_inventory")).toMatchObject({ paused: true, next_run_at: null });
    // Without refreshes the heartbeat is the only contact: it ticks again.
    await untilNext("instance.test_connection");
    const { last_job_id } = await schedule("instance.refresh_inventory");
    await untilNext("instance.test_connection", 2);
    expect(await schedule("instance.refresh_inventory")).toMatchObject({ last_job_id });
    expect((await system.call("POST", `/api/schedules/${id}/resume`)).status).toBe(200);
    await untilNext("instance.refresh_inventory");
  }, 60_000);

  it("is missed when it is gone: in error, its last good inventory still served and marked", async () => {
    const before = (await inventory("scrape_target")).body;
    expect(before.items).toHaveLength(2);
    await prometheus.stop();
    const known = await until(async () => {
      const { body } = await system.call("GET", `${instances}/${instance}`);
      return body["state"] === "error" ? body : undefined;
    }, "a heartbeat that misses it");
    expect(known).toMatchObject({ last_error: { code: "connection_refused" } });
    const after = await until(async () => {
      const { body } = await inventory("scrape_target");
      return body.cache.error ? body : undefined;
    }, "a failed refresh");
    expect(after.cache).toMatchObject({ state: "stale", error: { code: "connection_refused" } });
    expect(after.items.map(({ name }) => name).sort()).toEqual(before.items.map(({ name }) => name).sort());
  }, 60_000);
});
