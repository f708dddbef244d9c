/** The paths of the API that the lab answers, each with the privilege it asks for. */
import { demand, may, permissions, type TokenRecord } from "./access.ts";
import { ApiError, invalidParameters } from "./api-error.ts";
import type { Cluster, ClusterNode, Guest, GuestKind } from "./cluster.ts";
import { type Params, powerGuest } from "./guest-power.ts";
import { powerNode } from "./node-power.ts";
import { isActive, type Task } from "./task.ts";
import * as views from "./views.ts";

/** One authenticated call. */
export interface Call {
  readonly cluster: Cluster;
  readonly token: TokenRecord;
  readonly method: string;
  /** Below /api2/json. */
  readonly path: string;
  readonly params: Params;
}
/** What stands under `data`; lists that can be cut say their `total`. */
export interface Reply {
  readonly data: unknown;
  readonly total?: number;
}
type Handler = (call: Call, parts: readonly string[]) => unknown;
interface Route {
  readonly method: string;
  readonly pattern: RegExp;
  readonly answer: Handler;
}

const userOf = (token: TokenRecord): string => token.token_name;

const knownNode = ({ cluster }: Call, name = ""): ClusterNode => {
  const node = cluster.nodes.find((each) => each.name === name);
  if (node === undefined) {
    const reason = `failed to get address info for: ${name}: Name or service not known`;
    throw new ApiError(500, `hostname lookup '${name}' failed - ${reason}`);
  }
  return node;
};

/** The node that a request is passed on to; a lost one is the proxy's failure. */
const reachable = (call: Call, name = ""): ClusterNode => {
  const node = knownNode(call, name);
  if (!node.online) throw new ApiError(595, "No route to host", { bare: true });
  return node;
};

const guestAt = (call: Call, parts: readonly string[]): Guest => {
  const [nodeName = "", kind = "", vmid = ""] = parts;
  if (!/^[1-9]\d{2,8}$/.test(vmid)) {
    throw invalidParameters({ vmid: `invalid format - value does not look like a valid VM ID` });
  }
  const node = reachable(call, nodeName);
  const guest = call.cluster.guests.get(Number(vmid));
  if (guest === undefined || guest.kind !== kind || guest.node !== node.name) {
    const folder = kind === "qemu" ? "qemu-server" : "lxc";
    throw new ApiError(500, `Configuration file 'nodes/${nodeName}/${folder}/${vmid}.conf' does not exist`);
  }
  return guest;
};

const guest =
  (privilege: string, show: (call: Call, found: Guest, verb: string) => unknown): Handler =>
  (call, parts) => {
    demand(call.cluster, call.token, `/vms/${parts[2]}`, privilege);
    return show(call, guestAt(call, parts), parts[3] ?? "");
  };

const seesGuest = ({ cluster, token }: Call, { vmid }: Guest): boolean =>
  may(cluster, token, `/vms/${vmid}`, "VM.Audit");
const visibleGuests = (call: Call): Guest[] =>
  [...call.cluster.guests.values()].filter((each) => seesGuest(call, each));

const resources: Handler = (call) => {
  const { cluster, token, params } = call;
  const asked = params["type"];
  if (asked !== undefined && !["vm", "storage", "node", "sdn"].includes(asked)) {
    throw invalidParameters({
      type: `value '${asked}' does not have a value in the enumeration 'vm, storage, node, sdn'`,
    });
  }
  const guests = asked === undefined || asked === "vm" ? visibleGuests(call) : [];
  const nodes = asked === undefined || asked === "node" ? cluster.nodes : [];
  return [
    ...guests.map((each) => views.guestResource(cluster, each)),
    ...nodes.map((node) => views.nodeResource(cluster, node, may(cluster, token, `/nodes/${node.name}`, "Sys.Audit"))),
  ];
};

const listGuests: Handler = (call, [nodeName, kind]) => {
  const node = reachable(call, nodeName);
  return visibleGuests(call)
    .filter((each) => each.node === node.name && each.kind === (kind as GuestKind))
    .map((each) => views.guestRow(call.cluster, each));
};

const ownsOrAudits = ({ cluster, token }: Call, task: Task): boolean =>
  task.user === userOf(token) || may(cluster, token, `/nodes/${task.node}`, "Sys.Audit");

const listTasks: Handler = (call, [nodeName]) => {
  const node = reachable(call, nodeName);
  const { source = "archive", vmid, start = "0", limit = "50" } = call.params;
  const wanted = call.cluster.tasks.filter(
    (task) =>
      task.node === node.name &&
      (source === "all" || isActive(task) === (source === "active")) &&
      (vmid === undefined || task.id === vmid) &&
      ownsOrAudits(call, task),
  );
  const data = wanted.reverse().slice(Number(start), Number(start) + Number(limit));
  return { data: data.map(views.taskRow), total: wanted.length } satisfies Reply;
};

