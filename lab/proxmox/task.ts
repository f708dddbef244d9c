/** Tasks: work that goes on after its request was answered, named by a UPID. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Cluster } from "./cluster.ts";

export interface Task {
  readonly upid: string;
  readonly node: string;
  readonly type: string;
  readonly id: string;
  readonly user: string;
  readonly pid: number;
  readonly pstart: number;
  /** Seconds since 1970, as the API shows them. */
  readonly starttime: number;
  endtime?: number;
  /** `OK` or what went wrong; absent while it runs. */
  exitstatus?: string;
  readonly log: string[];
  abort(): void;
}

/** What the work of a task is given. */
export interface TaskRun {
  log(line: string): void;
  /** Waits; throws when somebody stops the task. */
  pause(ms: number): Promise<void>;
}

export interface TaskSpec {
  readonly node: string;
  readonly type: string;
  readonly id: string;
  readonly user: string;
  /** What it throws becomes the exit status. */
  readonly work: (run: TaskRun) => Promise<void>;
}

const hex = (value: number): string => value.toString(16).toUpperCase().padStart(8, "0");

const finish = (cluster: Cluster, task: Task, failure: string | null): void => {
  task.endtime = Math.floor(cluster.now() / 1000);
  task.exitstatus = failure ?? "OK";
  task.log.push(failure === null ? "TASK OK" : `TASK ERROR: ${failure}`);
  cluster.changed();
};

/** Starts a task. It goes on by itself; `abort` ends it as an interrupt would. */
export const forkTask = (cluster: Cluster, spec: TaskSpec): Task => {
  const stop = new AbortController();
  cluster.lastPid += 1;
  const pid = cluster.lastPid;
  const pstart = Math.floor(cluster.now() / 10) % 0x7fffffff;
  const starttime = Math.floor(cluster.now() / 1000);
  const { node, type, id, user } = spec;
  const upid = `UPID:${node}:${hex(pid)}:${hex(pstart)}:${hex(starttime)}:${type}:${id}:${user}:`;
  const task: Task = { upid, node, type, id, user, pid, pstart, starttime, log: [], abort: () => stop.abort() };
  cluster.tasks.push(task);
  if (cluster.tasks.length > 5000) cluster.tasks.splice(0, 1000);
  const pause = (ms: number): Promise<void> =>
    sleep(ms, undefined, { signal: stop.signal, ref: false }).catch(() => {
      throw new Error("received interrupt");
    });
  void spec.work({ log: (line) => task.log.push(line), pause }).then(
    () => finish(cluster, task, null),
    (thrown: unknown) => finish(cluster, task, thrown instanceof Error ? thrown.message : String(thrown)),
  );
  return task;
};

export const isActive = (task: Pick<Task, "exitstatus">): boolean => task.exitstatus === undefined;

const lookMs = 50;

/** Waits for the tasks that run, but not for ever. */
export const untilIdle = async ({ tasks }: Cluster, forMs: number): Promise<void> => {
  const deadline = performance.now() + forMs;
  while (tasks.some(isActive) && performance.now() < deadline) await sleep(lookMs);
};
