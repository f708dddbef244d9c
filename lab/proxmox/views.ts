/** How the API shows nodes, guests and tasks. */
import type { Cluster, ClusterNode, Guest } from "./cluster.ts";
import { isActive, type Task } from "./task.ts";

const seconds = (ms: number): number => Math.max(0, Math.floor(ms / 1000));
const nodeOf = (cluster: Cluster, guest: Guest): ClusterNode | undefined =>
  cluster.nodes.find((node) => node.name === guest.node);

const load = (guest: Guest): number => (guest.state === "running" ? 0.01 + (guest.vmid % 17) / 100 : 0);
const uptime = (cluster: Cluster, guest: Guest): number =>
  guest.state === "stopped" ? 0 : seconds(cluster.now() - guest.startedAt);
const usage = (cluster: Cluster, guest: Guest): object => ({
  cpu: load(guest),
  mem: guest.state === "stopped" ? 0 : Math.floor(guest.memory * 0.4),
  disk: guest.kind === "lxc" ? Math.floor(guest.disk * 0.3) : 0,
  diskread: 0,
  diskwrite: 0,
  netin: 0,
  netout: 0,
  maxmem: guest.memory,
  maxdisk: guest.disk,
  uptime: uptime(cluster, guest),
});
const marks = (guest: Guest): object => ({
  ...(guest.lock === null ? {} : { lock: guest.lock }),
  ...(guest.tags.length === 0 ? {} : { tags: guest.tags.join(";") }),
});

/** A row of GET /cluster/resources: paused VMs show as `paused` there, guests of a lost node as `unknown`. */
export const guestResource = (cluster: Cluster, guest: Guest): object => {
  const isReachable = nodeOf(cluster, guest)?.online === true;
  return {
    id: `${guest.kind}/${guest.vmid}`,
    type: guest.kind,
    vmid: guest.vmid,
    name: guest.name,
    node: guest.node,
    status: isReachable ? guest.state : "unknown",
    template: guest.template ? 1 : 0,
    maxcpu: guest.cpus,
    ...usage(cluster, guest),
    ...marks(guest),
    ...(guest.pool === null ? {} : { pool: guest.pool }),
    ...(guest.ha === null ? {} : { hastate: guest.ha }),
  };
};

const shortStatus = (guest: Guest): string => (guest.state === "stopped" ? "stopped" : "running");

/** A row of GET /nodes/{node}/qemu or /lxc. */
export const guestRow = (cluster: Cluster, guest: Guest): object => ({
  vmid: guest.vmid,
  name: guest.name,
  status: shortStatus(guest),
  cpus: guest.cpus,
  ...usage(cluster, guest),
  ...marks(guest),
  ...(guest.template ? { template: 1 } : {}),
});

/** GET .../status/current. */
export const guestStatus = (cluster: Cluster, guest: Guest): object => ({
  ...guestRow(cluster, guest),
  ...(guest.kind === "qemu" ? { qmpstatus: guest.state, agent: 1 } : { type: "lxc" }),
  ha: guest.ha === null ? { managed: 0 } : { managed: 1, state: guest.ha, group: null },
});

export const guestConfig = (guest: Guest): object => ({
  digest: guest.vmid.toString(16).padStart(40, "0"),
  cores: guest.cpus,
  memory: guest.memory / 1024 ** 2,
  ...(guest.kind === "qemu"
    ? { name: guest.name, ostype: "l26", scsi0: `local-lvm:vm-${guest.vmid}-disk-0` }
    : { hostname: guest.name, ostype: "debian", rootfs: `local-lvm:vm-${guest.vmid}-disk-0` }),
  ...marks(guest),
  ...(guest.template ? { template: 1 } : {}),
});

/** A row of GET /nodes and of GET /cluster/resources; measures only for those who may see them. */
export const nodeResource = (cluster: Cluster, node: ClusterNode, mayAudit: boolean): object => ({
  id: `node/${node.name}`,
  type: "node",
  node: node.name,
  status: node.online ? "online" : "offline",
  level: "",
  ...(mayAudit && node.online
    ? {
        cpu: 0.05,
        maxcpu: node.cpus,
        mem: Math.floor(node.memory * 0.3),
        maxmem: node.memory,
        disk: Math.floor(node.disk * 0.1),
        maxdisk: node.disk,
        uptime: seconds(cluster.now() - node.bootedAt),
      }
    : {}),
});

const shares = (total: number, part: number): object => {
  const used = Math.floor(total * part);
  return { used, free: total - used, available: total - used };
};

export const nodeStatus = (cluster: Cluster, node: ClusterNode): object => ({
  cpu: 0.05,
  uptime: seconds(cluster.now() - node.bootedAt),
  loadavg: ["0.15", "0.20", "0.18"],
  memory: { total: node.memory, ...shares(node.memory, 0.3) },
  rootfs: { total: node.disk, avail: Math.floor(node.disk * 0.9), ...shares(node.disk, 0.1) },
  "boot-info": { mode: "efi", secureboot: 0 },
  "current-kernel": { sysname: "Linux", release: "6.8.12-4-pve", version: "#1 SMP", machine: "x86_64" },
  cpuinfo: { model: "Simulated CPU", cores: node.cpus / 2, cpus: node.cpus, sockets: 1 },
  kversion: "Linux 6.8.12-4-pve",
  pveversion: `pve-manager/${cluster.version}/lab0lab0`,
});

export const clusterStatus = (cluster: Cluster): object[] => {
  const online = cluster.nodes.filter((node) => node.online).length;
  const quorate = online > cluster.nodes.length / 2 ? 1 : 0;
  return [
    { id: "cluster", type: "cluster", name: cluster.name, version: 1, nodes: cluster.nodes.length, quorate },
    ...cluster.nodes.map((node, index) => ({
      ...{ id: `node/${node.name}`, type: "node", name: node.name, nodeid: index + 1, ip: node.ip, level: "" },
      ...{ online: node.online ? 1 : 0, local: index === 0 ? 1 : 0 },
    })),
  ];
};

export const taskFacts = ({ upid, node, type, id, user, pid, pstart, starttime }: Task): object => ({
  ...{ upid, node, type, id, user, pid, pstart, starttime },
});

/** GET .../tasks/{upid}/status. */
export const taskStatus = (task: Task): object =>
  isActive(task)
    ? { ...taskFacts(task), status: "running" }
    : { ...taskFacts(task), status: "stopped", exitstatus: task.exitstatus };

/** A row of GET /nodes/{node}/tasks: there the exit status stands in `status`. */
export const taskRow = (task: Task): object =>
  isActive(task)
    ? { ...taskFacts(task), status: "RUNNING" }
    : { ...taskFacts(task), endtime: task.endtime, status: task.exitstatus };
