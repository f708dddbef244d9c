/** Drives a Proxmox VE cluster: lists its guests and hosts, switches them, and follows each task to its end. */
import {
  type ActionCall,
  type ConnectionTestResult,
  Driver,
  DriverError,
  type DryRunResult,
  type InventoryCall,
  type Json,
  type Target,
} from "switchyard/sdk";
import { dataOf, read, rowOf } from "./answer.ts";
import { followTask, watch } from "./follow.ts";
import { planGuest } from "./guest-plan.ts";
import { commands, planHost } from "./host-plan.ts";
import { awayLook, backLook } from "./host-watch.ts";
import {
  currentOf,
  type Guest,
  type GuestKind,
  guestsOf,
  guestTarget,
  type Host,
  hostsOf,
  hostTarget,
  isGoodExit,
  privilegesOf,
  runningTasksOf,
} from "./resources.ts";
import { offered } from "./verbs.ts";

interface ProxmoxConfig {
  readonly host: string;
  readonly port: number;
  readonly node?: string;
}

const kinds: Readonly<Record<string, GuestKind>> = { vm: "qemu", container: "lxc" };
/** How long the device may take to show what a finished task did; longer where the HA manager does it. */
const settleMs = 15_000;
const haSettleMs = 300_000;
/** Behind a task that nobody knows nothing is on its way: only failures that pass are waited out. */
const forgottenSettleMs = 3_000;
const hostMs = 600_000;

interface Switched {
  readonly ok: true;
  readonly task_id?: string;
  readonly effects: { readonly per_target: readonly { id: string; from: Json; to: Json }[] };
  readonly details: Readonly<Record<string, Json>>;
}

const noSuchHost = (name: string, hosts: readonly Host[]): DriverError => {
  const known = hosts.map((host) => host.name).join(", ");
  return new DriverError("target_not_found", `There is no host ${name} in this cluster; it has: ${known}.`);
};

/** Whether the task only hands the request to the high-availability manager. */
const isOfManager = (upid: unknown): boolean => typeof upid === "string" && /:ha(start|stop):/.test(upid);

const plannedEffect = ({ plan }: ActionCall): { from: Json; to: Json } | undefined =>
  (plan?.["effects"] as DryRunResult["effects"] | undefined)?.per_target[0];

/** Uptime of the host in seconds when the plan was made. */
const plannedUptime = ({ plan }: ActionCall): number | null => {
  const preconditions = (plan?.["preconditions"] ?? []) as DryRunResult["preconditions"];
  const details = preconditions.find(({ check }) => check === "state")?.details;
  const uptime = (details as { uptime_s?: unknown } | undefined)?.uptime_s;
  return typeof uptime === "number" ? uptime : null;
};

export class ProxmoxVeDriver extends Driver<ProxmoxConfig> {
  static handles = {
    "vm.lifecycle": {
      verbs: ["shutdown", "start", "stop", "suspend", "resume", "reset"],
      targets: ["vm", "container"],
    },
    "power.control": { verbs: ["shutdown", "cycle"], targets: ["host"] },
    "inventory.list": { verbs: ["list"], targets: ["vm", "container", "host"] },
  };

  async test_connection(): Promise<ConnectionTestResult> {
    const answer = await this.transports.http.request({ path: "/version" });
    const version = rowOf(dataOf(answer, "GET /version"), "its version")["version"];
    const [hosts, guests] = await this.resources().then((data) => [hostsOf(data), guestsOf(data)] as const);
    const { node } = this.config;
    if (node !== undefined && !hosts.some(({ name }) => name === node)) throw noSuchHost(node, hosts);
    const away = hosts.filter(({ name, status }) => status !== "online" && (node ?? name) === name);
    const problems = [
      ...away.map(({ name, status }) => `host ${name} is ${status}`),
      ...(guests.length === 0 && !(await this.mayLook())
        ? ["the token sees no guests: grant it VM.Audit on /vms"]
        : []),
    ];
    const message = [`Proxmox VE ${version}`, ...problems].join("; ");
    const online = hosts.filter(({ status }) => status === "online").length;
    const details = { version: String(version), hosts: hosts.length, hosts_online: online, guests: guests.length };
    return {
      status: problems.length === 0 ? "connected" : "degraded",
      latency_ms: answer.latency_ms,
      message,
      details,
    };
  }

