/**
 * How long the runner waits, with nothing else to do, for the calls of a place: short ones are bound by the processors,
 * long ones wait for somebody else.
 */

export interface CallTimes {
  note(key: string, ms: number): void;
  /** Whether calls like those before would rather have a process each. */
  areLong(key: string): boolean;
}

const longMs = 10;
/** What a deadline or a clock that was set adds beyond this would be remembered for dozens of calls. */
const mostMs = 5 * longMs;
/** What one call changes of what is expected of the next. */
const share = 0.2;
const mostRemembered = 1_000;

export const createCallTimes = (): CallTimes => {
  const means = new Map<string, number>();
  return {
    note(key, ms) {
      const taken = Math.min(Math.max(ms, 0), mostMs);
      const before = means.get(key) ?? taken;
      // Whoever was heard of last is forgotten last.
      means.delete(key);
      means.set(key, before + share * (taken - before));
      const [oldest] = means.keys();
      if (means.size > mostRemembered && oldest !== undefined) means.delete(oldest);
    },
    areLong: (key) => (means.get(key) ?? 0) >= longMs,
  };
};
