/** What a measure answers: rows that are compared with what must be reached. */

export interface Row {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** What must be reached, as `>= 0.4` or `<= 15`; null for a figure that is only told. */
  readonly bar: string | null;
  readonly ok: boolean;
  /** What the value was made of. */
  readonly note?: string;
}

export interface Options {
  /** Small sizes: shows that everything runs, says little about speed. */
  readonly isQuick: boolean;
  /** Picks the size of a measure. */
  size<T>(full: T, quick: T): T;
  say(line: string): void;
}

export interface Measure {
  readonly name: string;
  run(options: Options): Promise<readonly Row[]>;
}

interface Facts {
  readonly name: string;
  readonly unit: string;
  readonly note?: string;
}

const rounded = (value: number): number => Number(value.toPrecision(4));

/** A row that is good when its value is at least `bar`. */
export const atLeast = (facts: Facts, value: number, bar: number): Row => ({
  ...facts,
  value: rounded(value),
  bar: `>= ${bar}`,
  ok: value >= bar,
});

/** A row that is good when its value is at most `bar`. */
export const atMost = (facts: Facts, value: number, bar: number): Row => ({
  ...facts,
  value: rounded(value),
  bar: `<= ${bar}`,
  ok: value <= bar,
});

/** A figure without a bar. */
export const told = (facts: Facts, value: number): Row => ({ ...facts, value: rounded(value), bar: null, ok: true });
