/** The queue as the rest of the house sees it: ids of jobs that are still to be done. */
import type { QueueName } from "../model/job.ts";

export const queueNames = ["interactive", "background"] as const satisfies readonly QueueName[];

/** A job on the queue: nothing but its id travels; all else is in the store. */
export interface QueuedJob {
  readonly id: string;
  readonly queue: QueueName;
}

export interface QueueCounts {
  readonly waiting: number;
  readonly active: number;
  /** Waiting for their time. */
  readonly delayed: number;
}

export interface JobQueue {
  /**
   * Puts jobs at the end of their queues; one that is there already stays where it is.
   * @throws SwitchyardError `queue_unavailable`
   */
  add(jobs: readonly (QueuedJob & { readonly delayMs?: number })[]): Promise<void>;
  /** Brings jobs that wait on their queues, or are delayed there, to the head; others are left alone. */
  promote(jobs: readonly QueuedJob[]): Promise<void>;
  /** Takes jobs out that no worker holds. */
  remove(jobs: readonly QueuedJob[]): Promise<void>;
  counts(): Promise<Record<QueueName, QueueCounts>>;
  /** Whether the queue can be reached at this moment. */
  isUp(): boolean;
  close(): Promise<void>;
}

/** What became of a claimed job, for the queue's part. */
export type Settled =
  | { readonly outcome: "done" }
  /** It stands in the line of a lock and leaves the queue. `onLeft` runs afterwards: it may be its turn by then. */
  | { readonly outcome: "parked"; readonly onLeft: () => Promise<void> }
  | { readonly outcome: "again"; readonly delayMs: number }
  | { readonly outcome: "unknown_kind" };

/** Runs one claimed job. `signal` aborts when another worker may have taken it over. */
export type Consume = (jobId: string, signal: AbortSignal) => Promise<Settled>;

export interface JobConsumer {
  /** No new claims; what runs goes on. */
  pause(): Promise<void>;
  /** Pauses, waits for what runs for at most the grace, then aborts it and lets go. */
  close(graceMs: number): Promise<void>;
}

/**
 * How long a job of a kind that this version does not know is left for a newer worker, by how often it was claimed:
 * soon at first, since among many workers the next one may know it; seldom when nobody does.
 */
export const unknownKindDelayMs = (claims: number): number => Math.min(50 * 2 ** Math.max(claims - 1, 0), 2_000);
/** A job whose handler broke in an unforeseen way is offered again after this. */
export const brokenDelayMs = 1_000;
