/** One subscription to the fan-out stream per process, handed on to those who watch a job or everything. */
import type { Fanout, FanoutEntry } from "../../live/fanout.ts";
import { encodeFrame, frame } from "../http/sse.ts";

type Listener = (entry: FanoutEntry) => void;

export interface Feed {
  watchJob(jobId: string, listener: Listener): () => void;
  watchAll(listener: Listener): () => void;
  /** Hears everything too, a little late while nobody watches. */
  overhear(listener: Listener): () => void;
  /** Calls when entries may have been lost. */
  watchGaps(listener: () => void): () => void;
  /** The entry as a watcher of its job sees it; encoded once for all of them. */
  jobFrame(entry: FanoutEntry): Uint8Array;
  /** The entry as a watcher of everything sees it. */
  globalFrame(entry: FanoutEntry): Uint8Array;
}

const createFrames = (idOf: (entry: FanoutEntry) => string | number) => {
  const frames = new WeakMap<FanoutEntry, Uint8Array>();
  return (entry: FanoutEntry): Uint8Array => {
    const known = frames.get(entry);
    if (known) return known;
    const made = encodeFrame(frame(idOf(entry), entry.type, entry.data));
    frames.set(entry, made);
    return made;
  };
};

export const createFeed = (fanout: Fanout, signal: AbortSignal): Feed => {
  const byJob = new Map<string, Set<Listener>>();
  const all = new Set<Listener>();
  const hear = (entry: FanoutEntry): void => {
    for (const listener of all) listener(entry);
    const watchers = entry.jobId === undefined ? undefined : byJob.get(entry.jobId);
    if (watchers) for (const listener of watchers) listener(entry);
  };
  let stop: (() => void) | undefined;
  /** Listens while anybody watches. */
  const attend = (): void => {
    const isWatched = byJob.size + all.size > 0 && !signal.aborted;
    if (isWatched) stop ??= fanout.subscribe(hear);
    else {
      stop?.();
      stop = undefined;
    }
  };
  signal.addEventListener("abort", attend);
  return {
    watchJob: (jobId, listener) => {
      const listeners = byJob.get(jobId) ?? new Set();
      listeners.add(listener);
      byJob.set(jobId, listeners);
      attend();
      return () => {
        listeners.delete(listener);
        if (listeners.size === 0 && byJob.get(jobId) === listeners) byJob.delete(jobId);
        attend();
      };
    },
    watchAll: (listener) => {
      all.add(listener);
      attend();
      return () => {
        all.delete(listener);
        attend();
      };
    },
    overhear: (listener) => fanout.overhear(listener),
    watchGaps: (listener) => fanout.onGap(listener),
    jobFrame: createFrames((entry) => entry.seq ?? 0),
    globalFrame: createFrames((entry) => entry.id),
  };
};
