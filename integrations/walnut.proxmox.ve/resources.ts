/** Reads guests, hosts, permissions and tasks out of the API's answers. */
import type { Json, JsonObject, Target } from "switchyard/sdk";
import { rowOf, rowsOf } from "./answer.ts";

export type GuestKind = "qemu" | "lxc";
/** As inventory shows it. */
export type GuestStatus = "running" | "stopped" | "suspended" | "unknown";

type Row = Readonly<Record<string, unknown>>;
const text = (row: Row, name: string): string | null => {
  const value = row[name];
  return typeof value === "string" && value !== "" ? value : null;
};
const number = (row: Row, name: string): number | null => (typeof row[name] === "number" ? row[name] : null);
const isSet = (row: Row, name: string): boolean => row[name] === 1 || row[name] === true || row[name] === "1";

const words: Readonly<Record<string, GuestStatus>> = {
  running: "running",
  online: "running",
  stopped: "stopped",
  paused: "suspended",
  suspended: "suspended",
};
/** A VM that sleeps on disk counts as stopped for the API and is known by its lock. */
const statusOf = (word: string | null, lock: string | null): GuestStatus =>
  word === "stopped" && lock === "suspended" ? "suspended" : (words[word ?? ""] ?? "unknown");

export interface Guest {
  readonly kind: GuestKind;
  readonly vmid: string;
  readonly name: string;
  readonly node: string;
  readonly status: GuestStatus;
  readonly row: Row;
}
export interface Host {
  readonly name: string;
  /** online, offline or unknown. */
  readonly status: string;
  readonly row: Row;
}

const guestOf = (row: Row): Guest[] => {
  const kind = row["type"];
  const vmid = row["vmid"];
  const isGuest = (kind === "qemu" || kind === "lxc") && (typeof vmid === "number" || typeof vmid === "string");
  if (!isGuest) return [];
  const name = text(row, "name") ?? `${kind === "qemu" ? "VM" : "CT"} ${vmid}`;
  const status = statusOf(text(row, "status"), text(row, "lock"));
  return [{ kind, vmid: String(vmid), name, node: text(row, "node") ?? "", status, row }];
};

/** The guests among the rows of GET /cluster/resources. */
export const guestsOf = (data: unknown): readonly Guest[] => rowsOf(data, "resources").flatMap(guestOf);

/** The nodes among the rows of GET /cluster/resources or GET /nodes. */
export const hostsOf = (data: unknown): readonly Host[] =>
  rowsOf(data, "resources").flatMap((row) => {
    const name = text(row, "node") ?? text(row, "id")?.replace(/^node\//, "");
    return row["type"] === "node" && name ? [{ name, status: text(row, "status") ?? "unknown", row }] : [];
  });

const present = (pairs: Readonly<Record<string, Json | null>>): JsonObject =>
  Object.fromEntries(Object.entries(pairs).filter(([, value]) => value !== null)) as JsonObject;

const usage = (row: Row) => ({
  cpus: number(row, "maxcpu"),
  cpu_usage: number(row, "cpu"),
  mem_used: number(row, "mem"),
  mem_total: number(row, "maxmem"),
  disk_used: number(row, "disk"),
  disk_total: number(row, "maxdisk"),
  uptime_s: number(row, "uptime"),
});

const labelsOf = (tags: string | null): JsonObject =>
  Object.fromEntries((tags ?? "").split(/[;,\s]+/).flatMap((tag) => (tag === "" ? [] : [[tag, true]])));

/** A guest as inventory shows it; memory and disk in bytes, `cpu_usage` from 0 to 1. */
export const guestTarget = ({ kind, vmid, name, node, status, row }: Guest): Target => ({
  type: kind === "qemu" ? "vm" : "container",
  external_id: vmid,
  name,
  attrs: present({
    status,
    node,
    ...usage(row),
    template: isSet(row, "template") ? true : null,
    lock: text(row, "lock"),
    pool: text(row, "pool"),
    ha_state: text(row, "hastate"),
  }),
  labels: labelsOf(text(row, "tags")),
});

export const hostTarget = ({ name, status, row }: Host): Target => ({
  type: "host",
  external_id: name,
  name,
  attrs: present({ status, ...usage(row) }),
  labels: {},
});

/** What GET .../status/current says about one guest, now. */
export interface Current {
  readonly status: GuestStatus;
  readonly lock: string | null;
  readonly isTemplate: boolean;
  /** State of the high-availability manager; null when it does not manage the guest. */
  readonly ha: string | null;
}
export const currentOf = (data: unknown): Current => {
  const row = rowOf(data, "the status of a guest");
  const ha = typeof row["ha"] === "object" && row["ha"] !== null ? (row["ha"] as Row) : {};
  const lock = text(row, "lock");
  // qmpstatus knows paused VMs, status does not.
  const word = text(row, "status") === "running" ? (text(row, "qmpstatus") ?? "running") : text(row, "status");
  return {
    status: statusOf(word, lock),
    lock,
    isTemplate: isSet(row, "template"),
    ha: isSet(ha, "managed") ? (text(ha, "state") ?? "unknown") : null,
  };
};

const parentOf = (path: string): string => path.slice(0, Math.max(path.lastIndexOf("/"), 0)) || "/";

/** The privileges that GET /access/permissions shows for a path, else those handed down by the nearest path above. */
export const privilegesOf = (data: unknown, path: string): ReadonlySet<string> => {
  const tree = rowOf(data, "permissions");
  for (let at = path; ; at = parentOf(at)) {
    const found = tree[at];
    if (typeof found === "object" && found !== null) {
      const handedDown = Object.entries(found).filter(([, propagates]) => at === path || Boolean(propagates));
      return new Set(handedDown.map(([privilege]) => privilege));
    }
    if (at === "/") return new Set();
  }
};

export interface RunningTask {
  readonly upid: string;
  readonly type: string;
  readonly user: string;
}
/** An open console is a task too, but hinders nothing. */
const consoles = new Set(["vncproxy", "vncshell", "spiceproxy", "spiceshell", "termproxy"]);
/** The running tasks among the rows of GET /nodes/{node}/tasks. */
export const runningTasksOf = (data: unknown): readonly RunningTask[] =>
  rowsOf(data, "tasks").flatMap((row) => {
    const upid = text(row, "upid");
    const type = text(row, "type") ?? "unknown";
    const isRunning = number(row, "endtime") === null && (text(row, "status") ?? "RUNNING") === "RUNNING";
    return upid !== null && isRunning && !consoles.has(type) ? [{ upid, type, user: text(row, "user") ?? "" }] : [];
  });

/** Null while the task runs, else how it ended: `OK`, `WARNINGS: n`, or what went wrong. */
export const exitOf = (data: unknown): string | null => {
  const row = rowOf(data, "the status of a task");
  return text(row, "status") === "stopped" ? (text(row, "exitstatus") ?? "ended without an exit status") : null;
};
export const isGoodExit = (exit: string): boolean => exit === "OK" || exit.startsWith("WARNINGS:");

export const logLinesOf = (data: unknown): readonly { readonly n: number; readonly t: string }[] =>
  rowsOf(data, "log lines").flatMap((row) => {
    const n = number(row, "n");
    return n === null ? [] : [{ n, t: text(row, "t") ?? "" }];
  });
