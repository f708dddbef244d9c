/** A kill at every waypoint: whoever comes by there first is stopped, and dies. */
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { type Waypoint, waypoints } from "../../../src/model/waypoint.ts";
import { until } from "../../kit/system.ts";
import { type Fault, onSqlite } from "../kit/fault.ts";
import type { Stack } from "../kit/stack.ts";

const reachedWithinMs = 60_000;

/** Kills the process that is the first to come to this place. */
export const killAt = async ({ pauseFile }: Stack, waypoint: Waypoint): Promise<void> => {
  const note = `${pauseFile}.reached`;
  writeFileSync(`${pauseFile}.draft`, waypoint);
  renameSync(`${pauseFile}.draft`, pauseFile);
  try {
    await until(() => (existsSync(note) ? true : undefined), `a job at ${waypoint}`, reachedWithinMs);
    const { pid } = JSON.parse(readFileSync(note, "utf8")) as { pid: number };
    process.kill(pid, "SIGKILL");
  } finally {
    for (const path of [pauseFile, note]) rmSync(path, { force: true });
  }
};

export const waypointFaults: readonly Fault[] = waypoints.map((waypoint) => ({
  name: `killed at ${waypoint}`,
  shape: onSqlite,
  strike: (stack) => killAt(stack, waypoint),
}));
