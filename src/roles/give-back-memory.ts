/**
 * Gives memory back when a process falls quiet. The engine collects by what is allocated: who allocates nothing any more
 * keeps what a start or a crowd left, up to a third of an idle process.
 */
import { type EventLoopUtilization, performance } from "node:perf_hooks";
import { getHeapStatistics, setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

const lookMs = 5_000;
/** The part of the time between two looks in which a quiet event loop works. */
const quiet = 0.02;
/** A collection of all that can be had stops a process for some 100 ms: less growth is not worth it. */
const worthBytes = 8 * 1024 * 1024;

interface Seen {
  /** Since the last look, 0 to 1. */
  readonly utilization: number;
  readonly heapBytes: number;
}

export interface GiveBackDeps {
  readonly see: () => Seen;
  readonly collect: () => void;
}

/** One look: collects when the process is quiet and its heap grew since the last collection. */
export const createGiveBack = ({ see, collect }: GiveBackDeps): (() => void) => {
  let kept = 0;
  return () => {
    const { utilization, heapBytes } = see();
    if (utilization > quiet || heapBytes - kept < worthBytes) return;
    collect();
    kept = see().heapBytes;
  };
};

const createSee = (): GiveBackDeps["see"] => {
  let last: EventLoopUtilization = performance.eventLoopUtilization();
  return () => {
    const now = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(now, last);
    last = now;
    return { utilization, heapBytes: getHeapStatistics().total_heap_size };
  };
};

/** Looks every few seconds for as long as the process lives. */
export const giveBackMemory = (): void => {
  setFlagsFromString("--expose-gc");
  const gc = runInNewContext("gc") as (options: Record<string, string>) => void;
  // The usual collection leaves more: it keeps what may be wanted again.
  const collect = (): void => gc({ type: "major", execution: "sync", flavor: "last-resort" });
  setInterval(createGiveBack({ see: createSee(), collect }), lookMs).unref();
};