const taskAt = (call: Call, [nodeName, upid = ""]: readonly string[]): Task => {
  const node = reachable(call, nodeName);
  if (!/^UPID:[^:]+(:[0-9A-F]{8,9}){3}:[^:]+:[^:]*:[^:]+:$/.test(upid)) {
    throw new ApiError(400, `unable to parse worker upid '${upid}'`);
  }
  const task = call.cluster.tasks.find((each) => each.upid === upid && each.node === node.name);
  if (task === undefined) throw invalidParameters({ upid: "no such task" });
  if (!ownsOrAudits(call, task)) demand(call.cluster, call.token, `/nodes/${task.node}`, "Sys.Audit");
  return task;
};

const taskLog: Handler = (call, parts) => {
  const { log } = taskAt(call, parts);
  const { start = "0", limit = "50" } = call.params;
  const lines = log.map((t, index) => ({ n: index + 1, t }));
  const data = lines.slice(Number(start), Number(start) + (Number(limit) || lines.length));
  return { data, total: log.length } satisfies Reply;
};

const haResources: Handler = ({ cluster, token }) => {
  demand(cluster, token, "/", "Sys.Audit");
  const managed = [...cluster.guests.values()].filter((each) => each.ha !== null);
  return managed.map(({ kind, vmid, ha }) => {
    const type = kind === "qemu" ? "vm" : "ct";
    return { sid: `${type}:${vmid}`, type, state: ha, max_relocate: 1, max_restart: 1 };
  });
};

const pools: Handler = (call) => {
  const names = new Set(visibleGuests(call).flatMap(({ pool }) => (pool === null ? [] : [pool])));
  return [...names].map((poolid) => ({ poolid }));
};

const route = (method: string, path: string, answer: Handler): Route => {
  const pattern = path.replaceAll("{kind}", "(qemu|lxc)").replaceAll(/\{\w+\}/g, "([^/]+)");
  return { method, pattern: new RegExp(`^${pattern}$`), answer };
};

const routes: readonly Route[] = [
  route("GET", "/version", ({ cluster }) => ({ version: cluster.version, release: "8.4", repoid: "1ab01ab0" })),
  route("GET", "/access/permissions", ({ cluster, token, params }) => permissions(cluster, token, params["path"])),
  route("GET", "/cluster/resources", resources),
  route("GET", "/cluster/status", ({ cluster, token }) => {
    demand(cluster, token, "/", "Sys.Audit");
    return views.clusterStatus(cluster);
  }),
  route("GET", "/cluster/ha/resources", haResources),
  route("GET", "/pools", pools),
  route("GET", "/nodes", ({ cluster, token }) =>
    cluster.nodes.map((node) =>
      views.nodeResource(cluster, node, may(cluster, token, `/nodes/${node.name}`, "Sys.Audit")),
    ),
  ),
  route("GET", "/nodes/{node}/status", (call, [name]) => {
    demand(call.cluster, call.token, `/nodes/${name}`, "Sys.Audit");
    return views.nodeStatus(call.cluster, reachable(call, name));
  }),
  route("POST", "/nodes/{node}/status", (call, [name]) => {
    demand(call.cluster, call.token, `/nodes/${name}`, "Sys.PowerMgmt");
    return powerNode(call.cluster, reachable(call, name), call.params["command"]);
  }),
  route("GET", "/nodes/{node}/tasks", listTasks),
  route("GET", "/nodes/{node}/tasks/{upid}/status", (call, parts) => views.taskStatus(taskAt(call, parts))),
  route("GET", "/nodes/{node}/tasks/{upid}/log", taskLog),
  route("DELETE", "/nodes/{node}/tasks/{upid}", (call, parts) => {
    taskAt(call, parts).abort();
    return null;
  }),
  route("GET", "/nodes/{node}/{kind}", listGuests),
  route(
    "GET",
    "/nodes/{node}/{kind}/{vmid}/config",
    guest("VM.Audit", (_, found) => views.guestConfig(found)),
  ),
  route(
    "GET",
    "/nodes/{node}/{kind}/{vmid}/status/current",
    guest("VM.Audit", ({ cluster }, found) => views.guestStatus(cluster, found)),
  ),
  route(
    "POST",
    "/nodes/{node}/{kind}/{vmid}/status/{verb}",
    guest("VM.PowerMgmt", ({ cluster, params, token }, found, verb) =>
      powerGuest(cluster, found, { verb, params, user: userOf(token) }),
    ),
  ),
];

const isReply = (value: unknown): value is Reply => typeof value === "object" && value !== null && "total" in value;

/** Finds the path's handler and gives its answer; 501 for paths that do not exist, as the API does. */
export const answerCall = (call: Call): Reply => {
  for (const { method, pattern, answer } of routes) {
    const match = method === call.method ? pattern.exec(call.path) : null;
    if (match === null) continue;
    const data = answer(call, match.slice(1).map(decodeURIComponent));
    return isReply(data) ? data : { data };
  }
  throw new ApiError(501, `Method '${call.method} ${call.path}' not implemented`);
};
