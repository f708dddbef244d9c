/** A pack whose driver does next to nothing: what is measured is the runner. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { httpPack } from "../../test/kit/pack.ts";

export const noopType = "bench.noop";

const capabilities = `  - { id: inventory.list, verbs: [list], targets: [vm] }
  - { id: bench.noop, verbs: [get], targets: [vm], lock: none }
  - { id: bench.http, verbs: [get], targets: [vm], lock: none }
  - { id: bench.talk, verbs: [get], targets: [vm], lock: none }
  - { id: bench.hold, verbs: [set], targets: [vm], dry_run: not_supported, writes: ["POST /none"] }`;

const driver = `  pause(ms) {
    return new Promise((resolve) => setTimeout(resolve, ms));
  }
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
    await this.pause(params.ms);
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
      if (params.every_ms > 0) await this.pause(params.every_ms);
      else if (index % 50 === 0) await this.pause(5);
      this.log.info("said at", { at: performance.timeOrigin + performance.now() });
    }
    return { said: params.count };
  }`;

const transports = `  http:
    url: "http://{host}:{port}"
    headers: { Authorization: ["Bearer {secret:token}"] }`;

/** Writes the pack below this folder. */
export const writeNoopPack = (packsDir: string): void => {
  const dir = join(packsDir, noopType);
  mkdirSync(dir, { recursive: true });
  const files = httpPack(noopType, { driver, capabilities, transports, defaults: "inventory_ttl_s: 3600" });
  for (const [path, content] of Object.entries(files)) writeFileSync(join(dir, path), content);
};
