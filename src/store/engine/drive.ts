/** Runs a unit to its end, one statement after the other: at once where the database answers at once, else awaiting. */
import type { Outcome, Query, Unit } from "../unit.ts";

export const drive = <T>(unit: Unit<T>, execute: (query: Query) => Outcome): T => {
  let step = unit.next();
  while (!step.done) step = unit.next(execute(step.value));
  return step.value;
};

export const driveAsync = async <T>(unit: Unit<T>, execute: (query: Query) => Promise<Outcome>): Promise<T> => {
  let step = unit.next();
  while (!step.done) step = unit.next(await execute(step.value));
  return step.value;
};
