/** Those who wait for a process, first come first served; whoever can use the very one that became free goes first. */
import { cancelledBy, timedOut } from "./call.ts";

export interface Patience {
  readonly signal: AbortSignal;
  /** The wait fails after it. */
  readonly timeoutMs: number;
  /** The wait ends after it, to look again. */
  readonly lookAgainMs?: number;
}

export interface WaitingLine {
  /** Lets the first one of this key go and look again, else the first of all. */
  callNext(key?: string): void;
  /** Settles when called, or when it is time to look again; rejects at the deadline or when the signal fires. */
  wait(key: string, patience: Patience): Promise<void>;
}

interface Waiting {
  readonly key: string;
  readonly go: () => void;
}

export const createWaitingLine = (): WaitingLine => {
  const line = new Set<Waiting>();
  return {
    callNext: (key) => {
      const all = [...line];
      const next = all.find((waiting) => waiting.key === key) ?? all[0];
      if (next === undefined) return;
      line.delete(next);
      next.go();
    },
    wait: (key, { signal, timeoutMs, lookAgainMs = timeoutMs }) => {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      const waiting = { key, go: resolve };
      const leave = (): void => {
        line.delete(waiting);
        clearTimeout(timer);
        signal.removeEventListener("abort", cancel);
      };
      const cancel = (): void => reject(cancelledBy(signal));
      const end = (): void => (lookAgainMs < timeoutMs ? resolve() : reject(timedOut(timeoutMs)));
      const timer = setTimeout(end, Math.min(lookAgainMs, timeoutMs));
      signal.addEventListener("abort", cancel, { once: true });
      line.add(waiting);
      return promise.finally(leave);
    },
  };
};
