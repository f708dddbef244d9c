/** The queue's twin within one process, for tests: same promises, no Redis. */
import type { QueueName } from "../model/job.ts";
import {
  brokenDelayMs,
  type Consume,
  type JobConsumer,
  type JobQueue,
  type QueueCounts,
  type QueuedJob,
  queueNames,
  type Settled,
  unknownKindDelayMs,
} from "./queue.ts";
import { createSlots, type Slots } from "./slots.ts";

export interface InlineQueue extends JobQueue {
  consume(options: { concurrency: number; backgroundShare: number }, handler: Consume): JobConsumer;
}

interface Entry extends QueuedJob {
  state: "waiting" | "active" | "delayed";
  claims: number;
  timer?: NodeJS.Timeout;
}

interface InlineState {
  readonly entries: Map<string, Entry>;
  /** Ids in the order in which they will be claimed. */
  readonly waiting: Record<QueueName, string[]>;
  /** Called when there may be something to claim. */
  readonly wake: Set<() => void>;
}

const enter = (state: InlineState, entry: Entry, where: "head" | "tail"): void => {
  clearTimeout(entry.timer);
  entry.state = "waiting";
  if (where === "head") state.waiting[entry.queue].unshift(entry.id);
  else state.waiting[entry.queue].push(entry.id);
  const woken = [...state.wake];
  state.wake.clear();
  for (const wake of woken) wake();
};

const delay = (state: InlineState, entry: Entry, delayMs: number): void => {
  entry.state = "delayed";
  entry.timer = setTimeout(() => enter(state, entry, "tail"), delayMs);
};

interface Added extends QueuedJob {
  readonly delayMs?: number;
}

const addOne = (state: InlineState, { id, queue, delayMs = 0 }: Added): void => {
  if (state.entries.has(id)) return;
  const entry: Entry = { id, queue, state: "waiting", claims: 0 };
  state.entries.set(id, entry);
  if (delayMs > 0) delay(state, entry, delayMs);
  else enter(state, entry, "tail");
};

const leaveLine = (state: InlineState, { id, queue }: QueuedJob): void => {
  const index = state.waiting[queue].indexOf(id);
  if (index >= 0) state.waiting[queue].splice(index, 1);
};

const promoteOne = (state: InlineState, id: string): void => {
  const entry = state.entries.get(id);
  if (entry === undefined || entry.state === "active") return;
  leaveLine(state, entry);
  enter(state, entry, "head");
};

const removeOne = (state: InlineState, id: string): void => {
  const entry = state.entries.get(id);
  if (entry === undefined || entry.state === "active") return;
  clearTimeout(entry.timer);
  leaveLine(state, entry);
  state.entries.delete(id);
};

const apply = async (state: InlineState, entry: Entry, settled: Settled): Promise<void> => {
  if (settled.outcome === "done" || settled.outcome === "parked") {
    state.entries.delete(entry.id);
    if (settled.outcome === "parked") await settled.onLeft();
    return;
  }
  delay(state, entry, settled.outcome === "again" ? settled.delayMs : unknownKindDelayMs(entry.claims));
};

const countOne = (state: InlineState, queue: QueueName): QueueCounts => {
  const mine = [...state.entries.values()].filter((entry) => entry.queue === queue);
  const among = (wanted: Entry["state"]): number => mine.filter((entry) => entry.state === wanted).length;
  return { waiting: among("waiting"), active: among("active"), delayed: among("delayed") };
};

interface Lane {
  readonly state: InlineState;
  readonly slots: Slots;
  readonly handler: Consume;
  readonly abort: AbortController;
  readonly running: Set<Promise<void>>;
}

const run = async (lane: Lane, entry: Entry): Promise<void> => {
  try {
    const settled = await lane
      .handler(entry.id, lane.abort.signal)
      .catch((): Settled => ({ outcome: "again", delayMs: brokenDelayMs }));
    await apply(lane.state, entry, settled);
  } finally {
    lane.slots.give(entry.queue);
  }
};

/** Resolves when something may have come in, or when the lane stops. */
const somethingNew = (state: InlineState, stop: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    state.wake.add(resolve);
    stop.addEventListener("abort", () => resolve(), { once: true });
    if (stop.aborted) resolve();
  });

const start = (lane: Lane, queue: QueueName): void => {
  const id = lane.state.waiting[queue].shift();
  const entry = id === undefined ? undefined : lane.state.entries.get(id);
  if (entry === undefined) {
    lane.slots.give(queue);
    return;
  }
  entry.state = "active";
  entry.claims += 1;
  const running: Promise<void> = run(lane, entry).finally(() => lane.running.delete(running));
  lane.running.add(running);
};

const feed = async (lane: Lane, queue: QueueName, stop: AbortSignal): Promise<void> => {
  while (!stop.aborted && (await lane.slots.open(queue))) {
    if (lane.state.waiting[queue].length === 0) {
      await somethingNew(lane.state, stop);
      continue;
    }
    if (!(await lane.slots.take(queue, 250))) continue;
    if (stop.aborted) lane.slots.give(queue);
    else start(lane, queue);
  }
};

const open = (state: InlineState, slots: Slots, handler: Consume): JobConsumer => {
  const stop = new AbortController();
  const lane: Lane = { state, slots, handler, abort: new AbortController(), running: new Set() };
  const feeding = queueNames.map((queue) => feed(lane, queue, stop.signal));
  return {
    pause: async () => stop.abort(),
    close: async (graceMs) => {
      stop.abort();
      const grace = setTimeout(() => lane.abort.abort(), graceMs);
      await Promise.allSettled(lane.running);
      clearTimeout(grace);
      slots.close();
      await Promise.all(feeding);
    },
  };
};

/** An empty queue; jobs are gone when the process is. */
export const inlineQueue = (): InlineQueue => {
  const state: InlineState = { entries: new Map(), waiting: { interactive: [], background: [] }, wake: new Set() };
  return {
    add: async (jobs) => {
      for (const job of jobs) addOne(state, job);
    },
    promote: async (jobs) => {
      for (const { id } of jobs) promoteOne(state, id);
    },
    remove: async (jobs) => {
      for (const { id } of jobs) removeOne(state, id);
    },
    counts: async () => ({ interactive: countOne(state, "interactive"), background: countOne(state, "background") }),
    isUp: () => true,
    close: async () => {
      for (const entry of state.entries.values()) clearTimeout(entry.timer);
      state.entries.clear();
    },
    consume: (options, handler) => open(state, createSlots(options.concurrency, options.backgroundShare), handler),
  };
};
