/** Whether anything in the process but a message of the runner can wake the driver that waits. */
import { asyncHooks } from "./builtins.ts";

export interface Wakers {
  /** A new call begins: what earlier ones left behind does not count. */
  begin(): void;
  /** The driver's module is loaded: what it began for itself, such as an interval, counts in every call. */
  keep(): void;
  /** Since then nothing was begun that ends by itself: no timer, no reading of a file, no work in another thread. */
  readonly isNone: boolean;
  /** Begins something that is no waker although it looks like one. */
  aside(work: () => void): void;
}

/** They are done before the process turns to anything else. */
const atOnce: ReadonlySet<string> = new Set(["TickObject", "Microtask"]);

export const watchWakers = (): Wakers => {
  let isNone = true;
  let isNoneKept = true;
  let isAside = false;
  const init = (_id: number, type: string): void => {
    if (!isAside && !atOnce.has(type)) isNone = false;
  };
  // Promises have nothing of their own that would wake anybody, and watching them would slow all of them down.
  asyncHooks.createHook({ init, trackPromises: false }).enable();
  return {
    begin: () => {
      isNone = isNoneKept;
    },
    keep: () => {
      isNoneKept = isNone;
    },
    get isNone() {
      return isNone;
    },
    aside: (work) => {
      isAside = true;
      work();
      isAside = false;
    },
  };
};
