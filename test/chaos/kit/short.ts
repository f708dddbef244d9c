/** The short form of a chaos round, as the tests run it: fewer jobs, and what lasts is short. */
import { expect } from "vitest";
import { chanceOf } from "../../kit/random.ts";
import { smallMix } from "./errand.ts";
import { type Fault, shortPace } from "./fault.ts";
import { runRound } from "./round.ts";
import { type Shape, type Stack, startStack } from "./stack.ts";

/** The seed of a failed test is in its message: `npm run chaos -- --seed` takes it. */
const seed = Math.floor(Math.random() * 1e9);
const chance = chanceOf(seed);

export const startShortStack = (shape: Shape): Promise<Stack> => startStack(shape, chance);

export const expectClean = async (stack: Stack, fault: Fault): Promise<void> => {
  const options = { chance, mix: smallMix, spanMs: 1_000, pace: shortPace, patienceMs: 60_000 };
  const { verdict } = await runRound(stack, fault, options);
  expect(verdict, `seed ${seed}; the system said:\n${stack.system.output().slice(-4_000)}`).toEqual({
    lost: [],
    doubled: [],
    stuck: [],
    gaps: [],
    failed: [],
    left: [],
  });
};
