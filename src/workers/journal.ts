/** The journal of a job as its transports see it: durable before the first byte, fenced by the attempt. */
import { setTimeout as pause } from "node:timers/promises";
import { SwitchyardError } from "../errors.ts";
import type { Job } from "../model/job.ts";
import type { JournalEntry } from "../model/plan.ts";
import type { PassWaypoint } from "../model/waypoint.ts";
import { recordAnswered, recordSent } from "../store/journal.ts";
import type { Store } from "../store/store.ts";
import type { Journal } from "../transports/contract.ts";
import { isOutage } from "./outage.ts";

export interface JournalDeps {
  readonly store: Store;
  readonly job: Job;
  readonly earlier: readonly JournalEntry[];
  readonly now: () => number;
  /** Aborted when the attempt is to end. */
  readonly signal: AbortSignal;
  readonly pass?: PassWaypoint | undefined;
}

const againMs = 250;

/**
 * What was sent and answered is known here alone: a store that is away for a while must not make it unknown. It may have
 * kept what it did not confirm: a write is told that it is made once more.
 */
const persist = async <T>(write: (isRepeated: boolean) => Promise<T>, signal: AbortSignal): Promise<T> => {
  for (let isRepeated = false; ; isRepeated = true) {
    try {
      return await write(isRepeated);
    } catch (error) {
      if (!isOutage(error) || signal.aborted) throw error;
      await pause(againMs);
    }
  }
};

export const storeJournal = ({ store, job, earlier, now, signal, pass }: JournalDeps): Journal => ({
  earlier,
  async sent(entry) {
    const step = { jobId: job.id, attempt: job.attempt, ...entry, now: now() };
    const outcome = await persist((isRepeated) => store.write(() => recordSent({ ...step, isRepeated })), signal);
    if (outcome === "recorded") return pass?.("write.recorded", job.id);
    throw new SwitchyardError("internal", {
      detail:
        outcome === "stale"
          ? "Another attempt owns the job: the write was not sent."
          : "The step was sent by an earlier attempt: it is not repeated.",
    });
  },
  async answered(index, answer) {
    await pass?.("write.answered", job.id);
    const entry = { jobId: job.id, index, attempt: job.attempt, answer, now: now() };
    await persist(() => store.write(() => recordAnswered(entry)), signal);
  },
});
