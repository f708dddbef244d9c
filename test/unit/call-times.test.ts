/** What is expected of a place's next calls. */
import { expect, it } from "vitest";
import { createCallTimes } from "../../src/sandbox/call-times.ts";

const after = (...taken: readonly number[]) => {
  const times = createCallTimes();
  for (const ms of taken) times.note("place", ms);
  return times;
};

it("calls are long when most of those before were", () => {
  expect(createCallTimes().areLong("place")).toBe(false);
  expect(after(1, 2, 1).areLong("place")).toBe(false);
  expect(after(40, 60, 50).areLong("place")).toBe(true);
  expect(after(40, 60, 50).areLong("another")).toBe(false);
});

it.each([
  ["a call that ran into its deadline", 60_000],
  ["a clock that was set forward", 3_600_000],
  ["a clock that was set back", -3_600_000],
])("%s is forgotten after a few others", (_, ms) => {
  const few = 10;
  const short = Array.from({ length: few }, () => 1);
  expect(after(1, ms, ...short).areLong("place")).toBe(false);
  const long = Array.from({ length: few }, () => 40);
  expect(after(40, ms, ...long).areLong("place")).toBe(true);
});

it("a thousand places are remembered", () => {
  const times = createCallTimes();
  for (let number = 0; number <= 1_000; number += 1) times.note(`place ${number}`, 20);
  expect(["place 0", "place 1", "place 1000"].map((key) => times.areLong(key))).toEqual([false, true, true]);
});
