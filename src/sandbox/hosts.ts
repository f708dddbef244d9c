/** Which processes there are, who uses them, and which one goes when another must come. */
import { availableParallelism } from "node:os";
import { performance } from "node:perf_hooks";
import { SwitchyardError } from "../errors.ts";
import type { Log } from "../log.ts";
import type { SandboxLevel } from "../model/integration-type.ts";
import { createCallTimes } from "./call-times.ts";
import { type Host, startHost } from "./host.ts";
import type { Command } from "./limits.ts";
import { createMemoryWatch } from "./memory.ts";
import { createSuspects } from "./suspects.ts";
import { createWaitingLine } from "./waiting-line.ts";
import type { HeldBytes } from "./writer.ts";

export interface HostPlace {
  /** Release and instance: calls with the same key may share a process. */
  readonly key: string;
  readonly instanceId: string;
  /** What starts one. */
  command(): Command;
}

export interface TakenHost {
  readonly host: Host;
  giveBack(keepWarm: boolean): void;
}

interface HostsDeps {
  readonly now: () => number;
  /** How long the runner had nothing to do so far, in ms; default: its event loop. */
  readonly restedMs?: () => number;
  /** Counts answers that sandboxes have not taken up yet. */
  readonly held?: HeldBytes | undefined;
  readonly log: Log;
  readonly maxProcesses: number;
  readonly idleMs: number;
  readonly memoryCapBytes: number;
  readonly level: SandboxLevel;
  readonly metrics?: { sandboxStarted(level: string): void; sandboxKilled(reason: string): void };
}

interface Entry {
  readonly place: HostPlace;
  readonly host: Host;
  isBusy: boolean;
  /** It has said that it listens. */
  isReady: boolean;
  /** Ends instead of becoming idle. */
  isLast: boolean;
  usedAt: number;
  idleTimer?: NodeJS.Timeout;
  tidyTimer?: NodeJS.Timeout;
}

/** A busy process may be free sooner than a new one is ready: those who wait look again this often. */
const lookAgainMs = 25;
/** Nobody waits longer than this only because the runner is busy. */
const longestWaitMs = 1_000;
/** Whoever had nothing to do for this long tidies up. */
const tidyMs = 200;

/** Ends that nobody has to hear of. */
const unneeded = new SwitchyardError("sandbox_crashed", { detail: "The sandbox was no longer needed." });

const stopTimers = ({ idleTimer, tidyTimer }: Entry): void => {
  clearTimeout(idleTimer);
  clearTimeout(tidyTimer);
};

const end = (entry: Entry, reason: SwitchyardError): void => {
  stopTimers(entry);
  entry.host.kill(reason);
};

const startTimers = (entry: Entry, idleMs: number): void => {
  entry.idleTimer = setTimeout(() => end(entry, unneeded), idleMs).unref();
  entry.tidyTimer = setTimeout(() => entry.host.send({ t: "tidy" }), tidyMs).unref();
};

const endEach = (entries: Iterable<Entry>, reason: SwitchyardError): void => {
  for (const entry of [...entries]) end(entry, reason);
};

/** Idle ones end now, busy ones after their call. */
const retire = (entries: readonly Entry[]): void => {
  for (const entry of entries) entry.isLast = true;
  endEach(
    entries.filter((entry) => !entry.isBusy),
    unneeded,
  );
};

const idle = (entries: ReadonlySet<Entry>, key?: string): Entry[] =>
  [...entries].filter((entry) => !entry.isBusy && (key === undefined || entry.place.key === key));

const loopRestedMs = (): number => performance.eventLoopUtilization().idle;

/** Short calls are bound by the processors: more processes than these take them only from each other. */
const few = 2 * availableParallelism();

interface Wanting {
  readonly waitedMs: number;
  /** What of it the runner had nothing to do: the rest of the time it was the runner that the calls waited for. */
  readonly restedMs: number;
  /** The calls of this place take long. */
  readonly isLong: boolean;
}

const mayStart = (entries: ReadonlySet<Entry>, { key }: HostPlace, wanting: Wanting): boolean => {
  const own = [...entries].filter((entry) => entry.place.key === key && !entry.isLast);
  const ready = own.filter(({ isReady }) => isReady).length;
  const { waitedMs, restedMs, isLong } = wanting;
  const isWorthIt = own.length < few || isLong || restedMs >= lookAgainMs || waitedMs >= longestWaitMs;
  return own.length - ready < Math.max(1, ready) && isWorthIt;
};

