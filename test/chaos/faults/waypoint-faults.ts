/** A kill at every waypoint: whoever comes by there first is stopped, and dies. */
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { type Waypoint, waypoints } from "../../../src/model/waypoint.ts";
import { act, type InstallName, install } from "../kit/errand.ts";
import { type Fault, onSqlite, type Strike } from "../kit/fault.ts";
import type { Stack } from "../kit/stack.ts";

const reachedWithinMs = 60_000;
const lookEveryMs = 20;
/** So often another job is sent that way; installs stand in one line, which need not grow. */
const askEveryLooks = { install: 150, other: 25 };
/** A worker may be at a job before its client has the answer. */
const answerLooks = 250;

/** A place, and which errand is to be killed there; any when absent. */
interface Trap {
  readonly waypoint: Waypoint;
  readonly only?: InstallName;
}

interface Caught {
  readonly pid: number;
  readonly job_id: string;
}

/** Jobs come by until one is stopped. */
const untilReached = async (stack: Stack, { waypoint, only }: Trap, { chance, ask }: Strike): Promise<Caught> => {
  const note = `${stack.pauseFile}.reached`;
  const deadline = performance.now() + reachedWithinMs;
  const askEvery = only === undefined ? askEveryLooks.other : askEveryLooks.install;
  for (let looks = 0; !existsSync(note); looks += 1) {
    if (performance.now() > deadline) throw new Error(`no job came to ${waypoint} within ${reachedWithinMs} ms`);
    if (looks % askEvery === 0)
      ask(only === undefined ? act(stack, chance, chance.below(4)) : await install(stack, only));
    await pause(lookEveryMs);
  }
  return JSON.parse(readFileSync(note, "utf8"));
};

const isWanted = async ({ only }: Trap, { job_id }: Caught, { errandOf }: Strike): Promise<boolean> => {
  if (only === undefined) return true;
  for (let looks = 0; errandOf(job_id) === undefined && looks < answerLooks; looks += 1) await pause(lookEveryMs);
  return errandOf(job_id)?.name === only;
};

const layTrap = ({ pauseFile }: Stack, { waypoint }: Trap, spared: readonly string[]): void => {
  writeFileSync(`${pauseFile}.draft`, [waypoint, ...spared].join(" "));
  renameSync(`${pauseFile}.draft`, pauseFile);
};

/** Kills the process that is the first to come to this place with a job that is wanted; answers who came by until then. */
const killAt = async (stack: Stack, trap: Trap, strike: Strike, spared: readonly string[]): Promise<string[]> => {
  const { pauseFile } = stack;
  const came = [...spared];
  for (let isKilled = false; !isKilled; ) {
    layTrap(stack, trap, came);
    try {
      const caught = await untilReached(stack, trap, strike);
      came.push(caught.job_id);
      isKilled = await isWanted(trap, caught, strike);
      if (isKilled) process.kill(caught.pid, "SIGKILL");
    } finally {
      for (const path of [pauseFile, `${pauseFile}.reached`]) rmSync(path, { force: true });
    }
  }
  return came;
};

/** One kill after the other, each at another job: three lost workers would be the end of one. */
export const walk = (name: string, traps: readonly Trap[]): Fault => ({
  name,
  shape: onSqlite,
  async strike(stack, strike) {
    let spared: readonly string[] = [];
    for (const trap of traps) spared = await killAt(stack, trap, strike, spared);
  },
});

const inInstalls = waypoints.filter((waypoint) => waypoint.startsWith("install."));
const elsewhere = waypoints.filter((waypoint) => !waypoint.startsWith("install."));

/** Of each way to install: a pack that is new has no instances to test. */
export const installTraps: Readonly<Record<InstallName, readonly Trap[]>> = {
  install: inInstalls
    .filter((waypoint) => waypoint !== "install.tested")
    .map((waypoint) => ({ waypoint, only: "install" })),
  upgrade: inInstalls.map((waypoint) => ({ waypoint, only: "upgrade" })),
};

export const waypointFaults: readonly Fault[] = [
  ...installTraps.install.map((trap) => walk(`killed at ${trap.waypoint} of a new pack`, [trap])),
  ...installTraps.upgrade.map((trap) => walk(`killed at ${trap.waypoint} of an upgrade`, [trap])),
  ...elsewhere.map((waypoint) => walk(`killed at ${waypoint}`, [{ waypoint }])),
];
