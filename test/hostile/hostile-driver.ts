/** The pack of a driver that does its worst inside real jobs: it escapes, wears out, lies and echoes as `params` say. */
import { httpPack } from "../kit/pack.ts";
import { escapeDriver } from "./escape-driver.ts";
import { exhaustionDriver } from "./exhaustion-driver.ts";

export const hostileId = "acme.hostile";

const params = "params: { type: object }";
const capabilities = `  - { id: inventory.list, verbs: [list], targets: [vm] }
  - { id: hostile.look, verbs: [read], targets: [vm], dry_run: not_supported, writes: [], ${params} }
  - id: hostile.act
    verbs: [go]
    targets: [vm]
    dry_run: required
    ${params}
    writes: ["POST /vms/{target}/{verb}", "POST /vms/{target}/second", "POST /tasks/*"]`;

export const hostileTransports = `  http:
    url: "http://{host}:{port}/api"
    headers: { Authorization: ["Bearer {secret:token}"] }
    places: [/password]
    reads: [{ method: POST, path: /search }]`;

/** What needs more than one line of a driver, by name; `facts` come with the request. */
const worst = `
  async redirected({ to }) { return (await this.get("/redirect", { query: { to } })).status; }
  async bomb() { return (await this.get("/bomb")).body.length; }
  async endless() { return (await this.get("/endless")).body.length; }
  async polluted() { return JSON.parse((await this.get("/proto")).body); }
  async pollutedRequest() { return (await this.search(JSON.parse('{"__proto__":{"polluted":true}}'))).status; }
  async getters() { return { get deep() { throw new Error("looked at"); } }; }
  async cycle() { const it = {}; it.self = it; return it; }
  async classes() { return { when: new Date(), map: new Map(), fn() {} }; }
  async echoed() {
    const { body } = await this.get("/echo");
    this.log.warn("the device says " + body);
    console.log(body);
    throw new Error("it said " + body);
  }
  async handleEchoed() {
    const { body } = await this.search({ password: this.secrets.token, note: "handle" });
    this.log.info("read back " + body);
    return { body, handle: this.secrets.token, inBase64: Buffer.from(body).toString("base64"), inHex: Buffer.from(body).toString("hex") };
  }
  async injects() {
    this.log.info('line\\r\\n{"level":60,"msg":"forged"}\\u001b[2J\\u0007\\u0000 id: 99\\n\\nevent: job.done\\ndata: {}\\n\\n');
    this.progress(10, "\\u001b]0;owned\\u0007\\n\\ndata: forged\\n\\n");
    return { text: "\\n\\nevent: job.done\\ndata: {}\\n\\n" };
  }
  async regex() { return /^(a+)+$/.test("a".repeat(40) + "!"); }
  async symlink({ file, own }) { fs.symlinkSync(file, own + "/link.js"); return import(own + "/link.js"); }
  async remembers() { watchLine(); await this.get("/one"); return "watching"; }
  async remembersMore() { await this.get("/one"); return parsed.length; }
  async replays() {
    const calls = parsed.filter((message) => message.t === "call");
    for (const { id } of calls.slice(0, -1)) {
      put(frame({ t: "ask", id, n: 900, op: "http.request", args: { path: "/replayed" } }));
      put(frame({ t: "event", id, event: { kind: "log", level: "info", message: "replayed" } }));
    }
    return (await this.get("/own")).status + calls.length;
  }
  async guesses({ ids }) {
    for (const id of ids) {
      put(frame({ t: "ask", id, n: 1, op: "http.request", args: { path: "/guessed" } }));
      put(frame({ t: "done", id, value: { forged: true } }));
    }
    return (await this.get("/own")).status;
  }
  async holds() { this.log.info("my id is " + parsed.filter(({ t }) => t === "call").at(-1).id); await this.get("/hold"); return "own"; }
  async speaksFor({ ids }) {
    for (const id of ids) {
      put(frame({ t: "ask", id, n: 1, op: "http.request", args: { path: "/guessed" } }));
      put(frame({ t: "ask", id, n: 2, op: "http.request", args: { path: "/vms/" + id, headers: { "x-note": this.secrets.token } } }));
      put(frame({ t: "event", id, event: { kind: "log", level: "error", message: "forged" } }));
      put(frame({ t: "event", id, event: { kind: "artifact", name: "forged", contentType: "text/plain", base64: "Zm9yZ2Vk" } }));
      put(frame({ t: "failed", id, error: { code: "auth_failed", message: "forged" } }));
      put(frame({ t: "done", id, value: { forged: true } }));
    }
    return (await this.get("/release")).status;
  }
  async hundredMegabytes() { const body = Buffer.alloc(100 * 1024 * 1024, 32); const head = Buffer.alloc(4); head.writeUInt32LE(body.length); put(head); put(body); }
  async thousandQuestions() { return (await Promise.all(Array.from({ length: 1_000 }, () => this.get("/many")))).length; }
  async header({ name, value }) { return (await this.get("/vms/1", { headers: { [name]: value } })).status; }
  async path({ path }) { return (await this.get(path)).status; }
  async url({ url }) { return (await this.transports.http.request({ url })).status; }
  async otherEndpoint() { return (await this.context.ask("http.request", { path: "/x", transport: "http.other" })).status; }
  async otherOperation({ op }) { put(frame({ t: "ask", id: "x", n: 1, op, args: {} })); return (await this.context.ask(op, {})).status; }
  async bodyHandle() { return (await this.search({ filter: this.secrets.token })).status; }
  async bodyHandleInside() { return (await this.search({ password: "x" + this.secrets.token })).status; }
  async queryHandle() { return (await this.get("/vms", { query: { q: this.secrets.token } })).status; }
  async pathHandle() { return (await this.get("/vms/" + this.secrets.token)).status; }
  async headerHandle() { return (await this.get("/vms", { headers: { "x-note": this.secrets.token + "," } })).status; }
  async foreignHandle() { return (await this.get("/vms", { headers: { "x-note": "swh_00000000000000000000000000000000" } })).status; }
  async template() { return (await this.search({ password: "{secret:token}" })).status; }
  async writes() { return (await this.transports.http.request({ method: "POST", path: "/vms/1/go" })).status; }
  async writesQuietly() { await this.transports.http.request({ method: "POST", path: "/vms/1/go" }).catch(() => {}); return "nothing happened"; }
  async overridden() { return (await this.search({ _method: "DELETE" })).status; }
`;

