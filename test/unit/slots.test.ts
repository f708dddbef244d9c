/** The slots of a worker: who gets the next one. */
import { describe, expect, it } from "vitest";
import { createSlots } from "../../src/queue/slots.ts";

const inTime = 5_000;

describe("the slots of a worker", () => {
  it("leave background work its share, but always one", async () => {
    const slots = createSlots(1, 0.75);
    expect(await slots.take("background", 0)).toBe(true);
    expect(await slots.take("interactive", 1)).toBe(false);
    const wide = createSlots(4, 0.75);
    const taken = await Promise.all([1, 2, 3, 4].map(() => wide.take("background", 1)));
    expect(taken).toEqual([true, true, true, false]);
    expect(await wide.take("interactive", 0)).toBe(true);
  });

  it("go first to whoever has a job in hand", async () => {
    const slots = createSlots(1, 0.75);
    await slots.take("interactive", 0);
    const order: string[] = [];
    const looking = slots.open("interactive").then(() => order.push("looking"));
    const inHand = slots.take("background", inTime).then(() => order.push("in hand"));
    expect(slots.keep("interactive")).toBe(false);
    slots.give("interactive");
    await inHand;
    expect(order).toEqual(["in hand"]);
    slots.give("background");
    await looking;
  });

  it("stay with one queue until the other has waited for some jobs", async () => {
    const slots = createSlots(1, 0.75);
    await slots.take("interactive", 0);
    expect(Array.from({ length: 20 }, () => slots.keep("interactive"))).not.toContain(false);
    const waiting = slots.open("background");
    const kept = Array.from({ length: 8 }, () => slots.keep("interactive"));
    expect(kept).toEqual([true, true, true, true, true, true, true, false]);
    slots.give("interactive");
    expect(await waiting).toBe(true);
  });

  it("are not yielded to background work that has its share already", async () => {
    const slots = createSlots(2, 0.5);
    await slots.take("background", 0);
    await slots.take("interactive", 0);
    void slots.open("background");
    expect(Array.from({ length: 20 }, () => slots.keep("interactive"))).not.toContain(false);
  });

  it("tell how many a queue could take", async () => {
    const slots = createSlots(4, 0.5);
    expect([slots.free("interactive"), slots.free("background")]).toEqual([4, 2]);
    await slots.take("background", 0);
    await slots.take("interactive", 0);
    expect([slots.free("interactive"), slots.free("background")]).toEqual([2, 1]);
    await slots.take("interactive", 0);
    await slots.take("interactive", 0);
    expect([slots.free("interactive"), slots.free("background")]).toEqual([0, 0]);
  });

  it("let everybody go when they close", async () => {
    const slots = createSlots(1, 0.75);
    await slots.take("interactive", 0);
    const waiting = [slots.open("interactive"), slots.take("background", inTime)];
    slots.close();
    expect(await Promise.all(waiting)).toEqual([false, false]);
    expect(await slots.open("interactive")).toBe(false);
    expect(slots.keep("interactive")).toBe(false);
  });
});
