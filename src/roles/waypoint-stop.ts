/** Stops this process at a waypoint, because a test asked for it: only where SWITCHYARD_PAUSE_FILE is set. */
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import type { PassWaypoint } from "../model/waypoint.ts";

const lookEveryMs = 20;

/** The waypoint, and the jobs that pass it all the same. */
const orderIn = (file: string): readonly string[] => {
  try {
    return readFileSync(file, "utf8").trim().split(/\s+/);
  } catch {
    return [];
  }
};

/** Of all that come by, one process takes the order; the others pass. */
const take = (file: string): boolean => {
  try {
    renameSync(file, `${file}.taken`);
    return true;
  } catch {
    return false;
  }
};

const untilGone = async (path: string): Promise<void> => {
  while (existsSync(path)) await new Promise((resolve) => setTimeout(resolve, lookEveryMs));
};

/**
 * The file holds the name of a waypoint, and the ids of jobs that are spared. Whoever gets there first writes
 * `<file>.reached` with its pid and the job's id, and goes on with nothing of that job before this note is taken away.
 */
export const stopAtWaypoint =
  (file: string): PassWaypoint =>
  (waypoint, jobId) => {
    const [wanted, ...spared] = orderIn(file);
    if (wanted !== waypoint || spared.includes(jobId) || !take(file)) return undefined;
    const note = `${file}.reached`;
    writeFileSync(`${note}.draft`, JSON.stringify({ waypoint, job_id: jobId, pid: process.pid }));
    renameSync(`${note}.draft`, note);
    return untilGone(note);
  };
