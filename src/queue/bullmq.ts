/** The queue on BullMQ: two queues, ids only, our own attempts, locks and events. */
import { Queue, Worker } from "bullmq";
import { SwitchyardError } from "../errors.ts";
import type { Log } from "../log.ts";
import type { QueueName } from "../model/job.ts";
import { bullConnection, isUp, type Redis } from "../redis.ts";
import { withinGrace } from "./grace.ts";
import { openLane } from "./lane.ts";
import { promoteOne } from "./promote.ts";
import {
  type Consume,
  type JobConsumer,
  type JobQueue,
  type QueueCounts,
  type QueuedJob,
  queueNames,
} from "./queue.ts";
import { createSlots } from "./slots.ts";

interface QueueAddress {
  readonly redisUrl: string;
  /** Of every key; without `:` at its end. */
  readonly prefix: string;
}

/** How long a connection may take to close; one without a server would take for ever. */
const closingMs = 2_000;

type Added = Parameters<JobQueue["add"]>[0][number];
type Queues = Readonly<Record<QueueName, Queue>>;

/** BullMQ writes an event stream that nobody here reads: it is kept as short as it lets. */
const openOne = (connection: Redis, prefix: string, name: QueueName): Queue =>
  new Queue(name, { connection, prefix, streams: { events: { maxLen: 0 } } });

const splitByQueue = <T extends QueuedJob>(jobs: readonly T[]): [QueueName, T[]][] =>
  queueNames
    .map((name): [QueueName, T[]] => [name, jobs.filter(({ queue }) => queue === name)])
    .filter(([, mine]) => mine.length > 0);

const unavailable = (cause: unknown): SwitchyardError =>
  new SwitchyardError("queue_unavailable", {
    detail: "The queue could not be reached. Nothing is lost; try again in a moment.",
    cause,
  });

const asBull = ({ id, delayMs = 0 }: Added) => ({
  name: "job",
  data: null,
  opts: { jobId: id, ...(delayMs <= 0 ? {} : { delay: delayMs }) },
});

/** A pipeline costs more than the command of one job. */
const addTo = async (queue: Queue, jobs: readonly Added[]): Promise<void> => {
  const [first, ...others] = jobs.map(asBull);
  if (first === undefined) return;
  if (others.length > 0) await queue.addBulk([first, ...others]);
  else await queue.add(first.name, first.data, first.opts);
};

const addAll = async (queues: Queues, jobs: readonly Added[]): Promise<void> => {
  try {
    await Promise.all(splitByQueue(jobs).map(([name, mine]) => addTo(queues[name], mine)));
  } catch (error) {
    throw unavailable(error);
  }
};

const countOne = async (queue: Queue): Promise<QueueCounts> => {
  const counts = await queue.getJobCounts("wait", "prioritized", "active", "delayed");
  return {
    waiting: (counts["wait"] ?? 0) + (counts["prioritized"] ?? 0),
    active: counts["active"] ?? 0,
    delayed: counts["delayed"] ?? 0,
  };
};

/** Opens the producing side. It answers at once with `queue_unavailable` when Redis is away. */
export const openQueue = ({ redisUrl, prefix }: QueueAddress): JobQueue => {
  const connection = bullConnection(redisUrl, "producer");
  const queues: Queues = {
    interactive: openOne(connection, prefix, "interactive"),
    background: openOne(connection, prefix, "background"),
  };
  // A connection that comes and goes is told by `isUp` and by the call that fails.
  for (const name of queueNames) queues[name].on("error", () => undefined);
  return {
    add: (jobs) => addAll(queues, jobs),
    promote: async (jobs) => {
      await Promise.all(jobs.map(({ id, queue }) => promoteOne(queues[queue].getBackend(), id)));
    },
    remove: async (jobs) => {
      await Promise.allSettled(jobs.map(({ id, queue }) => queues[queue].getBackend().remove(id, false)));
    },
    counts: async () => ({
      interactive: await countOne(queues.interactive),
      background: await countOne(queues.background),
    }),
    isUp: () => isUp(connection),
    close: async () => {
      await withinGrace(Promise.allSettled(queueNames.map((name) => queues[name].close())), closingMs);
      connection.disconnect();
    },
  };
};

interface ConsumeOptions extends QueueAddress {
  /** Jobs at once over both queues. */
  readonly concurrency: number;
  /** What part of the slots background jobs may fill: 0.75. */
  readonly backgroundShare: number;
  readonly log: Log;
  /** How long BullMQ waits for a renewal before it counts a job's worker as lost, and how often it looks. */
  readonly lockMs?: number;
  readonly stalledMs?: number;
}

/**
 * 4 s and 1 s bring a killed worker's job back within about 5 s, and leave a starved worker nearly 3 s to renew.
 */
const recovery = { lockMs: 4_000, stalledMs: 1_000 };

/** How long an aborted job may take to hand itself back. */
const abortedMs = 2_000;

const openWorker = (options: ConsumeOptions, connection: Redis, name: QueueName): Worker =>
  new Worker(name, null, {
    connection,
    prefix: options.prefix,
    autorun: false,
    concurrency: options.concurrency,
    lockDuration: options.lockMs ?? recovery.lockMs,
    stalledInterval: options.stalledMs ?? recovery.stalledMs,
    // Attempts are counted in the store; BullMQ must never give a job up.
    maxStalledCount: Number.MAX_SAFE_INTEGER,
    removeOnComplete: { count: 0 },
    removeOnFail: { count: 0 },
  });

/** Starts claiming from both queues. The handler runs in this process; driver code does not. */
export const consume = (options: ConsumeOptions, handler: Consume): JobConsumer => {
  const connection = bullConnection(options.redisUrl);
  const slots = createSlots(options.concurrency, options.backgroundShare);
  const lockMs = options.lockMs ?? recovery.lockMs;
  const lanes = queueNames.map((queue) =>
    openLane({ queue, worker: openWorker(options, connection, queue), slots, lockMs, handler, log: options.log }),
  );
  const pause = async (): Promise<void> => {
    await Promise.all(lanes.map((lane) => lane.pause()));
  };
  const idle = () => Promise.all(lanes.map((lane) => lane.idle()));
  return {
    pause,
    close: async (graceMs) => {
      await pause();
      await withinGrace(idle(), graceMs);
      for (const lane of lanes) lane.abortAll();
      slots.close();
      await withinGrace(idle(), abortedMs);
      await withinGrace(Promise.all(lanes.map((lane) => lane.close())), closingMs);
      connection.disconnect();
      await withinGrace(idle(), abortedMs);
    },
  };
};
