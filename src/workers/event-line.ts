/** Carries the events of all jobs of this worker to their streams: in company, in order, each once. */

import { setTimeout as pause } from "node:timers/promises";
import { appendEvents, type Done, type JobFacts } from "../live/events.ts";
import type { Log } from "../log.ts";
import type { JobEvent } from "../model/event.ts";
import type { Redis } from "../redis.ts";

export type { Done, JobFacts } from "../live/events.ts";

/** One job's end of the line. */
export interface Sender {
  readonly jobId: string;
  readonly attempt: number;
  readonly facts: JobFacts;
  /** Numbered, and not known to have arrived. */
  readonly waiting: JobEvent[];
  /** Set once all has been said. */
  done?: Done;
  /** Called with what arrived, in order. */
  kept(events: readonly JobEvent[]): void;
  /** The stream belongs to a later attempt now. */
  stale(): void;
}

export interface EventLine {
  send(sender: Sender, event: JobEvent): void;
  /** Says `job.done` after what still waits; resolves when it has arrived. */
  end(sender: Sender, done: Done): Promise<void>;
  /** Resolves when all that the job said has arrived, or was refused as stale. */
  delivered(sender: Sender): Promise<void>;
  close(): void;
}

const retryMs = 100;
/** What is said within it goes together. */
const gatherMs = 2;

interface Batch {
  readonly sender: Sender;
  readonly events: readonly JobEvent[];
  readonly done: Done | undefined;
}

const isSilent = ({ waiting, done }: Sender): boolean => waiting.length === 0 && done === undefined;

const batchOf = (sender: Sender): Batch => ({ sender, events: sender.waiting.slice(), done: sender.done });

const arrive = ({ sender, events, done }: Batch): void => {
  sender.waiting.splice(0, events.length);
  if (done !== undefined) delete sender.done;
  sender.kept(events);
};

const sendBatches = async (redis: Redis, batches: readonly Batch[]): Promise<void> => {
  const answers = await appendEvents(
    redis,
    batches.map(({ sender: { jobId, attempt, facts }, events, done }) => ({
      ...{ jobId, attempt, facts, events },
      ...(done === undefined ? {} : { done }),
    })),
  );
  for (const [index, batch] of batches.entries()) {
    arrive(batch);
    if (answers[index] === "stale") batch.sender.stale();
  }
};

export const createEventLine = (deps: { readonly redis: Redis; readonly log: Log }): EventLine => {
  const { redis, log } = deps;
  const busy = new Set<Sender>();
  let round: Promise<void> | null = null;
  let isClosed = false;

  /** Nobody knows whether a batch arrived before the connection broke: the very same one is sent until it is answered. */
  const sendUntilAnswered = async (batches: readonly Batch[]): Promise<void> => {
    while (!isClosed) {
      try {
        return await sendBatches(redis, batches);
      } catch (error) {
        log.warn({ err: String(error) }, "events wait for Redis");
        await pause(retryMs);
      }
    }
  };
  const goRound = async (): Promise<void> => {
    await pause(gatherMs);
    const batches = [...busy].filter((sender) => !isSilent(sender)).map(batchOf);
    busy.clear();
    if (batches.length > 0) await sendUntilAnswered(batches);
    round = null;
    if (busy.size > 0 && !isClosed) void nextRound();
  };
  const nextRound = (): Promise<void> => {
    round ??= goRound();
    return round;
  };
  const delivered = async (sender: Sender): Promise<void> => {
    while (!isSilent(sender) && !isClosed) {
      busy.add(sender);
      await nextRound();
    }
  };
  return {
    send(sender, event) {
      sender.waiting.push(event);
      busy.add(sender);
      void nextRound();
    },
    end(sender, done) {
      sender.done = done;
      return delivered(sender);
    },
    delivered,
    close() {
      isClosed = true;
    },
  };
};
