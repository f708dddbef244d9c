/** A device with a few machines that can be switched, slowed and silenced by a test, and the pack that drives it. */
import type { ServerResponse } from "node:http";
import { type HttpDevice, type SeenRequest, sendJson, startHttp } from "./device.ts";
import { httpPack } from "./pack.ts";

export const powerId = "acme.power";
export const powerToken = "tok-71c2d0e95b7f43";

const capabilities = `  - { id: inventory.list, verbs: [list], targets: [vm] }
  - id: vm.power
    verbs: [start, stop, reset]
    targets: [vm]
    dry_run: required
    destructive: [reset]
    idempotency: { key_fields: [verb, target_id] }
    invertible: { start: { inverse: stop }, stop: { inverse: start }, reset: { inverse: reset } }
    writes: ["POST /vms/{target}/{verb}"]
  - id: vm.level
    verbs: [set]
    targets: [vm]
    idempotency: { key_fields: [target_id] }
    params: { type: object, required: [level], additionalProperties: false, properties: { level: { type: integer }, password: { type: string, secret: true } } }
    invertible: { set: { inverse: set, params: { level: { from: "/level" } } } }
    writes: ["POST /vms/{target}/level"]
  - id: vm.queue
    verbs: [add]
    targets: [vm]
    params: { type: object, properties: { n: { type: integer } } }
    writes: ["POST /vms/{target}/queue"]
  - id: vm.all
    verbs: [add]
    targets: [vm]
    lock: instance
    writes: ["POST /vms/{target}/queue"]
  - id: vm.label
    verbs: [set, read]
    targets: [vm]
    dry_run: not_supported
    params: { type: object, properties: { text: { type: string } } }
    writes: ["PUT /vms/{target}/label"]
  - id: vm.sync
    verbs: [apply]
    targets: [vm]
    idempotent: true
    writes: ["POST /vms/{target}/sync"]`;

const driver = `
  path = (target) => "/vms/" + encodeURIComponent(target.id);
  async state(target) {
    const answer = await this.transports.http.request({ path: this.path(target) });
    if (answer.status === 404) throw new DriverError("target_not_found", "There is no vm " + target.id + ".");
    return answer.json();
  }
  dry = (target, step, from, to, preconditions = [], severity = "info") => ({ ok: preconditions.every((one) => one.ok), severity, preconditions,
    plan: { kind: "api", steps: [{ transport: "http", method: "POST", ...step }] },
    effects: { summary: "one write", per_target: [{ id: target.id, from, to }] } });
  async test_connection() {
    const { latency_ms } = await this.transports.http.request({ path: "/version" });
    return { status: "connected", latency_ms };
  }
  async inventory_list() { return []; }
  async vm_power({ verb, target, dryRun }) {
    const { state, locked } = await this.state(target);
    const to = verb === "stop" ? "stopped" : "running";
    if (dryRun) return this.dry(target, { path: this.path(target) + "/" + verb }, state, to,
      [{ check: "not locked", ok: !locked, ...(locked && { message: "A backup with " + this.secrets.token + " runs." }) }], state === "broken" ? "error" : "info");
    await this.apply();
    const after = await this.state(target);
    return { ok: true, effects: { per_target: [{ id: target.id, from: state, to: after.state }] } };
  }
  async vm_level({ target, params, dryRun }) {
    const { level } = await this.state(target);
    const json = { level: params.level, ...(params.password === undefined ? {} : { password: params.password }) };
    if (dryRun) return this.dry(target, { path: this.path(target) + "/level", json }, { level }, { level: params.level });
    this.log.info("the password is " + params.password);
    await this.apply();
  }
  async vm_queue({ target, params, dryRun }) {
    if (dryRun) return this.dry(target, { path: this.path(target) + "/queue", json: { n: params.n ?? 0 } }, "a", "b");
    await this.apply();
  }
  async vm_all(call) { return this.vm_queue(call); }
  async vm_label({ verb, target, params }) {
    if (verb === "read") return { label: (await this.state(target)).label };
    await this.transports.http.request({ method: "PUT", path: this.path(target) + "/label", json: { label: params.text } });
    await this.transports.http.request({ method: "PUT", path: this.path(target) + "/label", json: { label: params.text + "!" } });
    return { ok: true };
  }
  async vm_sync({ target, dryRun }) {
    if (dryRun) return this.dry(target, { path: this.path(target) + "/sync" }, "old", "new");
    await this.apply();
  }
`;

