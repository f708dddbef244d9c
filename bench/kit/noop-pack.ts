/** A pack whose driver does next to nothing: what is measured is the runner. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export const noopType = "bench.noop";

const manifest = `id: ${noopType}
name: Benchmark
version: 1.0.0
min_core_version: 0.10.0
category: compute
driver: { entrypoint: "driver:Noop" }
schema:
  connection:
    type: object
    required: [host, port]
    additionalProperties: false
    properties:
      host: { type: string }
      port: { type: integer }
      token: { type: string, secret: true }
transports:
  http:
    url: "http://{host}:{port}"
    headers: { Authorization: ["Bearer {secret:token}"] }
defaults: { heartbeat_interval_s: 0, inventory_refresh_interval_s: 0, inventory_ttl_s: 3600 }
capabilities:
  - { id: inventory.list, verbs: [list], targets: [vm] }
  - { id: bench.noop, verbs: [get], targets: [vm], lock: none }
  - { id: bench.http, verbs: [get], targets: [vm], lock: none }
  - { id: bench.talk, verbs: [get], targets: [vm], lock: none }
  - { id: bench.hold, verbs: [set], targets: [vm], dry_run: not_supported, writes: ["POST /none"] }
`;

const driver = `import { Driver } from "switchyard/sdk";

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

export class Noop extends Driver {
  async test_connection() {
    return { status: "connected", latency_ms: 0 };
  }
  async inventory_list() {
    return Array.from({ length: 1000 }, (_, index) => ({
      type: "vm",
      external_id: String(index + 1),
      name: "machine-" + (index + 1),
      attrs: { status: "running", node: "node-" + (index % 8), cpu: 4, memory_bytes: 8589934592 },
      labels: { team: "bench" },
    }));
  }
  async bench_noop() {
    return { ok: true };
  }
  async bench_hold({ params }) {
    await pause(params.ms);
    return { ok: true };
  }
  async bench_http({ params }) {
    const samples = [];
    for (let index = 0; index < params.count; index += 1) {
      const from = performance.now();
      const answer = await this.transports.http.request({ path: params.path });
      if (params.parse) answer.json();
      samples.push(performance.now() - from);
    }
    return { samples };
  }
  async bench_talk({ params }) {
    for (let index = 1; index <= params.count; index += 1) {
      if (params.every_ms > 0) await pause(params.every_ms);
      else if (index % 50 === 0) await pause(5);
      this.log.info("said at", { at: performance.timeOrigin + performance.now() });
    }
    return { said: params.count };
  }
}
`;

/** Writes the pack below this folder. */
export const writeNoopPack = (packsDir: string): void => {
  const dir = join(packsDir, noopType);
  mkdirSync(dir, { recursive: true });
  writeFileSync(join(dir, "plugin.yaml"), manifest);
  writeFileSync(join(dir, "driver.ts"), driver);
};
