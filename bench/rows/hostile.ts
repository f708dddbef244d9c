/** How long an interactive no-op waits while a hostile pack loops, hoards, floods and forges, against the quiet. */
import { upload, zip } from "../../test/kit/pack.ts";
import { actionsPath, noopBody } from "../kit/jobs.ts";
import { atMost, type Measure, type Row } from "../kit/row.ts";
import { type Stack, withStack } from "../kit/stack.ts";
import { listed, median, quantile } from "../kit/statistics.ts";
import { until } from "../kit/until.ts";

const hostileType = "bench.hostile";

const manifest = `id: ${hostileType}
name: Hostile
version: 1.0.0
min_core_version: 0.10.0
category: compute
driver: { entrypoint: "driver:Hostile" }
schema: { connection: { type: object, properties: { host: { type: string }, port: { type: integer } } } }
transports: { http: { url: "http://{host}:{port}" } }
defaults: { heartbeat_interval_s: 0, inventory_refresh_interval_s: 0 }
capabilities:
  - { id: inventory.list, verbs: [list], targets: [vm] }
  - { id: hostile.worst, verbs: [get], targets: [vm], lock: none }
`;

const driver = `import fs from "node:fs";
import { Driver } from "switchyard/sdk";
const frame = Buffer.from(JSON.stringify({ t: "event", id: "guessed", event: { kind: "log", level: "info", message: "x" } }));
const head = Buffer.alloc(4);
head.writeUInt32LE(frame.length);
const flood = Buffer.concat(Array.from({ length: 1000 }, () => Buffer.concat([head, frame])));
export class Hostile extends Driver {
  async test_connection() { return { status: "connected", latency_ms: 0 }; }
  async inventory_list() { return []; }
  async hostile_worst({ params }) {
    if (params.how === "loops") for (;;);
    if (params.how === "spins") for (;;) await null;
    if (params.how === "hoards") { const all = []; for (;;) all.push(Buffer.alloc(8e6, 1)); }
    if (params.how === "fills") { const all = []; for (;;) all.push(new Array(1e5).fill({ a: 1 })); }
    if (params.how === "floods") for (;;) fs.writeSync(3, flood);
    if (params.how === "logs") for (let line = 0; ; line += 1) { this.log.info("line " + line); if (line % 1000 === 0) await new Promise(setImmediate); }
    if (params.how === "asks") for (;;) await Promise.all(Array.from({ length: 64 }, () => this.transports.http.request({ path: "/../x" }).catch(() => {})));
    return this.transports.http.request({ path: "/x" });
  }
}
`;

/** The attackers' own questions must not weigh. */
const patience = { timeoutMs: 600_000, everyMs: 500 };

/** Each all the time, started anew when it was ended. */
const worst = ["loops", "spins", "hoards", "fills", "floods", "logs", "asks"];

const installHostile = async (stack: Stack): Promise<string> => {
  const form = upload(await zip({ "plugin.yaml": manifest, "driver.js": driver }));
  const headers = { authorization: `Bearer ${stack.token}`, prefer: "wait=60" };
  const url = `${stack.url}/api/integrations/types/upload`;
  const installed = await fetch(url, { method: "POST", headers, body: form });
  if (installed.status !== 200) throw new Error(`the hostile pack was refused: ${await installed.text()}`);
  const config = { host: "127.0.0.1", port: 9 };
  const made = { type_id: hostileType, name: "hostile", config };
  const { body } = await stack.call<{ instance_id: string }>("POST", "/api/integrations/instances", made);
  return body.instance_id;
};

const noopsFor = async (stack: Stack, count: number): Promise<number[]> => {
  const samples: number[] = [];
  for (let index = 0; index < count; index += 1) {
    const from = performance.now();
    const { status } = await stack.call("POST", actionsPath(stack), noopBody, 60);
    if (status !== 200) throw new Error(`a no-op answered ${status}`);
    samples.push(performance.now() - from);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return samples;
};

/** Starts what is asked for, keeps it going, and ends it when it is told to. */
const attack = async (stack: Stack, instanceId: string, ways: readonly string[]): Promise<() => Promise<void>> => {
  const path = `/api/integrations/instances/${instanceId}/actions`;
  const asked = (how: string) => ({
    capability: "hostile.worst",
    verb: "get",
    target: { type: "vm", id: "1" },
    params: { how },
  });
  const stop = new AbortController();
  const open = new Map<string, string>();
  const isOver = async (id: string): Promise<boolean> =>
    (await stack.call<{ finished_at: unknown }>("GET", `/api/jobs/${id}`)).body.finished_at !== null;
  const keep = async (how: string): Promise<void> => {
    while (!stop.signal.aborted) {
      const { body } = await stack.call<{ id: string }>("POST", path, asked(how));
      open.set(how, body.id);
      await until(async () => stop.signal.aborted || (await isOver(body.id)), `${how} to end`, patience);
    }
  };
  const all = ways.map(keep);
  await until(
    async () => {
      const { body } = await stack.call<{ items: unknown[] }>(
        "GET",
        `/api/jobs?state=running&instance_id=${instanceId}`,
      );
      return body.items.length >= Math.min(4, ways.length);
    },
    "the attack to begin",
    patience,
  );
  return async () => {
    stop.abort();
    await Promise.all(all);
    for (const id of open.values()) await stack.call("POST", `/api/jobs/${id}/cancel`);
    await until(
      async () => (await Promise.all([...open.values()].map(isOver))).every(Boolean),
      "the attack to end",
      patience,
    );
  };
};

export const hostileRow: Measure = {
  name: "hostile",
  run: async ({ size }): Promise<Row[]> =>
    withStack({}, async (stack) => {
      await stack.startWorker();
      const instanceId = await installHostile(stack);
      await noopsFor(stack, 30);
      const p95 = async (): Promise<number> => quantile(await noopsFor(stack, size(200, 40)), 0.95);
      const against = async (ways: readonly string[], rounds: number): Promise<[number[], number[]]> => {
        const [quiet, attacked]: [number[], number[]] = [[], []];
        for (let round = 0; round < rounds; round += 1) {
          quiet.push(await p95());
          const end = await attack(stack, instanceId, ways);
          attacked.push(await p95());
          await end();
        }
        return [quiet, attacked];
      };
      const each: { readonly way: string; readonly ratio: number }[] = [];
      for (const way of worst) {
        const [quiet, attacked] = await against([way], 1);
        each.push({ way, ratio: median(attacked) / median(quiet) });
      }
      const alone = each.map(({ way, ratio }) => `${way} ${ratio.toFixed(1)}x`).join(", ");
      const [quiet, attacked] = await against(worst, size(3, 1));
      const together = `p95 in ms: ${listed(attacked, 1)}; quiet ${listed(quiet, 1)}`;
      const name = "interactive no-op while a hostile pack does its worst, p95 of the quiet one";
      return [
        atMost({ name, unit: "x", note: alone }, Math.max(...each.map(({ ratio }) => ratio)), 2),
        atMost({ name: "the same, all of it at once", unit: "x", note: together }, median(attacked) / median(quiet), 2),
      ];
    }),
};
