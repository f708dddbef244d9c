/** Chance that can be repeated: the same seed gives the same run. */

export interface Chance {
  /** A whole number from 0 to below `limit`. */
  below(limit: number): number;
  /** True about once in `times`. */
  once(times: number): boolean;
  pick<T>(from: readonly T[]): T;
}

export const chanceOf = (seed: number): Chance => {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (limit: number): number => Math.floor(next() * limit);
  return {
    below,
    once: (times) => below(times) === 0,
    pick: (from) => {
      const found = from[below(from.length)];
      if (found === undefined) throw new RangeError("Expected something to pick from, got an empty list.");
      return found;
    },
  };
};

const fnvPrime = 0x01000193;

const seedIn = (text: string): number => {
  let seed = 0x811c9dc5;
  for (const byte of Buffer.from(text)) seed = Math.imul(seed ^ byte, fnvPrime);
  return seed >>> 0;
};

/** The same words give the same chance. Parts that run side by side each have their own: who draws first changes nothing. */
export const chanceFrom = (...words: readonly (string | number)[]): Chance => chanceOf(seedIn(words.join("\n")));
