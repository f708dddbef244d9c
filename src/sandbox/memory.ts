/** Watches sandboxes: their resident memory, since heap limits of the engine do not count buffers, and their hunger for a processor. */
import { readFileSync } from "node:fs";
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

/** The kernel's tables of what a process mapped, which is memory as any other but is no resident page of its own. */
const tableBytes = (pid: number): number =>
  Number(/^VmPTE:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "latin1"))?.[1] ?? 0) * 1024;

/** Bytes that a process holds, resident and in tables of pages; 0 when it is gone or the system does not tell. */
export const heldBytes = (pid: number): number => {
  try {
    const [mapped = 0, resident = 0] = readFileSync(`/proc/${pid}/statm`, "latin1")
      .split(" ", 2)
      .map((pages) => Number(pages) * pageBytes || 0);
    return mapped < worthALook ? resident : resident + tableBytes(pid);
  } catch {
    return 0;
  }
};

/** One timer for all processes; none while there is nothing to watch. */
export const createMemoryWatch = (capBytes: number): MemoryWatch => {
  const watched = new Map<number, (bytes: number) => void>();
  const priorities = createPriorities(() => performance.now());
  let timer: NodeJS.Timeout | undefined;

  const stop = (): void => {
    clearInterval(timer);
    timer = undefined;
  };
  const look = (): void => {
    for (const [pid, onExcess] of watched) {
      const bytes = heldBytes(pid);
      priorities.look(pid);
      if (bytes <= capBytes) continue;
      watched.delete(pid);
      onExcess(bytes);
    }
    if (watched.size === 0) stop();
  };
  return {
    watch: (pid, isSuspect, onExcess) => {
      watched.set(pid, onExcess);
      priorities.begin(pid, isSuspect);
      timer ??= setInterval(look, everyMs);
    },
    forget: (pid) => {
      watched.delete(pid);
      priorities.forget(pid);
    },
    close: () => {
      watched.clear();
      stop();
    },
  };
};
