/** What a cluster knows of its last run: how its guests stood, and the tasks that had ended. */
import type { Cluster, Guest } from "./cluster.ts";
import { isActive, type Task } from "./task.ts";

type KeptGuest = Pick<Guest, "vmid" | "state" | "startedAt" | "lock" | "ha">;
type KeptTask = Omit<Task, "abort">;

export interface Memory {
  readonly guests: readonly KeptGuest[];
  readonly tasks: readonly KeptTask[];
}

const keptTasks = 100;
const noTask = { abort: (): void => undefined };

export const memoryOf = ({ guests, tasks }: Cluster): Memory => ({
  guests: [...guests.values()].map(({ vmid, state, startedAt, lock, ha }) => ({ vmid, state, startedAt, lock, ha })),
  tasks: tasks.filter((task) => !isActive(task)).slice(-keptTasks),
});

const isTextOrNull = (value: unknown): boolean => value === null || typeof value === "string";
const isGuest = ({ vmid, state, startedAt, lock, ha }: KeptGuest): boolean =>
  [vmid, startedAt].every(Number.isFinite) &&
  ["running", "paused", "stopped"].includes(state) &&
  [lock, ha].every(isTextOrNull);
const isTask = ({ pid, pstart, starttime, endtime, log, ...texts }: KeptTask): boolean =>
  [pid, pstart, starttime, endtime].every(Number.isFinite) &&
  [texts.upid, texts.node, texts.type, texts.id, texts.user, texts.exitstatus].every((it) => typeof it === "string") &&
  log.every((line) => typeof line === "string");

/** It may be of any form, and this may throw. */
export const isMemory = ({ guests, tasks }: Memory): boolean => guests.every(isGuest) && tasks.every(isTask);

/** Guests that this cluster does not have are left out. */
export const recall = (cluster: Cluster, { guests = [], tasks = [] }: Partial<Memory>): void => {
  for (const kept of guests) {
    const guest = cluster.guests.get(kept.vmid);
    if (guest !== undefined) Object.assign(guest, kept);
  }
  cluster.tasks.push(...tasks.map((task) => ({ ...task, ...noTask })));
  cluster.lastPid = Math.max(cluster.lastPid, ...tasks.map(({ pid }) => pid));
};
