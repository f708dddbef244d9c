/** The pack that drives the counting device, and small ones that are installed while everything breaks. */
import { httpPack, zip } from "../../kit/pack.ts";

export const countingId = "chaos.device";
export const shelfId = "chaos.shelf";

const params = "params: { type: object, additionalProperties: false, properties: { n: { type: integer } } }";

const capabilities = `  - { id: inventory.list, verbs: [list], targets: [vm] }
  - id: vm.queue
    verbs: [add]
    targets: [vm]
    dry_run: required
    ${params}
    writes: ["POST /vms/{target}/queue"]
  - id: vm.task
    verbs: [run]
    targets: [vm]
    dry_run: required
    ${params}
    writes: ["POST /vms/{target}/task"]
  - id: vm.label
    verbs: [set, read]
    targets: [vm]
    dry_run: not_supported
    ${params}
    writes: ["PUT /vms/{target}/label"]
  - id: vm.sync
    verbs: [apply]
    targets: [vm]
    idempotent: true
    dry_run: required
    ${params}
    writes: ["POST /vms/{target}/sync"]`;

const reads = `
  get = async (path) => (await this.transports.http.request({ path })).json();
  async test_connection() { await this.get("/version"); return { status: "connected", latency_ms: 1 }; }
  async inventory_list() { return this.get("/vms"); }
`;

const driver = `${reads}
  dry = (target, verb, n, parts) => ({ ok: true, severity: "info", preconditions: [{ check: "there", ok: true }],
    plan: { kind: "api", steps: parts.map((part) => (
      { transport: "http", method: "POST", path: "/vms/" + target.id + "/" + verb, json: { n, part } })) },
    effects: { summary: verb, per_target: [{ id: target.id, from: "a", to: "b" }] } });
  async vm_queue({ target, params, dryRun }) {
    await this.get("/vms/" + target.id);
    if (dryRun) return this.dry(target, "queue", params.n ?? 0, [1, 2]);
    await this.apply(1);
    await this.get("/vms/" + target.id);
    await this.apply();
    return { ok: true };
  }
  async vm_task({ target, params, dryRun }) {
    if (dryRun) return this.dry(target, "task", params.n ?? 0, [1]);
    await this.apply();
    while (!(await this.get("/tasks/" + params.n)).done) await new Promise((resolve) => setTimeout(resolve, 100));
    return { ok: true };
  }
  async vm_label({ verb, target, params }) {
    if (verb === "read") return this.get("/vms/" + target.id);
    for (const part of [1, 2]) {
      await this.transports.http.request({ method: "PUT", path: "/vms/" + target.id + "/label", json: { n: params.n, part } });
    }
    return { ok: true };
  }
  async vm_sync({ target, params, dryRun }) {
    if (dryRun) return this.dry(target, "sync", params.n ?? 0, [1]);
    await this.apply();
    return { ok: true };
  }
`;

const transports = `  http:
    url: "http://{host}:{port}/api"
    headers: { Authorization: "Bearer {secret:token}" }`;

const withPatience = (pack: Record<string, string>): Record<string, string> => ({
  ...pack,
  "plugin.yaml": (pack["plugin.yaml"] ?? "").replace(
    "defaults: {",
    "defaults: { http: { timeout_s: 10, retries: 1, backoff_ms_start: 50 },",
  ),
});

export const countingPack = (): Promise<Buffer> =>
  zip(withPatience(httpPack(countingId, { driver, capabilities, transports })));

/** A pack with hardly anything in it: what counts is whether it arrives whole. */
export const smallPack = (id: string, version: string): Promise<Buffer> =>
  zip(
    withPatience(
      httpPack(id, {
        version,
        driver: reads,
        capabilities: capabilities.split("\n")[0]!,
        transports,
      }),
    ),
  );