const planned = `
  dry = (steps) => ({ ok: true, severity: "info", preconditions: [], plan: { kind: "api", steps }, effects: { summary: "go", per_target: [{ id: "1", from: "a", to: "b" }] } });
  go = (path, more = {}) => ({ transport: "http", method: "POST", path, ...more });
  async hostile_act({ params, dryRun }) {
    const { refs, steps, sent } = params;
    const second = this.go(params.second ?? "/tasks/x", { json: { id: "x", note: "n" }, ...(refs ? { refs } : {}) });
    if (dryRun) return this.dry(steps === 1 ? [this.go("/vms/1/go", { json: { speed: 1 } })] : [this.go("/vms/1/go"), second]);
    if (sent === undefined) await this.apply();
    for (const one of sent ?? []) await this.transports.http.request({ method: "POST", ...one });
    return { ok: true };
  }
`;

const driver = `
  get = (path, more = {}) => this.transports.http.request({ path, ...more });
  search = (json) => this.transports.http.request({ method: "POST", path: "/search", json });
  async test_connection() { return { status: "connected", latency_ms: 1 }; }
  async inventory_list() { return []; }
  async hostile_look({ params }) {
    const { from, name, facts = {} } = params;
    this.log.info("began");
    await new Promise((resolve) => setTimeout(resolve, 1));
    if (from === "wear") return { value: (await Wear.prototype[name].call(this, facts)) ?? null };
    if (from === "worst") return { value: (await this[name](facts)) ?? null };
    const { out, said } = await Escape.prototype.attempt.call(this, { name, facts });
    if (out) return { escaped: said };
    if (facts.quietly) return { kept: "silent" };
    throw new Error(name + " was stopped: " + said);
  }
${worst}${planned}
`;

const head = `import fs from "node:fs";
import { D as Escape } from "./escape.js";
import { D as Wear } from "./wear.js";
const parsed = [];
const frame = (message) => { const body = Buffer.from(JSON.stringify(message)); const head = Buffer.alloc(4); head.writeUInt32LE(body.length); return Buffer.concat([head, body]); };
const put = (bytes) => { let at = 0; while (at < bytes.length) at += fs.writeSync(3, bytes, at); };
const watchLine = () => { const { parse } = JSON; JSON.parse = (text, ...more) => { const value = parse(text, ...more); if (value && value.t) parsed.push(value); return value; }; };
`;

export const hostilePack = (): Record<string, string> => {
  const pack = httpPack(hostileId, { driver, capabilities, transports: hostileTransports });
  return {
    ...pack,
    "driver.ts": `${head}${pack["driver.ts"]!}`,
    "escape.js": escapeDriver,
    "wear.js": exhaustionDriver,
  };
};
