/** The slots of one worker, shared by its queues: background work never fills them all. */
import type { QueueName } from "../model/job.ts";

export interface Slots {
  /** Resolves when a slot of this queue could be had, without taking it. False once closed. */
  open(queue: QueueName): Promise<boolean>;
  /** Takes a slot, waiting for it. False once closed. */
  take(queue: QueueName): Promise<boolean>;
  /** Whether a finished job's slot goes straight to the next job of the same queue. */
  keep(queue: QueueName): boolean;
  give(queue: QueueName): void;
  close(): void;
}

interface Waiter {
  readonly queue: QueueName;
  readonly takes: boolean;
  readonly resolve: (isOpen: boolean) => void;
}

/** After this many jobs in a row on one slot the other queue gets its turn, so that neither starves. */
const longestRun = 8;

/** A person's queue may fill every slot, background work only its share. */
export const createSlots = (total: number, backgroundShare: number): Slots => {
  const limit: Record<QueueName, number> = {
    interactive: total,
    background: Math.max(1, Math.floor(total * backgroundShare)),
  };
  const busy: Record<QueueName, number> = { interactive: 0, background: 0 };
  let waiters: Waiter[] = [];
  let isClosed = false;
  let run = 0;

  const isFree = (queue: QueueName): boolean =>
    busy.interactive + busy.background < total && busy[queue] < limit[queue];
  const admitFirst = (): boolean => {
    const index = waiters.findIndex(({ queue }) => isFree(queue));
    const [waiter] = index < 0 ? [] : waiters.splice(index, 1);
    if (waiter === undefined) return false;
    if (waiter.takes) busy[waiter.queue] += 1;
    waiter.resolve(true);
    return true;
  };
  const wait = (queue: QueueName, takes: boolean): Promise<boolean> => {
    if (isClosed) return Promise.resolve(false);
    if (isFree(queue)) {
      if (takes) busy[queue] += 1;
      return Promise.resolve(true);
    }
    return new Promise((resolve) => waiters.push({ queue, takes, resolve }));
  };
  return {
    open: (queue) => wait(queue, false),
    take: (queue) => wait(queue, true),
    keep: (queue) => {
      const isOtherWaiting = waiters.some(
        (waiter) => waiter.queue !== queue && busy[waiter.queue] < limit[waiter.queue],
      );
      run = isOtherWaiting ? run + 1 : 0;
      if (isClosed || run < longestRun) return !isClosed;
      run = 0;
      return false;
    },
    give: (queue) => {
      busy[queue] -= 1;
      while (admitFirst());
    },
    close: () => {
      isClosed = true;
      for (const waiter of waiters) waiter.resolve(false);
      waiters = [];
    },
  };
};