export const powerPack = (): Record<string, string> => {
  const pack = httpPack(powerId, {
    driver,
    capabilities,
    transports: `  http:
    url: "http://{host}:{port}/api"
    headers: { Authorization: "Bearer {secret:token}" }
    places: [/password]`,
  });
  return {
    ...pack,
    "plugin.yaml": pack["plugin.yaml"]!.replace("dry_run_refresh_sla_s: 5", "dry_run_refresh_sla_s: 1"),
  };
};

export interface Machine {
  state: string;
  level: number;
  locked: boolean;
  label: string;
}

export interface PowerDevice {
  readonly port: number;
  readonly seen: readonly SeenRequest[];
  machine(id: string): Machine;
  /** What was written, as `METHOD path` below `/api/vms`, from a request number on. */
  writes(from?: number): string[];
  /** Holds answers to what begins with `METHOD path` back: until released, or for ever. */
  hold(start: string): PowerHold;
  close(): Promise<void>;
}

export interface PowerHold {
  readonly held: number;
  /** The askers' ends of the connections that wait. */
  readonly ports: readonly number[];
  /** What comes from now on is answered; what is held stays held. */
  open(): void;
  release(): void;
  /** The connections of what is held break off. */
  cut(): void;
}
interface Hold {
  readonly start: string;
  readonly waiting: { readonly port: number; go(): void; cut(): void }[];
}

const shown = ({ method, url }: SeenRequest): string => `${method} ${url.replace("/api/vms", "")}`;

const carryOut = (machine: Machine, verb: string, body: string): void => {
  const sent = body === "" ? {} : (JSON.parse(body) as Partial<Machine>);
  if (verb === "start" || verb === "reset") machine.state = "running";
  if (verb === "stop") machine.state = "stopped";
  if (verb === "level") machine.level = sent.level ?? 0;
  if (verb === "label") machine.label = sent.label ?? "";
};

export const startPowerDevice = async (): Promise<PowerDevice> => {
  const machines = new Map<string, Machine>();
  const holds = new Set<Hold>();
  const machine = (id: string): Machine => {
    const known = machines.get(id) ?? { state: "stopped", level: 1, locked: false, label: "" };
    machines.set(id, known);
    return known;
  };
  const answer = (request: SeenRequest, response: ServerResponse): void => {
    const [, , place, id = "", verb = ""] = request.url.split("/");
    const isThere = place === "vms" && id !== "none";
    if (isThere && request.method !== "GET") carryOut(machine(id), verb, request.body);
    if (isThere) sendJson(response, machine(id));
    else sendJson(response, { version: "1" }, place === "vms" ? 404 : 200);
  };
  const device: HttpDevice = await startHttp((request, response) => {
    const hold = [...holds].find(({ start }) => shown(request).startsWith(start));
    if (hold === undefined) answer(request, response);
    else {
      const { socket } = response;
      const go = (): void => answer(request, response);
      hold.waiting.push({ port: socket?.remotePort ?? 0, go, cut: () => void socket?.resetAndDestroy() });
    }
  });
  return {
    port: device.port,
    seen: device.seen,
    machine,
    writes: (from = 0) =>
      device.seen
        .slice(from)
        .filter(({ method }) => method !== "GET")
        .map(shown),
    hold(start) {
      const hold: Hold = { start, waiting: [] };
      holds.add(hold);
      return {
        get held() {
          return hold.waiting.length;
        },
        get ports() {
          return hold.waiting.map(({ port }) => port);
        },
        open: () => void holds.delete(hold),
        release() {
          holds.delete(hold);
          for (const { go } of hold.waiting.splice(0)) go();
        },
        cut() {
          for (const { cut } of hold.waiting.splice(0)) cut();
        },
      };
    },
    close: () => device.close(),
  };
};
