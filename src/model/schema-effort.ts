/** How much work one check of a value against a schema may be, and the count of it. */

/** How large a value may be. */
export interface Effort {
  /** For all of its problems. */
  readonly all: number;
  /** For the first of its problems; what is larger is refused unseen. */
  readonly first: number;
  /** Steps of patterns, some 20 ns each. */
  readonly steps: number;
}

/** Our own schemas look at each value a few times only. */
export const ownEffort: Effort = { all: 20_000, first: Infinity, steps: Infinity };

/** A schema of a pack may look at each value with all that it has, and say for each time what it lacks: half a microsecond. */
export const packEffort = (weight: number): Effort => ({
  all: Math.floor(100_000 / weight),
  first: Math.floor(1_000_000 / weight),
  steps: 20_000_000,
});

/** A check would take longer than it may. */
export class TooMuchEffort extends Error {}

const charactersPerValue = 256;

const left = (value: unknown, most: number): number => {
  if (typeof value === "string") return most - 1 - Math.floor(value.length / charactersPerValue);
  if (typeof value !== "object" || value === null) return most - 1;
  let rest = most - 1;
  for (const child of Object.values(value)) {
    rest = left(child, rest);
    if (rest < 0) return rest;
  }
  return rest;
};

/** Whether a value has at most so many values, itself and each 256 characters counted; looks no further than that. */
export const isWithin = (value: unknown, most: number): boolean => most === Infinity || left(value, most) >= 0;

export interface StepCounter {
  /** From here on so many may be taken. */
  allow(steps: number): void;
  /** @throws TooMuchEffort */
  take(steps: number): void;
}

export const createStepCounter = (): StepCounter => {
  let rest = Infinity;
  return {
    allow: (steps) => {
      rest = steps;
    },
    take: (steps) => {
      rest -= steps;
      if (rest < 0) throw new TooMuchEffort();
    },
  };
};
