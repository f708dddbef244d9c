/** Rows on their way to the queue: one add for all that a turn of the loop admitted, and a mark once they are there. */
import type { Log } from "../log.ts";
import { markEnqueued } from "../store/jobs.ts";
import type { Store } from "../store/store.ts";
import { createMarks } from "./marks.ts";
import type { JobQueue, QueuedJob } from "./queue.ts";

export interface Outbox {
  /** Sends the job along. Resolves at once, or with its add while too many wait for theirs. */
  put(job: QueuedJob): Promise<void>;
  /** Marks a job that the queue need not have yet: it stands in the line of a lock. */
  mark(id: string): void;
  /** Sends and marks what is left. */
  close(): Promise<void>;
}

/** Above so many rows that are not yet added, whoever admits waits. */
const patience = 500;
const mostAtOnce = 1_000;
const markAfterMs = 200;

interface OutboxDeps {
  readonly store: Store;
  readonly queue: JobQueue;
  readonly now: () => number;
  readonly log: Log;
}

interface Waiting {
  readonly job: QueuedJob;
  readonly resolve: () => void;
}

/** Each API or worker process that admits jobs has one. */
export const createOutbox = (deps: OutboxDeps): Outbox => {
  const { store, now, log } = deps;
  const marks = createMarks({
    afterMs: markAfterMs,
    write: (ids) => {
      const at = now();
      return store.write(() => markEnqueued(ids, at), { mayLag: () => true });
    },
    onFailure: (thrown) => log.warn({ err: thrown }, "Added jobs were not marked; the sweep adds them again"),
  });
  const batch: Waiting[] = [];
  let waiting = 0;
  let isScheduled = false;
  const underway = new Set<Promise<void>>();

  const send = async (sent: readonly Waiting[]): Promise<void> => {
    const jobs = sent.map(({ job }) => job);
    try {
      await deps.queue.add(jobs);
      marks.add(jobs.map(({ id }) => id));
    } catch (error) {
      log.warn({ err: error, jobs: jobs.length }, "Accepted jobs could not be added; the sweep adds them");
    }
    waiting -= sent.length;
    for (const { resolve } of sent) resolve();
  };
  const flush = (): void => {
    isScheduled = false;
    while (batch.length > 0) {
      const sending: Promise<void> = send(batch.splice(0, mostAtOnce)).finally(() => underway.delete(sending));
      underway.add(sending);
    }
  };
  return {
    put: (job) => {
      const added = new Promise<void>((resolve) => batch.push({ job, resolve }));
      waiting += 1;
      if (!isScheduled) setImmediate(flush);
      isScheduled = true;
      return waiting > patience ? added : Promise.resolve();
    },
    mark: (id) => marks.add([id]),
    close: async () => {
      flush();
      await Promise.all(underway);
      await marks.flush();
    },
  };
};
