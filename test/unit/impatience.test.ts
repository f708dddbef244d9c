/** Signals to end that come more than once. */
import { expect, it } from "vitest";
import { impatience } from "../../src/model/impatience.ts";

const heardAt = (...times: number[]): boolean[] => {
  let now = 0;
  const isImpatient = impatience(() => now);
  return times.map((time) => {
    now = time;
    return isImpatient();
  });
};

it("takes those that come at once for one word, and a later one for impatience", () => {
  expect(heardAt(5_000, 5_000, 5_040, 6_500)).toEqual([false, false, false, true]);
});

it("begins at the first one, whenever that is", () => {
  expect(heardAt(90_000)).toEqual([false]);
});
