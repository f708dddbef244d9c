/** A frame's values are counted before anybody parses it, and a sandbox that keeps the runner busy is read later. */
import { describe, expect, test } from "vitest";
import { createFlow, decodeMessage } from "../../src/sandbox/messages.ts";
import { countValues } from "../../src/sandbox/values.ts";
import { mostValues } from "../../src/sandbox/wire.ts";

describe("the values of a frame", () => {
  test.each<[string, unknown, number]>([
    ["a text alone", "a", 1],
    ["an empty list", [], 1],
    ["lists and objects in each other", [{}, [], { a: [1, 2] }], 7],
    ["a text full of commas and brackets", { a: ",,,[[[{{{" }, 2],
    ["a text with quotes and backslashes", ['",', '\\",\\\\', "\\"], 4],
    ["keys that hold commas", { 'a,"b': { ",": 1 } }, 3],
  ])("are those of %s", (_, value, values) => {
    expect(countValues(Buffer.from(JSON.stringify(value)))).toBe(values);
  });

  test("are counted to the end of what is no JSON", () => {
    for (const text of ['"', '"\\', "[", "[[,", ""]) expect(countValues(Buffer.from(text))).toBeGreaterThan(0);
  });
});

describe("a message", () => {
  const done = (values: number): Buffer =>
    Buffer.from(JSON.stringify({ t: "done", id: "x", value: Array.from({ length: values - 1 }, () => ({})) }));

  test("of the most values is taken, and soon", () => {
    const body = done(mostValues);
    const startedAt = performance.now();
    expect(decodeMessage(body)).toMatchObject({ t: "done" });
    expect(performance.now() - startedAt).toBeLessThan(3_000);
  });

  test("of more values is refused without a look at it", () => {
    expect(() => decodeMessage(done(mostValues + 20))).toThrow("more than 1000000 values");
  });

  test("of few values may be large", () => {
    const value = ",".repeat(16 * 1024 * 1024);
    expect(decodeMessage(Buffer.from(JSON.stringify({ t: "done", id: "x", value })))).toMatchObject({ t: "done" });
  });
});

describe("what comes from a sandbox", () => {
  test("waits when the runner was busy with it for more than its share", () => {
    let at = 0;
    const flow = createFlow(() => at);
    flow.work(250);
    expect(flow.debtMs()).toBe(0);
    flow.work(250);
    expect(flow.debtMs()).toBe(1_000);
    at += 1_000;
    expect(flow.debtMs()).toBe(0);
  });

  test("does not wait for minutes because the machine stood still", () => {
    const flow = createFlow(() => 0);
    flow.work(60_000);
    expect(flow.debtMs()).toBe(3_000);
  });
});