  async inventory_list({ targetType }: InventoryCall): Promise<readonly Target[]> {
    const isMine = (name: string): boolean => (this.config.node ?? name) === name;
    const data = await this.resources();
    if (targetType === "host")
      return hostsOf(data)
        .filter(({ name }) => isMine(name))
        .map(hostTarget);
    const wanted = guestsOf(data).filter(({ kind, node }) => kind === kinds[targetType] && isMine(node));
    return wanted.map(guestTarget);
  }

  async vm_lifecycle(call: ActionCall): Promise<DryRunResult | Switched> {
    const { target, verb, params } = call;
    const guest = await this.guest(target.type, target.id);
    if (!call.dryRun) return this.switchGuest(call, guest);
    const where = `/vms/${guest.vmid}`;
    const [current, privileges, tasks] = await Promise.all([
      this.current(guest),
      read(this.transports.http, "/access/permissions", { path: where }),
      read(this.transports.http, `/nodes/${guest.node}/tasks`, { source: "active", vmid: guest.vmid }),
    ]);
    const facts = { guest, current, privileges: privilegesOf(privileges, where), tasks: runningTasksOf(tasks) };
    return planGuest({ ...facts, onlyNode: this.config.node }, { verb, params });
  }

  async power_control(call: ActionCall): Promise<DryRunResult | Switched> {
    const { target, verb } = call;
    if (!call.dryRun) return this.switchHost(call);
    const data = await this.resources();
    const hosts = hostsOf(data);
    const host = hosts.find(({ name }) => name === target.id);
    if (host === undefined) throw noSuchHost(target.id, hosts);
    const where = `/nodes/${host.name}`;
    const [privileges, tasks] = await Promise.all([
      read(this.transports.http, "/access/permissions", { path: where }),
      host.status === "online" ? read(this.transports.http, `${where}/tasks`, { source: "active" }) : [],
    ]);
    const guests = guestsOf(data).filter(({ node }) => node === host.name);
    const facts = { host, hosts, guests, privileges: privilegesOf(privileges, where), tasks: runningTasksOf(tasks) };
    return planHost({ ...facts, onlyNode: this.config.node }, verb);
  }

  private resources(): Promise<unknown> {
    return read(this.transports.http, "/cluster/resources");
  }

  private async mayLook(): Promise<boolean> {
    const tree = rowOf(await read(this.transports.http, "/access/permissions"), "permissions");
    return Object.keys(tree).some((path) => privilegesOf(tree, path).has("VM.Audit"));
  }

  private async guest(type: string, id: string): Promise<Guest> {
    const guests = guestsOf(await this.resources());
    const found = guests.find(({ kind, vmid }) => kind === kinds[type] && vmid === id);
    if (found !== undefined) return found;
    const other = guests.find(({ vmid }) => vmid === id);
    const hint =
      other === undefined
        ? "Check the id; the token sees only guests on which it has VM.Audit."
        : `${id} is a ${other.kind === "qemu" ? "vm" : "container"}.`;
    throw new DriverError("target_not_found", `There is no ${type} ${id} on this cluster that the token sees. ${hint}`);
  }

  private async current({ node, kind, vmid }: Guest) {
    return currentOf(await read(this.transports.http, `/nodes/${node}/${kind}/${vmid}/status/current`));
  }

  /** Sends the plan's one step, if it has one, and gives its `data`. */
  private async send(doing: string): Promise<unknown> {
    const [answer] = await this.apply();
    return answer === undefined ? null : dataOf(answer as { status: number; body: string }, doing);
  }

  private async switchGuest(call: ActionCall, guest: Guest): Promise<Switched> {
    const { verb, signal } = call;
    const doing = `${verb} of ${guest.kind} ${guest.vmid}`;
    const upid = await this.send(doing);
    const exit = typeof upid === "string" ? await this.exitOfTask(upid, { doing, guest, signal }) : null;
    this.progress(90, "Reading the state back");
    const goal = plannedEffect(call)?.to ?? offered[guest.kind][verb]?.to ?? guest.status;
    const from = plannedEffect(call)?.from ?? guest.status;
    const to = await (typeof upid === "string" && exit === null
      ? this.settledUnseen(guest, { from, goal }, { signal, upid })
      : this.settled(guest, goal, { signal, upid }));
    this.progress(100, `${guest.name} is ${to}`);
    return {
      ok: true,
      ...(typeof upid === "string" ? { task_id: upid } : {}),
      effects: { per_target: [{ id: guest.vmid, from, to }] },
      details: { node: guest.node, ...(exit === null ? {} : { exit_status: exit }) },
    };
  }

