/** Carries the events of all jobs of this worker to their streams: one pipeline a turn, in order, each once. */

import { appendEvents, readEvents } from "../live/events.ts";
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

/**
 * After a broken connection nobody knows whether the last batch arrived: what already stands in the stream under this
 * attempt is taken over by its number instead of being sent again.
 */
const takeOver = async (redis: Redis, sender: Sender): Promise<void> => {
  const there = await readEvents(redis, sender.jobId, { after: sender.lastSeq, limit: 20_000 });
  const arrived = there.filter(({ attempt }) => attempt === sender.attempt).slice(0, sender.waiting.length);
  if (arrived.length === 0) return;
  sender.waiting.splice(0, arrived.length);
  sender.lastSeq = arrived.at(-1)?.seq ?? sender.lastSeq;
  sender.kept(arrived);
};

const sendBatch = async (redis: Redis, senders: readonly Sender[]): Promise<void> => {
  const batches = senders.map((sender) => ({ sender, events: sender.waiting.slice() }));
  const answers = await appendEvents(
    redis,
    batches.map(({ sender, events }) => ({
      jobId: sender.jobId,
      attempt: sender.attempt,
      floorSeq: sender.lastSeq,
      events,
      facts: sender.facts,
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
  let isUnsure = false;

  const attemptBatch = async (senders: readonly Sender[]): Promise<void> => {
    if (isUnsure) for (const sender of senders) await takeOver(redis, sender);
    isUnsure = false;
    await sendBatch(
      redis,
      senders.filter(({ waiting }) => waiting.length > 0),
    );
  };
  const drain = async (): Promise<void> => {
    await new Promise((resolve) => setImmediate(resolve));
    while (busy.size > 0 && !isClosed) {
      const senders = [...busy];
      busy.clear();
      await attemptBatch(senders).catch(async (error: unknown) => {
        isUnsure = true;
        for (const sender of senders) busy.add(sender);
        log.warn({ err: String(error) }, "events wait for Redis");
        await new Promise((resolve) => setTimeout(resolve, retryMs));
      });
    }
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
