/** Telnet's negotiation is taken out of a stream wherever it is cut. */
import { expect, test } from "vitest";
import { createTelnet } from "../../src/transports/telnet.ts";

const [iac, will, doIt, subBegin, subEnd, nop] = [255, 251, 253, 250, 240, 241] as const;
const stream = Buffer.from([
  ...[iac, will, 1, 72, iac, doIt, 24, 105, iac, nop, 32],
  ...[iac, subBegin, 24, 0, 88, iac, subEnd, 33, iac, iac, 10],
]);
const whole = { text: Buffer.from([72, 105, 32, 33, 255, 10]), said: Buffer.from([iac, 254, 1, iac, 252, 24]) };

const through = (pieces: readonly Buffer[]) => {
  const said: Uint8Array[] = [];
  const textOf = createTelnet({ writableLength: 0, write: (bytes: Uint8Array) => said.push(bytes) > 0 } as never);
  return { text: Buffer.concat(pieces.map(textOf)), said: Buffer.concat(said) };
};

test("offers are declined, and the text alone is left", () => {
  expect(through([stream])).toEqual(whole);
});

test.each(Array.from(stream.keys()).slice(1))("a stream cut at byte %i says the same", (at) => {
  expect(through([stream.subarray(0, at), stream.subarray(at)])).toEqual(whole);
});

test("a command that never ends is not kept for ever", () => {
  const { text } = through([Buffer.from([iac, subBegin]), Buffer.alloc(5_000, 65), Buffer.from("text")]);
  expect(text.toString()).toBe("text");
});

test("a device that reads none of the answers is given no more of them", () => {
  const socket = {
    writableLength: 0,
    write: (bytes: Uint8Array) => {
      socket.writableLength += bytes.length;
      return true;
    },
  };
  const textOf = createTelnet(socket as never);
  for (let packet = 0; packet < 100; packet += 1) textOf(Buffer.alloc(30_000, Buffer.from([iac, doIt, 24])));
  expect(socket.writableLength).toBeLessThan(100_000);
});
