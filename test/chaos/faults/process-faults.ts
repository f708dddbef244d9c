/** Faults of our own processes: killed, or stopped for a while and continued. */
import { setTimeout as pause } from "node:timers/promises";
import { until } from "../../kit/system.ts";
import { type Fault, onSqlite } from "../kit/fault.ts";
import type { Stack } from "../kit/stack.ts";

const titled = ({ system }: Stack, title: string): Promise<readonly number[]> =>
  until(() => {
    const pids = system.pids(title);
    return pids.length > 0 ? pids : undefined;
  }, `a ${title}`);

/** A sandbox may end by itself in the moment in which it is looked for. */
const signal = (pid: number, name: NodeJS.Signals): void => {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
};

const killed = (name: string, title: string): Fault => ({
  name,
  shape: onSqlite,
  async strike(stack, { chance }) {
    signal(chance.pick(await titled(stack, title)), "SIGKILL");
  },
});

const workerStopped: Fault = {
  name: "worker stopped and continued",
  shape: onSqlite,
  async strike(stack, { chance, pace }) {
    const worker = chance.pick(await titled(stack, "switchyard-worker"));
    signal(worker, "SIGSTOP");
    await pause(pace.stoppedMs);
    signal(worker, "SIGCONT");
  },
};

const supervisorKilled: Fault = {
  name: "supervisor killed",
  shape: onSqlite,
  async strike({ system }) {
    process.kill(system.pid, "SIGKILL");
    await system.restart();
  },
};

export const processFaults: readonly Fault[] = [
  killed("worker killed", "switchyard-worker"),
  workerStopped,
  killed("sandbox killed", "switchyard-sandbox"),
  killed("API killed", "switchyard-api"),
  supervisorKilled,
];
