/** The short form of a chaos round, as the tests run it: fewer jobs, and what lasts is short. */
import { expect } from "vitest";
import { smallMix } from "./errand.ts";
import { type Fault, shortPace } from "./fault.ts";
import { runRound } from "./round.ts";
import { type Shape, type Stack, startStack } from "./stack.ts";

/** Said when a suite starts and when a round fails: SWITCHYARD_TEST_SEED takes it. */
const seed = Number(process.env["SWITCHYARD_TEST_SEED"] ?? Math.floor(Math.random() * 1e9));

export const startShortStack = (shape: Shape): Promise<Stack> => {
  process.stderr.write(`chaos: SWITCHYARD_TEST_SEED=${seed}\n`);
  return startStack(shape, String(seed));
};

export const expectClean = async (stack: Stack, fault: Fault): Promise<void> => {
  const options = {
    seed: `${seed} ${fault.name} 1`,
    mix: smallMix,
    spanMs: 1_000,
    pace: shortPace,
    patienceMs: 60_000,
  };
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
