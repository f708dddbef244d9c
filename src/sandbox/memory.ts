/** Watches sandboxes: their resident memory, since heap limits of the engine do not count buffers, and their hunger for a processor. */
import { closeSync, openSync, readSync } from "node:fs";
import { createPriorities } from "./priority.ts";

export interface MemoryWatch {
  /** Calls `onExcess` once when the process is seen above the cap. A suspect stands back until it is calm. */
  watch(pid: number, isSuspect: boolean, onExcess: (bytes: number) => void): void;
  forget(pid: number): void;
  close(): void;
}

const pageBytes = 4096;
const everyMs = 50;

interface Watched {
  readonly onExcess: (bytes: number) => void;
  /** Its statistics, kept open: finding a process anew costs a busy worker more than reading them does. */
  readonly file: number | undefined;
}

const openStatistics = (pid: number): number | undefined => {
  try {
    return openSync(`/proc/${pid}/statm`, "r");
  } catch {
    return undefined;
  }
};

const line = Buffer.alloc(128);

/** Resident bytes of a process; 0 when it is gone or the system does not tell. */
const residentBytes = (file: number | undefined): number => {
  if (file === undefined) return 0;
  try {
    const length = readSync(file, line, 0, line.length, 0);
    return Number(line.toString("latin1", 0, length).split(" ", 2)[1]) * pageBytes || 0;
  } catch {
    return 0;
  }
};

/** One timer for all processes; none while there is nothing to watch. */
export const createMemoryWatch = (capBytes: number): MemoryWatch => {
  const watched = new Map<number, Watched>();
  const priorities = createPriorities(() => performance.now());
  let timer: NodeJS.Timeout | undefined;

  const stop = (): void => {
    clearInterval(timer);
    timer = undefined;
  };
  const drop = (pid: number): void => {
    const file = watched.get(pid)?.file;
    if (file !== undefined) closeSync(file);
    watched.delete(pid);
  };
  const look = (): void => {
    for (const [pid, { onExcess, file }] of watched) {
      const bytes = residentBytes(file);
      priorities.look(pid);
      if (bytes <= capBytes) continue;
      drop(pid);
      onExcess(bytes);
    }
    if (watched.size === 0) stop();
  };
  return {
    watch: (pid, isSuspect, onExcess) => {
      drop(pid);
      watched.set(pid, { onExcess, file: openStatistics(pid) });
      priorities.begin(pid, isSuspect);
      timer ??= setInterval(look, everyMs);
    },
    forget: (pid) => {
      drop(pid);
      priorities.forget(pid);
    },
    close: () => {
      for (const pid of watched.keys()) drop(pid);
      stop();
    },
  };
};
