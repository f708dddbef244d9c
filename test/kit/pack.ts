/** Makes `.int` archives for tests out of a map of files. */
import { ZipFile } from "yazl";

export const zip = (files: Readonly<Record<string, string | Buffer>>): Promise<Buffer> => {
  const archive = new ZipFile();
  for (const [path, content] of Object.entries(files)) archive.addBuffer(Buffer.from(content), path);
  archive.end();
  const chunks: Buffer[] = [];
  return new Promise((resolve, reject) => {
    archive.outputStream.on("data", (chunk: Buffer) => chunks.push(chunk));
    archive.outputStream.on("error", reject);
    archive.outputStream.on("end", () => resolve(Buffer.concat(chunks)));
  });
};

/** A small http pack; `driver` is the body of its class. */
export const httpPack = (
  id: string,
  options: {
    version?: string;
    driver?: string;
    capabilities?: string;
    transports?: string;
    /** Of its defaults, beside that nothing is done to its instances on a schedule. */
    defaults?: string;
    extra?: string;
  } = {},
): Record<string, string> => ({
  "plugin.yaml": `id: ${id}
name: Test ${id}
version: ${options.version ?? "1.0.0"}
min_core_version: 0.10.0
category: compute
driver: { entrypoint: "driver:TestDriver" }
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
${options.transports ?? `  http:\n    url: "http://{host}:{port}/api"\n    headers: { Authorization: ["Bearer {secret:token}"] }`}
defaults: { heartbeat_interval_s: 0, inventory_refresh_interval_s: 0, ${options.defaults ?? "dry_run_refresh_sla_s: 5"} }
${options.extra ?? ""}
capabilities:
${
  options.capabilities ??
  `  - { id: inventory.list, verbs: [list], targets: [vm] }
  - id: vm.power
    verbs: [start, stop]
    targets: [vm]
    dry_run: required
    invertible: { start: { inverse: stop }, stop: { inverse: start } }
    writes: ["POST /vms/{target}/{verb}"]`
}
`,
  "driver.ts": `import { Driver, DriverError } from "switchyard/sdk";
export class TestDriver extends Driver {
${
  options.driver ??
  `  async test_connection() { return { status: "connected", latency_ms: 1 }; }
  async inventory_list() { return []; }
  async vm_power({ verb, target, dryRun }) {
    if (!dryRun) { const [answer] = await this.apply(); return { ok: true, details: { status: answer.status } }; }
    return { ok: true, severity: "info", preconditions: [], plan: { kind: "api", steps: [
      { transport: "http", method: "POST", path: "/vms/" + target.id + "/" + verb } ] },
      effects: { summary: verb, per_target: [{ id: target.id, from: "a", to: "b" }] } };
  }`
}
}
`,
});

export const upload = (bytes: Buffer, name = "pack.int"): FormData => {
  const form = new FormData();
  form.set("file", new Blob([new Uint8Array(bytes)]), name);
  return form;
};
