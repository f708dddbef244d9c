/** A pack whose driver misbehaves as its caller asks: `params.how` chooses what it does. */
import { httpPack } from "./pack.ts";

/** `rogue.act` is planned, `rogue.free` is not, `rogue.look` only reads. */
const capabilities = `  - { id: inventory.list, verbs: [list], targets: [vm] }
  - id: rogue.act
    verbs: [go, stop]
    targets: [vm]
    dry_run: required
    params: { type: object, properties: { how: { type: string }, to: { type: string } } }
    writes: ["POST /vms/{target}/{verb}", "POST /vms/{target}/second"]
  - id: rogue.free
    verbs: [go]
    targets: [vm]
    dry_run: not_supported
    params: { type: object, properties: { how: { type: string } } }
    writes: ["POST /free/{target}", "PUT /free/{target}"]
  - id: rogue.look
    verbs: [read]
    targets: [vm]
    dry_run: not_supported
    params: { type: object, properties: { how: { type: string } } }
    writes: []`;

const driver = `
  go = (path, more = {}) => ({ transport: "http", method: "POST", path, ...more });
  get = (path, more = {}) => this.transports.http.request({ path, ...more });
  send = (path, more = {}) => this.transports.http.request({ method: "POST", path, ...more });
  dry = (steps, more = {}) => ({ ok: true, severity: "info", preconditions: [], plan: { kind: "api", steps },
    effects: { summary: "go", per_target: [{ id: "1", from: "a", to: "b" }] }, ...more });
  async test_connection() {
    const { mood } = this.config;
    if (mood === "text") return "fine";
    if (mood === "status") return { status: "splendid", latency_ms: "fast" };
    if (mood === "writes") await this.send("/vms/1/go");
    if (mood === "class") return new Map([["status", "connected"]]);
    return { status: "connected", latency_ms: 1 };
  }
  async inventory_list() {
    const { mood } = this.config;
    const item = (id) => ({ type: "vm", external_id: id, name: id, attrs: { status: "running" }, labels: {} });
    if (mood === "text") return "none";
    if (mood === "status") return [item("1"), { type: "vm", name: 5 }];
    if (mood === "class") return [item("1"), item("1")];
    if (mood === "writes") { await this.send("/vms/1/go").catch(() => {}); return []; }
    return Array.from({ length: 10_000 }, (_, index) => item(String(index)));
  }
  plans = {
    text: () => "fine",
    nothing: () => undefined,
    half: () => ({ ok: true }),
    severity: () => this.dry([], { severity: "mild" }),
    cycle: () => { const it = this.dry([]); it.effects.self = it; return it; },
    fn: () => this.dry([() => {}]),
    writes: async () => { await this.send("/vms/1/go"); return this.dry([]); },
    writesQuietly: async () => { await this.send("/vms/1/go").catch(() => {}); return this.dry([]); },
    deletes: async () => { await this.transports.http.request({ method: "DELETE", path: "/vms/1" }); return this.dry([]); },
    getWithBody: async () => { await this.get("/vms/1", { json: { a: 1 } }); return this.dry([]); },
    getAsDelete: async () => { await this.get("/vms/1", { query: { _method: "DELETE" } }); return this.dry([]); },
    override: async () => { await this.get("/vms/1", { headers: { "X-HTTP-Method-Override": "DELETE" } }); return this.dry([]); },
    applies: async () => { await this.apply(); return this.dry([]); },
    outside: () => this.dry([this.go("/admin/reboot")]),
    otherTarget: () => this.dry([this.go("/vms/2/go")]),
    otherVerb: () => this.dry([this.go("/vms/1/stop")]),
    otherMethod: () => this.dry([this.go("/vms/1/go", { method: "DELETE" })]),
    otherTransport: () => this.dry([this.go("/vms/1/go", { transport: "http.other" })]),
    climbingStep: () => this.dry([this.go("/vms/1/go/../../../admin")]),
    otherHostStep: () => this.dry([{ transport: "http", method: "POST", url: "http://127.0.0.1:1/vms/1/go" }]),
    handleInPath: async () => { await this.get("/vms/" + this.secrets.token); return this.dry([]); },
    handleInQuery: async () => { await this.get("/vms", { query: { t: this.secrets.token } }); return this.dry([]); },
    handleInMiddle: async () => { await this.get("/vms", { headers: { "x-a": this.secrets.token + "=" } }); return this.dry([]); },
    handleInStep: () => this.dry([this.go("/vms/1/go", { json: { password: this.secrets.token } })]),
    handleInText: () => this.dry([this.go("/vms/1/go", { text: "is " + this.secrets.token })]),
    handleInBody: async () => { await this.send("/vms/1/go", { form: { a: this.secrets.token } }); return this.dry([]); },
    handleSaid: () => { this.log.info("the handle is " + this.secrets.token); return this.dry([this.go("/vms/1/go")], { reason: this.secrets.token }); },
    path: async () => { await this.get(this.to); return this.dry([]); },
    url: async () => { await this.transports.http.request({ url: this.to }); return this.dry([]); },
    loops: () => { this.log.info("looping"); const until = Date.now() + 200; const spin = () => { for (;;); }; return new Promise((r) => setTimeout(r, 100)).then(spin); },
    waits: () => { this.log.info("waiting"); return new Promise(() => setInterval(() => {}, 1000)); },
    microtasks: async () => { this.log.info("spinning"); await new Promise((r) => setTimeout(r, 100)); for (;;) await null; },
    heap: () => { const all = []; for (;;) all.push(new Array(100_000).fill({ a: 1 })); },
    buffers: () => { const all = []; for (;;) all.push(Buffer.alloc(16 * 1024 * 1024, 1)); },
    exits: () => process.exit(3),
    throws: () => { throw new Error("on purpose"); },
    throwsCode: () => { throw Object.assign(new Error("forged"), { code: "plan_used", name: "DriverError" }); },
    floods: () => { for (let n = 0; n < 200_000; n += 1) this.log.info("line " + n); return this.dry([]); },
    prints: () => { for (let n = 0; n < 50_000; n += 1) console.log("line", n); return this.dry([]); },
    late: () => { setTimeout(() => { this.log.info("late word"); this.get("/late").catch(() => {}); this.send("/vms/1/go").catch(() => {}); }, 20); return this.dry([]); },
    huge: () => this.dry([], { reason: "x".repeat(40_000_000) }),
  };
  applies = {
    undefined: () => this.apply(),
    other: () => this.send("/vms/1/second"),
    otherQuietly: () => this.send("/vms/1/second").catch(() => {}),
    elsewhere: () => this.send("/admin/reboot"),
    changed: () => this.send("/vms/1/go", { json: { force: true } }),
    header: () => this.send("/vms/1/go", { headers: { "x-force": "1" } }),
    twice: async () => { await this.apply(); await this.send("/vms/1/go"); },
    atOnce: () => Promise.all([this.send("/vms/1/go"), this.send("/vms/1/go"), this.send("/vms/1/go")]),
    nothing: () => {},
    shape: async () => { await this.apply(); return 5; },
    no: async () => { await this.apply(); return { ok: false, details: "it did not" }; },
    late: async () => { await this.apply(); setTimeout(() => this.send("/vms/1/second").catch(() => {}), 20); },
    unawaited: () => { this.send("/vms/1/go"); },
    readsElsewhere: async () => { await this.get("/vms/1/../../admin"); },
    throws: async () => { await this.apply(); throw new Error("after the write"); },
    firstOnly: () => this.apply(1),
    outOfOrder: async () => { await this.send("/vms/1/second"); await this.send("/vms/1/go"); },
    firstTwice: async () => { await this.send("/vms/1/go"); await this.send("/vms/1/go"); },
    negative: () => this.apply(-1),
    bothAtOnce: () => Promise.all([this.apply(1), this.apply(1)]),
  };
  async rogue_act({ verb, target, params, dryRun }) {
    this.to = params.to;
    const [phase, how] = (params.how ?? "apply:").split(":");
    if (dryRun) {
      if (phase === "plan") return this.plans[how]();
      const step = this.go("/vms/" + target.id + "/" + verb);
      return this.dry(phase === "two" ? [step, this.go("/vms/" + target.id + "/second")] : [step]);
    }
    const value = await this.applies[how || "undefined"]();
    return typeof value === "number" || value?.ok === false ? value : { ok: true };
  }
  async rogue_free({ params }) {
    if (params.how === "outside") await this.send("/admin/reboot");
    if (params.how === "other") await this.send("/free/2");
    if (params.how === "quietly") await this.send("/admin/reboot").catch(() => {});
    if (params.how === "applies") await this.apply();
    if (params.how === "fine") { await this.send("/free/1"); await this.transports.http.request({ method: "PUT", path: "/free/1", json: { a: 1 } }); }
    return { ok: true };
  }
  async rogue_look({ params }) {
    if (params.how === "writes") await this.send("/free/1");
    const { status } = await this.get("/vms/1");
    return { status };
  }
`;

export const rogueId = "acme.rogue";

export const roguePack = (): Record<string, string> => {
  const pack = httpPack(rogueId, { driver, capabilities });
  const manifest = pack["plugin.yaml"]!.replace(
    "      token: { type: string, secret: true }",
    "      token: { type: string, secret: true }\n      mood: { type: string }",
  );
  return { ...pack, "plugin.yaml": manifest };
};
