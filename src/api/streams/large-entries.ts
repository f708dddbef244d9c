/** The words of what the stream over everything only names, because they are long: they lie with the job. */
import type { FanoutEntry } from "../../live/fanout.ts";
import type { Redis } from "../../redis.ts";
import { findJob } from "../../store/jobs.ts";
import type { Store } from "../../store/store.ts";
import { doneToWire, eventToWire } from "../wire.ts";
import { readRange } from "./job-stream.ts";

interface LargeDeps {
  readonly store: Store;
  readonly redis: Redis;
}

export interface LargeEntries {
  /** The entry with its words; undefined when its job is gone. */
  read(entry: FanoutEntry): Promise<FanoutEntry | undefined>;
}

const wordsOf = async (deps: LargeDeps, { jobId = "", type, seq = 0 }: FanoutEntry): Promise<string | undefined> => {
  if (type === "job.done") {
    const job = await deps.store.read(() => findJob(jobId));
    return job && JSON.stringify(doneToWire(job));
  }
  const [event] = await readRange(deps, { jobId, after: seq - 1, limit: 1 });
  return event && JSON.stringify(eventToWire(jobId, event));
};

/** Many watch the same: who reads the entry that was read last gets the very same one. */
export const createLargeEntries = (deps: LargeDeps): LargeEntries => {
  let last: { readonly id: string; readonly entry: Promise<FanoutEntry | undefined> } | undefined;
  const read = async (entry: FanoutEntry): Promise<FanoutEntry | undefined> => {
    const data = await wordsOf(deps, entry);
    return data === undefined ? undefined : { ...entry, data };
  };
  return {
    read(entry) {
      if (last?.id === entry.id) return last.entry;
      const reading = read(entry);
      const mine = { id: entry.id, entry: reading };
      last = mine;
      reading.catch(() => {
        if (last === mine) last = undefined;
      });
      return reading;
    },
  };
};
