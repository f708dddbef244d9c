/** Frames between runner and sandbox, however the bytes are cut on their way. */
import { describe, expect, test } from "vitest";
import { createFrameReader, encodeFrame, encodeText, largestFrame } from "../../src/sandbox/frames.ts";
import { framesOf, joinFrames } from "../../src/sandbox/long-text.ts";
import type { ToSandbox } from "../../src/sandbox/wire.ts";

const answer = (value: unknown, n = 1): ToSandbox => ({ t: "answer", id: "call", n, value });
const long = "ä".repeat(20_000);

const read = (bytes: Buffer, step: number): ToSandbox[] => {
  const heard: ToSandbox[] = [];
  const { onFrame, onText } = joinFrames((message) => heard.push(message));
  const reader = createFrameReader(onFrame, onText);
  for (let at = 0; at < bytes.length; at += step) reader.push(bytes.subarray(at, at + step));
  expect(reader.isAmidst).toBe(false);
  return heard;
};

describe("frames", () => {
  test.each([1, 3, 4, 5, 1_000, 1_000_000])("in pieces of %i bytes they are the messages that were sent", (step) => {
    const sent = [answer({ body: long, status: 200 }), answer({ body: "short" }, 2), answer({ body: `${long}!` }, 3)];
    const heard = read(Buffer.concat(sent.flatMap(framesOf)), step);
    expect(heard.map((message) => ("value" in message ? message.value : null))).toEqual([
      { body: long, status: 200 },
      { body: "short" },
      { body: `${long}!` },
    ]);
  });

  test("only a long text of an answer has a frame of its own", () => {
    const counts = (message: ToSandbox) => framesOf(message).length;
    expect(counts(answer({ body: long }))).toBe(2);
    expect(counts(answer({ body: "x".repeat(16 * 1024 - 1) }))).toBe(1);
    expect(counts(answer({ deeper: { body: long } }))).toBe(1);
    expect(counts(answer([long]))).toBe(1);
    expect(counts(answer(long))).toBe(1);
    expect(counts(answer({ body: `${long}\udc00` }))).toBe(1);
    expect(counts({ t: "refusal", id: "call", n: 1, error: { code: "x", message: long } })).toBe(1);
  });

  test("a sandbox cannot send text: to the runner it is a frame beyond the cap", () => {
    const reader = createFrameReader(() => undefined);
    expect(() => reader.push(encodeText("hello"))).toThrow(RangeError);
  });

  test("neither a message nor a text may be larger than the cap", () => {
    const most = "x".repeat(largestFrame);
    expect(() => encodeText(most)).not.toThrow();
    expect(() => encodeText(`${most}x`)).toThrow(RangeError);
    expect(() => encodeFrame(most)).toThrow(RangeError);
    const tooLong = Buffer.alloc(4);
    tooLong.writeUInt32LE(0x8000_0000 + largestFrame + 1);
    const { onFrame, onText } = joinFrames(() => undefined);
    expect(() => createFrameReader(onFrame, onText).push(tooLong)).toThrow(RangeError);
  });
});
