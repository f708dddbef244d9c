/** What switching a host off or on again would need and do. */
import type { DryRunResult, Precondition, Step } from "switchyard/sdk";
import { uptimeOf } from "./host-watch.ts";
import type { Guest, Host, RunningTask } from "./resources.ts";

export interface HostFacts {
  readonly host: Host;
  readonly hosts: readonly Host[];
  /** The guests on it. */
  readonly guests: readonly Guest[];
  readonly privileges: ReadonlySet<string>;
  readonly tasks: readonly RunningTask[];
  readonly onlyNode: string | undefined;
}

/** By verb: the API's command, and what the host is afterwards. */
export const commands: Readonly<Record<string, { readonly command: string; readonly to: string }>> = {
  shutdown: { command: "shutdown", to: "offline" },
  cycle: { command: "reboot", to: "online" },
};

const preconditionsOf = ({ host, privileges, tasks, onlyNode }: HostFacts): Precondition[] => {
  const path = `/nodes/${host.name}`;
  const isGranted = privileges.has("Sys.PowerMgmt");
  const isHere = onlyNode === undefined || onlyNode === host.name;
  const running = tasks.map(({ type, user, upid }) => `${type} of ${user} (${upid})`).join(", ");
  return [
    {
      check: "permission",
      ok: isGranted,
      details: isGranted
        ? `Sys.PowerMgmt on ${path}`
        : `the token lacks Sys.PowerMgmt on ${path}: grant it there or above`,
    },
    { check: "node", ok: isHere, details: isHere ? host.name : `the instance is for ${onlyNode}` },
    { check: "no_running_task", ok: tasks.length === 0, details: tasks.length === 0 ? "none" : `runs: ${running}` },
    { check: "state", ok: host.status === "online", details: { status: host.status, uptime_s: uptimeOf(host) } },
  ];
};

const reasonOf = ({ check, details }: Precondition): string =>
  `${check}: ${typeof details === "string" ? details : JSON.stringify(details)}`;

const notesOf = ({ host, hosts, guests }: HostFacts): string[] => {
  const running = guests.filter(({ status }) => status === "running");
  const names = running.map(({ vmid, name }) => `${vmid} (${name})`).join(", ");
  const left = hosts.filter(({ name, status }) => name !== host.name && status === "online").length;
  return [
    ...(running.length === 0 ? [] : [`The host shuts down its running guests first: ${names}.`]),
    ...(hosts.length > 1 && left * 2 <= hosts.length
      ? [`The cluster loses its quorum: ${left} of ${hosts.length} hosts stay online.`]
      : []),
  ];
};

/** The answer to a dry run. */
export const planHost = (facts: HostFacts, verb: string): DryRunResult => {
  const { host } = facts;
  const { command = verb, to = host.status } = commands[verb] ?? {};
  const preconditions = preconditionsOf(facts);
  const failed = preconditions.filter(({ ok }) => !ok);
  const step: Step = {
    transport: "http",
    method: "POST",
    path: `/nodes/${host.name}/status`,
    form: [["command", command]],
  };
  const change = verb === "cycle" ? "reboots" : `${host.status} -> ${to}`;
  return {
    ok: failed.length === 0,
    severity: failed.length === 0 ? "warn" : "error",
    idempotency_key: `proxmox:node/${host.name}:${verb}:${host.status}`,
    preconditions,
    plan: { kind: "api", steps: [step], notes: notesOf(facts) },
    effects: {
      summary: `${verb === "cycle" ? "Reboot" : "Shut down"} host ${host.name}: ${change}`,
      per_target: [{ id: host.name, from: host.status, to }],
    },
    ...(failed.length === 0 ? {} : { reason: failed.map(reasonOf).join("; ") }),
  };
};
