/** The simulated cluster: its nodes, guests, pools and tasks, and what it holds at start. */
import type { Task } from "./task.ts";

export type GuestKind = "qemu" | "lxc";
export type GuestState = "running" | "paused" | "stopped";

export interface ClusterNode {
  readonly name: string;
  readonly ip: string;
  online: boolean;
  bootedAt: number;
  readonly cpus: number;
  readonly memory: number;
  readonly disk: number;
}

export interface Guest {
  readonly kind: GuestKind;
  readonly vmid: number;
  readonly name: string;
  node: string;
  state: GuestState;
  startedAt: number;
  template: boolean;
  /** backup, snapshot, migrate, suspended ... */
  lock: string | null;
  tags: string[];
  pool: string | null;
  /** State of the high-availability manager; null when it does not care for the guest. */
  ha: string | null;
  readonly cpus: number;
  readonly memory: number;
  readonly disk: number;
  /** Misbehaviour of the guest itself. */
  quirk: "shutdown_hangs" | "start_fails" | null;
}

export interface Cluster {
  readonly name: string;
  readonly version: string;
  readonly nodes: ClusterNode[];
  readonly guests: Map<number, Guest>;
  /** Newest last; the oldest are dropped above some thousands. */
  readonly tasks: Task[];
  lastPid: number;
  /** How long a task takes. */
  taskMs: number;
  readonly now: () => number;
  /** Told when a task has ended or a node went down. */
  readonly changed: () => void;
}

export interface ClusterSize {
  readonly nodes: number;
  readonly vms: number;
  readonly containers: number;
}

const gib = 1024 ** 3;
const day = 86_400_000;

type Seed = Partial<Guest> & { readonly name: string };
/** The first guests have stories; the ones after them are ordinary. */
const vmStories: readonly Seed[] = [
  { name: "web-1", pool: "prod", tags: ["prod", "web"] },
  { name: "web-2", pool: "prod", tags: ["prod", "web"], state: "stopped" },
  { name: "db-1", pool: "prod", tags: ["prod"], ha: "started" },
  { name: "files-in-backup", lock: "backup" },
  { name: "stubborn", quirk: "shutdown_hangs" },
  { name: "broken-disk", quirk: "start_fails", state: "stopped" },
  { name: "debian-12-template", template: true, state: "stopped" },
  { name: "in-migration", lock: "migrate" },
];
const containerStories: readonly Seed[] = [
  { name: "dns-1", tags: ["core"] },
  { name: "proxy-1", pool: "prod", state: "stopped" },
  { name: "mail-in-snapshot", lock: "snapshot" },
  { name: "alpine-template", template: true, state: "stopped" },
];

const makeNode = (index: number, now: number): ClusterNode => ({
  name: `pve${index + 1}`,
  ip: `192.0.2.${(index % 250) + 1}`,
  online: true,
  bootedAt: now - 10 * day,
  cpus: 16,
  memory: 64 * gib,
  disk: 900 * gib,
});

const makeGuest = (kind: GuestKind, vmid: number, seed: Seed, facts: { node: string; now: number }): Guest => ({
  kind,
  vmid,
  node: facts.node,
  state: "running",
  startedAt: facts.now - day,
  template: false,
  lock: null,
  tags: [],
  pool: null,
  ha: null,
  cpus: kind === "qemu" ? 4 : 1,
  memory: (kind === "qemu" ? 8 : 1) * gib,
  disk: (kind === "qemu" ? 64 : 8) * gib,
  quirk: null,
  ...seed,
});

const containerBase = (vms: number): number => 100 + Math.max(100, Math.ceil(vms / 100) * 100);

/** A cluster of this size: VMs from id 100 on, containers from 200 on (further up when there are over 100 VMs). */
export const createCluster = (size: ClusterSize, options: Pick<Cluster, "taskMs" | "now" | "changed">): Cluster => {
  const now = options.now();
  const nodes = Array.from({ length: Math.max(1, size.nodes) }, (_, index) => makeNode(index, now));
  const guests = new Map<number, Guest>();
  const fill = (kind: GuestKind, count: number, base: number, stories: readonly Seed[]): void => {
    for (let index = 0; index < count; index += 1) {
      const prefix = kind === "qemu" ? "vm" : "ct";
      const seed = stories[index] ?? { name: `${prefix}-${base + index}` };
      const node = nodes[index % nodes.length]?.name ?? "pve1";
      guests.set(base + index, makeGuest(kind, base + index, seed, { node, now }));
    }
  };
  fill("qemu", size.vms, 100, vmStories);
  fill("lxc", size.containers, containerBase(size.vms), containerStories);
  return {
    name: "lab",
    version: "8.4.1",
    nodes,
    guests,
    tasks: [],
    lastPid: 4000,
    taskMs: options.taskMs,
    now: options.now,
    changed: options.changed,
  };
};
