/** Watches sandboxes: their resident memory, since heap limits of the engine do not count buffers, and their hunger for a processor. */
import { closeSync, openSync, readFileSync, readSync } from "node:fs";
import { createPriorities } from "./priority.ts";

export interface MemoryWatch {
  /** Calls `onExcess` once when the process is seen above the cap. A suspect stands back until it is calm. */
  watch(pid: number, isSuspect: boolean, onExcess: (bytes: number) => void): void;
  forget(pid: number): void;
  close(): void;
}

const pageBytes = 4096;
const everyMs = 50;

/** Tables of pages take up to a 512th of what is mapped: below this much nobody needs to look at them. */
const worthALook = 16 * 1024 ** 3;

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

const longestLine = 128;

/** What is mapped and what of it is resident, in bytes. */
const statisticsOf = (file: number): readonly number[] => {
  const line = Buffer.allocUnsafe(longestLine);
  const length = readSync(file, line, 0, longestLine, 0);
  return line
    .toString("latin1", 0, length)
    .split(" ", 2)
    .map((pages) => Number(pages) * pageBytes || 0);
};

/** The kernel's tables of what a process mapped, which is memory as any other but is no resident page of its own. */
const tableBytes = (pid: number): number =>
  Number(/^VmPTE:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "latin1"))?.[1] ?? 0) * 1024;

/** Bytes that a process holds, resident and in tables of pages; 0 when it is gone or the system does not tell. */
const heldBytes = (pid: number, file: number | undefined): number => {
  if (file === undefined) return 0;
  try {
    const [mapped = 0, resident = 0] = statisticsOf(file);
    return mapped < worthALook ? resident : resident + tableBytes(pid);
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
      const bytes = heldBytes(pid, file);
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
