/** When a process gives memory back: once it is quiet, and only for what grew since. */
import { describe, expect, it } from "vitest";
import { createGiveBack } from "../../src/roles/give-back-memory.ts";

const mebibyte = 1024 * 1024;

const processOf = (heapBytes: number) => {
  const state = { utilization: 0.5, heapBytes, collected: 0 };
  const look = createGiveBack({
    see: () => state,
    collect: () => {
      state.collected += 1;
      state.heapBytes = 30 * mebibyte;
    },
  });
  return { state, look };
};

describe("giving memory back", () => {
  it("waits until the process is quiet", () => {
    const { state, look } = processOf(60 * mebibyte);
    look();
    expect(state.collected).toBe(0);
    state.utilization = 0.01;
    look();
    expect(state.collected).toBe(1);
  });

  it("does so again only when the heap grew since", () => {
    const { state, look } = processOf(60 * mebibyte);
    state.utilization = 0;
    look();
    state.heapBytes = 34 * mebibyte;
    look();
    expect(state.collected).toBe(1);
    state.heapBytes = 40 * mebibyte;
    look();
    expect(state.collected).toBe(2);
  });
});