  /** How a task ended that ended well; null when the cluster does not know it any more. */
  private async exitOfTask(
    upid: string,
    { doing, guest, signal }: { doing: string; guest: Guest; signal: AbortSignal },
  ): Promise<string | null> {
    this.progress(50, `Task ${upid.split(":")[5]} runs on ${guest.node}`);
    const exit = await followTask(upid, { http: this.transports.http, log: this.log, signal });
    if (exit === null) {
      const text = "The cluster does not know the task any more and its log is gone";
      this.log.warn(`${text}: the state of ${guest.kind} ${guest.vmid} shows what came of it`, { upid });
    } else if (!isGoodExit(exit)) {
      const next = "Its log is among the events: mend the cause, then plan again.";
      throw new DriverError("device_error", `The ${doing} failed: ${exit}. ${next}`, { upid, exit_status: exit });
    }
    return exit;
  }

  /** The guest's state once it is the goal, or else what was seen last. */
  private async stateOf(guest: Guest, goal: Json, { signal, forMs }: { signal: AbortSignal; forMs: number }) {
    let seen = "unknown";
    const look = async () => {
      seen = (await this.current(guest)).status;
      return seen === goal ? seen : null;
    };
    return (await watch(look, { signal, forMs })) ?? seen;
  }

  private async settled(guest: Guest, goal: Json, { signal, upid }: { signal: AbortSignal; upid: unknown }) {
    const byManager = isOfManager(upid);
    if (byManager) this.log.info("The high-availability manager carries the request out");
    const seen = await this.stateOf(guest, goal, { signal, forMs: byManager ? haSettleMs : settleMs });
    if (seen === goal) return seen;
    const text = `The task ended well, but ${guest.kind} ${guest.vmid} is ${seen} where ${goal} was expected.`;
    throw new DriverError("device_error", `${text} Look at the guest itself.`, { expected: goal, seen });
  }

  /** The guest alone tells what became of a forgotten task, if the verb leads to another state at all. */
  private async settledUnseen(
    guest: Guest,
    { from, goal }: { from: Json; goal: Json },
    { signal, upid }: { signal: AbortSignal; upid: string },
  ) {
    const forMs = isOfManager(upid) ? haSettleMs : forgottenSettleMs;
    const seen = await this.stateOf(guest, goal, { signal, forMs });
    if (seen === goal && goal !== from) return seen;
    const known = goal === from ? `as it was before: ${seen}` : `${seen} where ${goal} was expected`;
    const text = `The cluster took the request, but does not know its task any more, and ${guest.kind} ${guest.vmid} is ${known}.`;
    const next = "Whether it was carried out cannot be told: look at the guest itself, then plan again.";
    throw new DriverError("device_error", `${text} ${next}`, { upid, expected: goal, seen });
  }

  private async switchHost(call: ActionCall): Promise<Switched> {
    const { verb, signal, target } = call;
    const { http } = this.transports;
    const command = commands[verb]?.command ?? verb;
    await this.send(`${command} of host ${target.id}`);
    this.progress(50, `${target.id} was told to ${command}`);
    const look = verb === "cycle" ? backLook(http, target.id, plannedUptime(call)) : awayLook(http, target.id);
    const to = await watch(look, { signal, forMs: hostMs, slowestMs: 5000 });
    if (to === null) {
      const text = `${target.id} took the ${command}, but did not ${verb === "cycle" ? "come back" : "go offline"}`;
      throw new DriverError("device_error", `${text} within ${hostMs / 60_000} minutes. Look at its console.`);
    }
    this.progress(100, `${target.id} is ${to}`);
    const from = plannedEffect(call)?.from ?? "online";
    return { ok: true, effects: { per_target: [{ id: target.id, from, to }] }, details: { command } };
  }
}
