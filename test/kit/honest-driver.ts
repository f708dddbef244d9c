/** A driver that does one thing per method, for tests of the sandbox. */
const driver = `import { Driver, DriverError } from "switchyard/sdk";
import { double } from "./lib/numbers.ts";
let calls = 0;
export class D extends Driver {
  static handles = { "vm.lifecycle": { verbs: ["start"], targets: ["vm"] } };
  field = async () => 1;
  async test_connection() {
    return { status: "connected", latency_ms: double(2), message: undefined, config: this.config, secrets: this.secrets };
  }
  async inventory_list({ targetType, options }) {
    const answer = await this.transports.http.request({ path: "/" + targetType });
    return [{ type: targetType, options, status: answer.status, body: answer.json() }];
  }
  async count() { calls += 1; return calls; }
  async whoami() { return process.pid; }
  async speak() {
    console.log("printed", { a: 1 });
    process.stdout.write("raw\\n");
    this.log.info("logged", { at: 2 });
    this.progress(50, "half");
  }
  async known() { throw new DriverError("auth_failed", "The token is not accepted.", { realm: "pam" }); }
  async invented() { throw new DriverError("not_a_code", "Something else."); }
  async stumble() { return null.length; }
  async odd({ shape }) {
    const cyclic = { name: "a" }; cyclic.self = cyclic;
    const shapes = {
      date: { list: [1, new Date(0)] }, function: { f() {} }, nan: { x: NaN }, bigint: { "a/b": 1n }, map: new Map(), cyclic,
      getter: { get x() { throw new Error("no"); } }, proto: JSON.parse('{"a":{"__proto__":{"polluted":1}}}'),
    };
    return shapes[shape];
  }
  async many() { return Promise.all(Array.from({ length: 60 }, (_, i) => this.transports.http.request({ path: "/" + i }))).then((all) => all.length); }
  async caught() { try { await this.transports.http.request({ path: "/" }); } catch (error) { return { code: error.code, message: error.message }; } }
  async strange() { await this.transports.http.request({ path: "/", json: new Map() }); }
  async waitForAbort({ signal }) {
    await this.transports.http.request({ path: "/started" });
    if (!signal.aborted) await new Promise((resolve) => signal.addEventListener("abort", resolve));
    this.log.info("heard " + signal.reason.code);
  }
  async ignoreAbort() { await this.transports.http.request({ path: "/started" }); await new Promise((resolve) => setTimeout(resolve, 60_000)); }
  async stray() { setTimeout(() => { throw new Error("out of nowhere"); }, 5); await new Promise(() => setInterval(() => {}, 1000)); }
  async race({ how }) {
    const ask = (path) => this.transports.http.request({ path });
    const waits = {
      timer: () => new Promise((resolve) => setTimeout(resolve, 20)),
      signal: () => new Promise((resolve) => AbortSignal.timeout(20).addEventListener("abort", resolve)),
      immediate: () => new Promise((resolve) => setImmediate(resolve)),
      file: () => import("node:fs/promises").then((fs) => fs.readFile(new URL(import.meta.url))),
      late: () => ask("/quick").then(() => new Promise((resolve) => setTimeout(resolve, 20))),
    };
    return Promise.race([ask("/held").then(() => "answer"), waits[how]().then(() => how)]);
  }
  async leave() { process.exit(3); }
}
`;

export const honestPack = { "driver.js": driver, "lib/numbers.js": "export const double = (n) => n * 2;\n" };
