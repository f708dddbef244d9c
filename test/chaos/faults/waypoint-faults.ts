/** A kill at every waypoint: whoever comes by there first is stopped, and dies. */
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { type Waypoint, waypoints } from "../../../src/model/waypoint.ts";
import { act, install } from "../kit/errand.ts";
import { type Fault, onSqlite, type Strike } from "../kit/fault.ts";
import type { Stack } from "../kit/stack.ts";

const reachedWithinMs = 60_000;
const lookEveryMs = 20;
/** So often another job is sent that way; installs stand in one line, which need not grow. */
const askEveryLooks = { install: 150, other: 25 };

/** Jobs come by until one is stopped. */
const untilReached = async (stack: Stack, waypoint: Waypoint, { chance, ask }: Strike): Promise<string> => {
  const note = `${stack.pauseFile}.reached`;
  const deadline = performance.now() + reachedWithinMs;
  const isInstall = waypoint.startsWith("install");
  const askEvery = isInstall ? askEveryLooks.install : askEveryLooks.other;
  for (let looks = 0; !existsSync(note); looks += 1) {
    if (performance.now() > deadline) throw new Error(`no job came to ${waypoint} within ${reachedWithinMs} ms`);
    if (looks % askEvery === 0) {
      ask(isInstall ? await install(stack, looks) : act(stack, chance, chance.below(4)));
    }
    await pause(lookEveryMs);
  }
  return readFileSync(note, "utf8");
};

/** Kills the process that is the first to come to this place with a job that is not spared; answers that job. */
const killAt = async (stack: Stack, waypoint: Waypoint, strike: Strike, spared: readonly string[]): Promise<string> => {
  const { pauseFile } = stack;
  writeFileSync(`${pauseFile}.draft`, [waypoint, ...spared].join(" "));
  renameSync(`${pauseFile}.draft`, pauseFile);
  try {
    const { pid, job_id } = JSON.parse(await untilReached(stack, waypoint, strike));
    process.kill(pid, "SIGKILL");
    return job_id;
  } finally {
    for (const path of [pauseFile, `${pauseFile}.reached`]) rmSync(path, { force: true });
  }
};

/** One kill after the other, each at another job: three lost workers would be the end of one. */
export const walk = (name: string, places: readonly Waypoint[]): Fault => ({
  name,
  shape: onSqlite,
  async strike(stack, strike) {
    const spared: string[] = [];
    for (const waypoint of places) spared.push(await killAt(stack, waypoint, strike, spared));
  },
});

export const waypointFaults: readonly Fault[] = waypoints.map((waypoint) => walk(`killed at ${waypoint}`, [waypoint]));
