/**
 * Sandboxes stand behind the runner: what is admitted, claimed and settled goes before what a driver computes. One that
 * keeps a processor busy stands back behind everything else of the machine, until it calms down.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { setPriority } from "node:os";

export interface Priorities {
  /** Keeps an eye on a process from here on. */
  begin(pid: number, isSuspect: boolean): void;
  /** Looks at what a process used since the last look, and moves it back or forth. */
  look(pid: number): void;
  forget(pid: number): void;
}

interface Seen {
  readonly at: number;
  /** For how many looks it has wanted a processor without a pause, or (below 0) has not. */
  readonly streak: number;
  readonly isBack: boolean;
}

const everyMs = 200;
/** So many looks on end: less than a second of work is nobody's business. */
const long = 3;
const usual = 5;
const back = 19;

/** Whether a process runs or waits for a processor; undefined when it is gone or the system does not tell. */
const isHungry = (pid: number): boolean | undefined => {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    return stat[stat.lastIndexOf(")") + 2] === "R";
  } catch {
    return undefined;
  }
};

/**
 * Each sandbox is a session, and Linux weighs sessions against each other before it looks at their processes: only this
 * file sets what a session weighs. Where control groups take its place, the process's own priority counts.
 */
const moveSession = (pid: number, priority: number): void => {
  try {
    writeFileSync(`/proc/${pid}/autogroup`, String(priority));
  } catch {
    // There is none, or it is not ours to write.
  }
};

/** False where the system does not let us: without root a process that stands back stays there. */
const move = (pid: number, priority: number): boolean => {
  try {
    setPriority(pid, priority);
    moveSession(pid, priority);
    return true;
  } catch {
    return false;
  }
};

/** Where a process starts, and all that it starts: a suspect stands back from the beginning, until it is calm. */
export const place = (pid: number, isSuspect: boolean): void => {
  move(pid, isSuspect ? back : usual);
};

const settle = (pid: number, streak: number, isBack: boolean): boolean => {
  if (!isBack && streak >= long) return move(pid, back);
  if (isBack && streak <= -long) return !move(pid, usual);
  return isBack;
};

export const createPriorities = (now: () => number): Priorities => {
  const seen = new Map<number, Seen>();
  return {
    begin: (pid, isSuspect) => {
      place(pid, isSuspect);
      seen.set(pid, { at: now(), streak: 0, isBack: isSuspect });
    },
    look: (pid) => {
      const { at: lastAt, streak: before, isBack } = seen.get(pid) ?? { at: 0, streak: 0, isBack: false };
      const at = now();
      if (at - lastAt < everyMs) return;
      const hungry = isHungry(pid);
      if (hungry === undefined) return;
      const streak = hungry ? Math.max(before, 0) + 1 : Math.min(before, 0) - 1;
      seen.set(pid, { at, streak, isBack: settle(pid, streak, isBack) });
    },
    forget: (pid) => {
      seen.delete(pid);
    },
  };
};
