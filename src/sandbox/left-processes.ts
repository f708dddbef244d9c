/** Ends what a killed runner left running: a sandbox that was being walled in as its runner died waits for ever to be told to go on. */
import { readdirSync, readFileSync } from "node:fs";

const pids = (): readonly number[] => {
  try {
    return readdirSync("/proc").map(Number).filter(Number.isInteger);
  } catch {
    return [];
  }
};

const commandOf = (pid: number): string => {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "latin1");
  } catch {
    return "";
  }
};

const end = (pid: number): void => {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It is gone, or not ours.
  }
};

/**
 * Ends every process that was started for this folder. Where there is no list of processes, none is found.
 * @param dir a folder of a runner that is gone: nobody else has a use for it.
 */
export const endUsersOf = (dir: string): void => {
  for (const pid of pids()) if (pid !== process.pid && commandOf(pid).includes(`${dir}/`)) end(pid);
};
