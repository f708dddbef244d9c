/** A pack that fails in every way it is asked to, with secrets in hand; its device echoes all that it is sent. */
import { httpPack } from "../kit/pack.ts";

export const canaryId = "acme.canary";

const params = `params: { type: object, properties: { how: { type: string }, pin: { type: string, minLength: 3, secret: true } } }`;
const capabilities = `  - { id: inventory.list, verbs: [list], targets: [vm] }
  - { id: canary.look, verbs: [read], targets: [vm], dry_run: not_supported, writes: [], ${params} }
  - { id: canary.free, verbs: [go], targets: [vm], dry_run: not_supported, writes: ["POST /free/*"], ${params} }
  - id: canary.act
    verbs: [go, back]
    targets: [vm]
    dry_run: required
    invertible: { go: { inverse: back }, back: { inverse: go } }
    ${params}
    writes: ["POST /vms/{target}/{verb}"]`;

const transports = `  http:
    url: "http://{host}:{port}/api"
    login:
      request: { method: POST, path: /login, json: { user: "{user}", password: "{secret:quoted}" } }
      take: { sid: "cookie:SID", csrf: "json:/csrf" }
    headers: { Authorization: ["Bearer {secret:token}"], X-Short: "{secret:short}", X-Key: "{secret:encoded}", Cookie: "SID={login:sid}" }
    write_headers: { X-CSRF: "{login:csrf}" }
    places: [/password]`;

const driver = `
  get = (path, more = {}) => this.transports.http.request({ path, ...more });
  async echo(path = "/echo") { return (await this.get(path)).body; }
  dry = (more = {}) => ({ ok: true, severity: "info", preconditions: [], plan: { kind: "api", notes: [],
    steps: [{ transport: "http", method: "POST", path: "/vms/" + this.id + "/" + this.verb, json: { password: this.secrets.quoted, note: "n" } }] },
    effects: this.effects("go"), ...more });
  effects = (summary) => ({ summary, per_target: [{ id: this.id, from: "a", to: "b" }] });
  hows = {
    fine: async () => "fine",
    says: async () => { const text = await this.echo(); this.log.info(text); this.log.error(text, { text, [text.slice(0, 400)]: text }); console.log(text); console.error(text); this.progress(50, text); return text; },
    logsHandles: async () => { this.log.warn(JSON.stringify(this.secrets)); return this.secrets; },
    encodes: async () => { const text = await this.echo(); return [Buffer.from(text).toString("base64"), Buffer.from(text).toString("hex"), encodeURIComponent(text), JSON.stringify(JSON.stringify(text)), text.split("").reverse().join("")]; },
    throws: async () => { throw new Error(await this.echo()); },
    throwsCode: async () => { const text = await this.echo(); throw new DriverError("device_error", text, { text }); },
    oddCode: async () => { const text = await this.echo(); throw Object.assign(new Error(text), { code: text, name: text }); },
    refused: async () => { await this.echo("/401"); throw new Error("no"); },
    forbidden: async () => { await this.echo("/403"); throw new Error("no"); },
    broken: async () => { const { status, body } = await this.get("/500"); throw new Error(status + body); },
    redirected: async () => this.echo("/redirect"),
    resets: async () => this.echo("/reset"),
    hangs: async () => { await this.get("/hang", { timeout_ms: 300 }); },
    garbage: async () => (await this.get("/garbage")).json(),
    large: async () => this.echo("/large"),
    rejects: async () => { const text = await this.echo(); Promise.reject(new Error(text)); await new Promise(() => setInterval(() => {}, 1000)); },
    exits: async () => { await this.echo(); process.exit(5); },
    aborts: async () => { await this.echo(); process.abort(); },
    eats: async () => { const text = await this.echo(); const all = []; for (;;) all.push(Buffer.alloc(8e6, text)); },
    shape: async () => { const text = await this.echo(); return { [text.slice(0, 200)]: new Map([[text, text]]) }; },
    misplaced: async () => this.get("/x/" + this.secrets.token),
    misplacedBody: async () => this.get("/x", { query: { q: JSON.stringify(this.secrets) } }),
    keeps: async () => { const text = await this.echo(); this.artifact("echo.txt", text, "text/plain"); this.artifact("echo.json", JSON.stringify({ text, in: [Buffer.from(text).toString("base64")], secrets: this.secrets })); this.artifact("echo.bin", Buffer.from(text)); return "kept"; },
    slow: async () => { this.log.info(await this.echo()); return (await this.get("/slow", { timeout_ms: 30_000 })).body; },
    writes: async () => { await this.transports.http.request({ method: "POST", path: "/vms/1/go", json: { password: this.secrets.quoted } }); },
    waits: async () => { this.log.info(await this.echo()); await new Promise(() => setInterval(() => {}, 1000)); },
  };
  async test_connection() {
    const text = await this.echo();
    const { mood } = this.config;
    if (mood === "throws") throw new Error(text);
    if (mood === "waits") await this.hows.waits();
    if (mood === "shape") return { status: text, latency_ms: text };
    return { status: mood === "error" ? "error" : "connected", latency_ms: 1, message: text, details: { text } };
  }
  async inventory_list() {
    const text = await this.echo();
    const { mood } = this.config;
    if (mood === "throws") throw new Error(text);
    if (mood === "shape") return [{ type: "vm", external_id: text, name: 5 }];
    return [{ type: "vm", external_id: "1", name: text.slice(0, 100), attrs: { status: "running", text }, labels: { text } }];
  }
  async canary_look({ params }) { return { text: (await this.hows[params.how]()) ?? null, pin: params.pin ?? null }; }
  async canary_free({ params }) {
    const { status, body } = await this.transports.http.request({ method: "POST", path: "/free/" + (params.how ?? "1"), json: { password: this.secrets.quoted } });
    return { ok: status === 200, details: { body } };
  }
  async canary_act({ verb, target, params, dryRun }) {
    Object.assign(this, { verb, id: target.id });
    const [phase, how] = (params.how ?? "both:fine").split(":");
    const text = phase === "plan" || phase === "both" || !dryRun ? await this.hows[how]() : "";
    if (dryRun) {
      const shown = await this.echo();
      return this.dry({ reason: shown, preconditions: [{ check: "echo", ok: phase !== "blocked", details: shown }], effects: this.effects(shown.slice(0, 300)) });
    }
    const [answer] = await this.apply();
    if (phase === "after") throw new Error(answer.body);
    return { ok: true, details: { body: answer.body, text: text ?? null } };
  }
`;

/** Every way in which the driver can end, by name. */
export const hows: readonly string[] = [...driver.matchAll(/^ {4}(\w+): async/gm)].map(([, name = ""]) => name);

export const canaryPack = (version = "1.0.0", broken = ""): Record<string, string> => {
  const pack = httpPack(canaryId, { version, driver, capabilities, transports });
  const properties = `      token: { type: string, secret: true, pattern: "^[!-~]+$" }
      short: { type: string, secret: true, maxLength: 7 }
      quoted: { type: string, secret: true }
      encoded: { type: string, secret: true }
      user: { type: string }
      mood: { type: string }`;
  return {
    ...pack,
    "plugin.yaml": pack["plugin.yaml"]!.replace("      token: { type: string, secret: true }", properties).replace(
      "defaults: {",
      "defaults: { http: { timeout_s: 1, retries: 0 },",
    ),
    "driver.ts": `${pack["driver.ts"]!}${broken}`,
  };
};
