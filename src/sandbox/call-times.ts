/** How long the calls of a place take: short ones are bound by the processors, long ones wait for somebody else. */

export interface CallTimes {
  note(key: string, ms: number): void;
  /** Whether calls like those before would rather have a process each. */
  areLong(key: string): boolean;
}

const longMs = 10;
/** What one call changes of what is expected of the next. */
const share = 0.2;
const mostRemembered = 1_000;

export const createCallTimes = (): CallTimes => {
  const means = new Map<string, number>();
  return {
    note(key, ms) {
      const before = means.get(key) ?? ms;
      // Whoever was heard of last is forgotten last.
      means.delete(key);
      means.set(key, before + share * (ms - before));
      const [oldest] = means.keys();
      if (means.size > mostRemembered && oldest !== undefined) means.delete(oldest);
    },
    areLong: (key) => (means.get(key) ?? 0) >= longMs,
  };
};
