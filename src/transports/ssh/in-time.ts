/** Waits that end: with the job, or when their time is over. */
import type { SwitchyardError } from "../../errors.ts";

/** Does something that ends with the signal, or fails with `late` when its time is over. */
export const inTime = async <T>(
  { timeoutMs, signal }: { readonly timeoutMs: number; readonly signal: AbortSignal },
  late: () => SwitchyardError,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> => {
  const clock = new AbortController();
  const timer = setTimeout(() => clock.abort(late()), timeoutMs);
  try {
    return await work(AbortSignal.any([signal, clock.signal]));
  } finally {
    clearTimeout(timer);
  }
};

/** The same promise, given up when the signal says so. */
export const withSignal = <T>(promise: Promise<T>, signal: AbortSignal): Promise<T> =>
  new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason);
    const settle = (): void => signal.removeEventListener("abort", onAbort);
    signal.addEventListener("abort", onAbort, { once: true });
    if (signal.aborted) onAbort();
    promise.then(resolve, reject).finally(settle);
  });
