/** Carries the events of all jobs of this worker to their streams: one pipeline a turn, in order, each once. */

import { appendEvents } from "../live/events.ts";
import type { Log } from "../log.ts";
import type { JobEvent, NewEvent } from "../model/event.ts";
import type { Redis } from "../redis.ts";

export interface JobFacts {
  readonly kind: string;
  readonly instanceId?: string;
  readonly typeId?: string;
}

/** One job's end of the line. */
export interface Sender {
  readonly jobId: string;
  readonly attempt: number;
  readonly facts: JobFacts;
  /** The highest number this worker knows of. */
  lastSeq: number;
  readonly waiting: NewEvent[];
  /** Called with what was numbered, in order. */
  kept(events: readonly JobEvent[]): void;
  /** The stream belongs to a later attempt now. */
  stale(): void;
}

export interface EventLine {
  send(sender: Sender, event: NewEvent): void;
  /** Resolves when everything that waits has been kept (or refused as stale). */
  flush(): Promise<void>;
  close(): void;
}

const retryMs = 100;

const numbered = (events: readonly NewEvent[], seqs: readonly number[]): JobEvent[] =>
  events.map((event, index) => ({ ...event, seq: seqs[index] ?? 0 }));

interface Batch {
  readonly sender: Sender;
  readonly events: readonly NewEvent[];
  /** Sent again under the same name, it is not appended twice. */
  readonly name: string;
}

const sendBatches = async (redis: Redis, batches: readonly Batch[]): Promise<void> => {
  const answers = await appendEvents(
    redis,
    batches.map(({ sender, events, name }) => ({
      jobId: sender.jobId,
      attempt: sender.attempt,
      floorSeq: sender.lastSeq,
      events,
      facts: sender.facts,
      batch: name,
    })),
  );
  for (const [index, { sender, events }] of batches.entries()) {
    const seqs = answers[index];
    sender.waiting.splice(0, events.length);
    if (seqs === undefined || seqs === "stale") {
      sender.stale();
      continue;
    }
    sender.lastSeq = seqs.at(-1) ?? sender.lastSeq;
    sender.kept(numbered(events, seqs));
  }
};

export const createEventLine = (deps: { readonly redis: Redis; readonly log: Log }): EventLine => {
  const { redis, log } = deps;
  const busy = new Set<Sender>();
  let running: Promise<void> | null = null;
  let isClosed = false;

  let batchCount = 0;
  const takeBatches = (): Batch[] => {
    batchCount += 1;
    const batches = [...busy].map((sender) => ({
      sender,
      events: sender.waiting.slice(),
      name: `${sender.attempt}.${batchCount}`,
    }));
    busy.clear();
    return batches.filter(({ events }) => events.length > 0);
  };
  /** Nobody knows whether a batch arrived before the connection broke: the very same one is sent until it is answered. */
  const sendUntilAnswered = async (batches: readonly Batch[]): Promise<void> => {
    while (!isClosed) {
      try {
        return await sendBatches(redis, batches);
      } catch (error) {
        log.warn({ err: String(error) }, "events wait for Redis");
        await new Promise((resolve) => setTimeout(resolve, retryMs));
      }
    }
  };
  const drain = async (): Promise<void> => {
    await new Promise((resolve) => setImmediate(resolve));
    while (busy.size > 0 && !isClosed) await sendUntilAnswered(takeBatches());
  };
  const start = (): Promise<void> => {
    running ??= drain().finally(() => {
      running = null;
    });
    return running;
  };
  return {
    send(sender, event) {
      sender.waiting.push(event);
      busy.add(sender);
      void start();
    },
    async flush() {
      while (running !== null || busy.size > 0) await start();
    },
    close() {
      isClosed = true;
    },
  };
};
