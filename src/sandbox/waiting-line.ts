/** Those who wait for a process, first come first served. */
import { cancelledBy, timedOut } from "./call.ts";

export interface WaitingLine {
  /** Lets the first one go and look again. */
  callNext(): void;
  /** Settles when called; rejects at the deadline or when the signal fires. */
  wait(signal: AbortSignal, timeoutMs: number): Promise<void>;
}

export const createWaitingLine = (): WaitingLine => {
  const line = new Set<() => void>();
  return {
    callNext: (): void => {
      const [next] = line;
      if (next === undefined) return;
      line.delete(next);
      next();
    },
    wait: (signal: AbortSignal, timeoutMs: number): Promise<void> => {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      const leave = (): void => {
        line.delete(resolve);
        clearTimeout(timer);
        signal.removeEventListener("abort", cancel);
      };
      const cancel = (): void => reject(cancelledBy(signal));
      const timer = setTimeout(() => reject(timedOut(timeoutMs)), timeoutMs);
      signal.addEventListener("abort", cancel, { once: true });
      line.add(resolve);
      return promise.finally(leave);
    },
  };
};