export interface Hosts {
  /**
   * A process for this place, alone: a warm one, a new one, or the next that becomes free - when there are as many as
   * there may be, or when as many of this place are starting as are ready, or when there are a few, the wait is short so
   * far and calls do not take long here. So their number doubles while calls wait, and many short calls make do with few.
   * Only the time counts in which the runner had nothing to do: more processes do not help one that is busy.
   */
  take(place: HostPlace, signal: AbortSignal, timeoutMs: number): Promise<TakenHost>;
  endInstance(instanceId: string): void;
  endAll(reason: SwitchyardError): void;
  stats(): { processes: number; busy: number };
  close(reason: SwitchyardError): Promise<void>;
}

/** Ends who was idle longest when there are as many as there may be. */
const makeRoom = (entries: ReadonlySet<Entry>, most: number): boolean => {
  if (entries.size < most) return true;
  const [oldest] = idle(entries).sort((one, other) => one.usedAt - other.usedAt);
  if (oldest === undefined) return false;
  end(oldest, unneeded);
  return true;
};

export const createHosts = ({ restedMs = loopRestedMs, ...deps }: HostsDeps): Hosts => {
  const entries = new Set<Entry>();
  const leaving = new Set<Promise<void>>();
  const memory = createMemoryWatch(deps.memoryCapBytes);
  const line = createWaitingLine();
  const suspects = createSuspects(deps.now);
  const times = createCallTimes();

  const drop = (entry: Entry, reason: SwitchyardError): void => {
    stopTimers(entry);
    if (reason !== unneeded) deps.metrics?.sandboxKilled(reason.code);
    suspects.note(entry.place.instanceId, reason.code);
    if (entries.delete(entry)) line.callNext();
  };
  const start = (place: HostPlace): Entry => {
    const onGone = (reason: SwitchyardError): void => drop(entry, reason);
    const onReady = (): void => {
      entry.isReady = true;
    };
    const isSuspect = suspects.has(place.instanceId);
    const host = startHost({ ...deps, command: place.command(), isSuspect, memory, onGone, onReady });
    const entry: Entry = { place, host, isBusy: true, isReady: false, isLast: false, usedAt: deps.now() };
    entries.add(entry);
    deps.metrics?.sandboxStarted(deps.level);
    leaving.add(host.ended);
    void host.ended.then(() => leaving.delete(host.ended));
    return entry;
  };
  const rest = (entry: Entry): void => {
    entry.isBusy = false;
    entry.usedAt = deps.now();
    startTimers(entry, deps.idleMs);
    line.callNext(entry.place.key);
  };
  const lend = (entry: Entry): TakenHost => {
    stopTimers(entry);
    entry.isBusy = true;
    const since = entry.isReady ? restedMs() : undefined;
    const giveBack = (keepWarm: boolean): void => {
      if (since !== undefined) times.note(entry.place.key, restedMs() - since);
      if (!entries.has(entry)) return;
      if (keepWarm && !entry.isLast) rest(entry);
      else end(entry, unneeded);
    };
    return { host: entry.host, giveBack };
  };
  const find = (place: HostPlace, wait: Omit<Wanting, "isLong">): Entry | "later" | "full" => {
    const [warm] = idle(entries, place.key);
    if (warm !== undefined) return warm;
    if (!mayStart(entries, place, { ...wait, isLong: times.areLong(place.key) })) return "later";
    return makeRoom(entries, deps.maxProcesses) ? start(place) : "full";
  };
  return {
    take: async (place, signal, timeoutMs) => {
      const since = deps.now();
      const restedBefore = restedMs();
      for (;;) {
        const found = find(place, { waitedMs: deps.now() - since, restedMs: restedMs() - restedBefore });
        if (typeof found === "object") return lend(found);
        const patience = { signal, timeoutMs: since + timeoutMs - deps.now() };
        await line.wait(place.key, found === "later" ? { ...patience, lookAgainMs } : patience);
      }
    },
    endInstance: (instanceId) => retire([...entries].filter(({ place }) => place.instanceId === instanceId)),
    endAll: (reason) => endEach(entries, reason),
    stats: () => ({ processes: entries.size, busy: entries.size - idle(entries).length }),
    close: async (reason) => {
      endEach(entries, reason);
      await Promise.all(leaving);
      memory.close();
    },
  };
};
