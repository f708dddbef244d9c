/** Faults of our own processes: killed, or stopped for a while and continued. */
import { readFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { until } from "../../kit/system.ts";
import { act } from "../kit/errand.ts";
import { type Fault, onSqlite, type Strike } from "../kit/fault.ts";
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

const busyWindowMs = 250;
const killsMost = 6;
const heardWithinMs = 4_000;
/** The row of `act` whose driver asks for its task ten times a second. */
const polling = 1;

/** For how long a process was computing, in nanoseconds; 0 when it is gone. */
const computed = (pid: number): number => {
  try {
    return Number(readFileSync(`/proc/${pid}/schedstat`, "utf8").split(" ")[0]);
  } catch {
    return 0;
  }
};

/** The sandbox that did most in a while: an idle one does next to nothing. */
const busiest = async (stack: Stack): Promise<number> => {
  const before = new Map((await titled(stack, "switchyard-sandbox")).map((pid) => [pid, computed(pid)]));
  await pause(busyWindowMs);
  const [first] = [...before].map(([pid, then]) => ({ pid, ns: computed(pid) - then })).sort((a, b) => b.ns - a.ns);
  return first?.pid ?? 0;
};

/** One that has a call in hand: then the job says that its sandbox ended. */
const sandboxKilled: Fault = {
  name: "sandbox killed",
  shape: onSqlite,
  async strike(stack, { chance, ask, hasHeard }: Strike) {
    for (let kills = 0; kills < killsMost; kills += 1) {
      for (let more = 0; more < 3; more += 1) ask(act(stack, chance, polling));
      await pause(busyWindowMs);
      signal(await busiest(stack), "SIGKILL");
      const heard = until(() => (hasHeard("sandbox_crashed") ? true : undefined), "a job to say so", heardWithinMs);
      if (await heard.catch(() => false)) return;
    }
    throw new Error(`${killsMost} sandboxes were killed, and no job was in one of them`);
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
  sandboxKilled,
  killed("API killed", "switchyard-api"),
  supervisorKilled,
];
