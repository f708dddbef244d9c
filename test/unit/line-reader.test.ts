/** What a tcp session hears is cut into lines wherever it is cut, and a flood costs no more than its bytes. */
import { expect, test } from "vitest";
import { anyLine, LineReader, type LineTest } from "../../src/transports/line-reader.ts";
import { createMeter } from "../../src/transports/meter.ts";

const read = (reader: LineReader, isLast: LineTest): Promise<readonly string[]> =>
  new Promise((resolve, reject) => reader.wait({ isLast, resolve, reject }));
const isEnd: LineTest = (line) => line === "END";
const text = Buffer.from("a\r\n\r\nb € c\r\nEND\r\n> ");

test.each(["\n", "\r\n"])("lines that end in %j are whole wherever a packet ends", async (end) => {
  for (let at = 0; at <= text.length; at += 1) {
    const reader = new LineReader(end, createMeter());
    const lines = read(reader, isEnd);
    reader.take(text.subarray(0, at));
    reader.take(text.subarray(at));
    expect(await lines).toEqual(["a", "", "b € c", "END"]);
    expect((await read(reader, (line) => line.endsWith("> "))).at(-1)).toBe("> ");
  }
});

test("what was put back comes first", async () => {
  const reader = new LineReader("\n", createMeter());
  reader.take(Buffer.from("b\n"));
  reader.unread(["a"]);
  expect(await read(reader, anyLine)).toEqual(["a"]);
  expect(await read(reader, anyLine)).toEqual(["b"]);
});

test("a session that is read may hear more than may lie about unread", async () => {
  const reader = new LineReader("\n", createMeter());
  const packet = Buffer.alloc(1_048_576, "0123456\n");
  for (let packets = 0; packets < 20; packets += 1) {
    reader.take(Buffer.concat([packet, Buffer.from("END\n")]));
    expect(await read(reader, isEnd)).toHaveLength(131_073);
  }
  expect(reader.isOver).toBe(false);
});

const packet = 1_460;
test.each([
  ["lines", Buffer.alloc(packet, "a line\r\n")],
  ["a line without an end", Buffer.alloc(packet, "a")],
  ["line ends", Buffer.alloc(packet, "\n")],
])("a flood of %s is too large within a moment", async (_, bytes) => {
  const reader = new LineReader("\n", createMeter());
  const found = read(reader, isEnd).catch((thrown: unknown) => thrown);
  const startedAt = performance.now();
  let packets = 0;
  for (; packets < 15_000 && !reader.isOver; packets += 1) reader.take(bytes);
  expect(performance.now() - startedAt).toBeLessThan(5_000);
  expect(await found).toMatchObject({ code: "response_too_large" });
});

test("lines count towards what the worker may hold together, and are let go when that is too much", async () => {
  const meter = createMeter();
  const [reader, other] = [new LineReader("\n", meter), new LineReader("\n", meter)];
  other.take(Buffer.alloc(1_000, "x"));
  const held = meter.bytes;
  expect(held).toBeGreaterThan(990);
  meter.take(256 * 1024 * 1024 - held - 500);
  const lines = read(reader, isEnd);
  reader.take(Buffer.alloc(400, "x"));
  reader.take(Buffer.alloc(400, "x"));
  await expect(lines).rejects.toMatchObject({ code: "response_too_large" });
  expect(meter.bytes).toBe(256 * 1024 * 1024 - 500);
  other.letGo();
  other.take(Buffer.from("more"));
  expect(meter.bytes).toBe(256 * 1024 * 1024 - 500 - held);
});

test("what is read or put back is not counted twice", async () => {
  const meter = createMeter();
  const reader = new LineReader("\n", meter);
  reader.take(Buffer.from("a\nb\nhalf"));
  reader.unread(await read(reader, anyLine));
  expect(await read(reader, (line) => line === "b")).toEqual(["a", "b"]);
  expect(meter.bytes).toBe("half".length);
  expect(await read(reader, (line) => line === "half")).toEqual(["half"]);
  expect(meter.bytes).toBe(0);
});

test("a line that must be whole is not taken before its end, however it comes in", async () => {
  for (const isWhole of [false, true]) {
    const reader = new LineReader("\r\n", createMeter());
    const found = new Promise<readonly string[]>((resolve, reject) => {
      reader.wait({ isLast: (line) => line.startsWith("*1"), isWhole, resolve, reject });
    });
    for (const sign of "*12\r\n") reader.take(Buffer.from(sign));
    // Signs that may be the beginning of a line end are tried when the next one comes.
    expect(await found).toEqual([isWhole ? "*12" : "*1"]);
  }
});
