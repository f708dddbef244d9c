/** The slots of one worker, shared by its queues: background work never fills them all. */
import type { QueueName } from "../model/job.ts";

export interface Slots {
  /** Resolves when a slot of this queue could be had, without taking it. False once closed. */
  open(queue: QueueName): Promise<boolean>;
  /** Takes a slot for a job in hand, waiting for it at most so long. False when there was none. */
  take(queue: QueueName, withinMs: number): Promise<boolean>;
  /** Whether a finished job's slot goes straight to the next job of the same queue. */
  keep(queue: QueueName): boolean;
  give(queue: QueueName): void;
  /** How many slots the queue could take now. */
  free(queue: QueueName): number;
  close(): void;
}

interface Waiter {
  readonly queue: QueueName;
  /** It has a job in hand. */
  readonly takes: boolean;
  readonly settle: (isFree: boolean) => void;
}

/** After this many jobs in a row on one slot the other queue gets its turn, so that neither starves. */
const longestRun = 8;

class SlotLine implements Slots {
  readonly #total: number;
  readonly #limit: Readonly<Record<QueueName, number>>;
  readonly #busy: Record<QueueName, number> = { interactive: 0, background: 0 };
  #waiters: Waiter[] = [];
  #isClosed = false;
  #run = 0;

  constructor(total: number, backgroundShare: number) {
    this.#total = total;
    this.#limit = { interactive: total, background: Math.max(1, Math.floor(total * backgroundShare)) };
  }

  open(queue: QueueName): Promise<boolean> {
    if (this.#isClosed || this.#isFree(queue)) return Promise.resolve(!this.#isClosed);
    return new Promise((settle) => this.#waiters.push({ queue, takes: false, settle }));
  }

  take(queue: QueueName, withinMs: number): Promise<boolean> {
    if (this.#isClosed) return Promise.resolve(false);
    if (this.#isFree(queue)) {
      this.#busy[queue] += 1;
      return Promise.resolve(true);
    }
    return new Promise((resolve) => {
      const settle = (isFree: boolean): void => {
        clearTimeout(timer);
        resolve(isFree);
      };
      const waiter: Waiter = { queue, takes: true, settle };
      const timer = setTimeout(() => {
        this.#waiters = this.#waiters.filter((other) => other !== waiter);
        resolve(false);
      }, withinMs);
      this.#waiters.push(waiter);
    });
  }

  keep(queue: QueueName): boolean {
    const served = this.#waiters.filter((one) => one.queue === queue || this.#busy[one.queue] < this.#limit[one.queue]);
    const isOtherWaiting = served.some((one) => one.queue !== queue);
    this.#run = isOtherWaiting ? this.#run + 1 : 0;
    if (!this.#isClosed && this.#run < longestRun && !served.some(({ takes }) => takes)) return true;
    this.#run = 0;
    return false;
  }

  give(queue: QueueName): void {
    this.#busy[queue] -= 1;
    const [inHand, others] = [this.#waiters.filter(({ takes }) => takes), this.#waiters.filter(({ takes }) => !takes)];
    // Whoever has a job in hand goes first; all others look for one, and the first to find one has the slot.
    this.#waiters = [...inHand, ...others].filter((waiter) => !this.#admit(waiter));
  }

  free(queue: QueueName): number {
    const { interactive, background } = this.#busy;
    return Math.min(this.#total - interactive - background, this.#limit[queue] - this.#busy[queue]);
  }

  close(): void {
    this.#isClosed = true;
    for (const { settle } of this.#waiters.splice(0)) settle(false);
  }

  #isFree(queue: QueueName): boolean {
    return this.free(queue) > 0;
  }

  #admit({ queue, takes, settle }: Waiter): boolean {
    if (!this.#isFree(queue)) return false;
    if (takes) this.#busy[queue] += 1;
    settle(true);
    return true;
  }
}

/** A person's queue may fill every slot, background work only its share. */
export const createSlots = (total: number, backgroundShare: number): Slots => new SlotLine(total, backgroundShare);
