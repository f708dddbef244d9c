/** A driver that asks for much and takes up nothing of it: what lies for it in the runner is counted, and not for long. */
import { PassThrough } from "node:stream";
import { expect, test, vi } from "vitest";
import type { SwitchyardError } from "../../src/errors.ts";
import type { ToSandbox } from "../../src/sandbox/wire.ts";
import { createWriter } from "../../src/sandbox/writer.ts";
import { createMeter } from "../../src/transports/meter.ts";
import { failure, openBench } from "../kit/sandbox.ts";

const mebibytes = (count: number): string => "x".repeat(count * 1024 * 1024);
const answer = (text: string): ToSandbox => ({ t: "answer", id: "call", n: 1, value: { body: text } });

const driver = `import { Driver } from "switchyard/sdk";
export class D extends Driver {
  async deaf({ count }) {
    const all = Array.from({ length: count }, () => this.transports.http.request({ path: "/" }));
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1_500);
    await Promise.allSettled(all);
    return { ok: true };
  }
  async reads() {
    return (await this.transports.http.request({ path: "/" })).body.length;
  }
}`;

test("what it leaves lying counts among all that the runner holds, and is given back with its sandbox", async () => {
  const meter = createMeter();
  const bench = await openBench("degraded", { "driver.js": driver }, { held: meter });
  const text = mebibytes(16);
  const ask = async () => ({ status: 200, headers: {}, body: text, latency_ms: 1 });
  try {
    expect(await bench.call("reads", {}, { ask })).toBe(text.length);
    expect(meter.bytes).toBe(0);
    const calls = ["a", "b"].map((instanceId) => bench.call("deaf", { count: 12 }, { ask, instanceId }));
    await vi.waitFor(() => expect(meter.bytes).toBeGreaterThan(200 * 1024 * 1024), { timeout: 10_000 });
    expect(meter.bytes).toBeLessThanOrEqual(256 * 1024 * 1024);
    const other = await failure(bench.call("reads", {}, { ask, instanceId: "c" }));
    expect(other.code).toBe("response_too_large");
    await Promise.allSettled(calls);
    bench.pool.endAll();
    await vi.waitFor(() => expect(meter.bytes).toBe(0));
  } finally {
    await bench.close();
  }
}, 30_000);

test("whoever takes up nothing of more than 32 MiB for ten seconds is ended; whoever takes some has ten more", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  const line = new PassThrough({ highWaterMark: 1024 });
  const ended: SwitchyardError[] = [];
  const writer = createWriter({ line, held: undefined, onStuck: (error) => ended.push(error) });
  for (let count = 0; count < 4; count += 1) writer.send(answer(mebibytes(12)));
  expect(writer.isFull).toBe(true);
  vi.advanceTimersByTime(9_000);
  line.read();
  await new Promise((resolve) => setImmediate(resolve));
  vi.advanceTimersByTime(9_000);
  expect(ended).toEqual([]);
  vi.advanceTimersByTime(10_000);
  expect(ended).toMatchObject([{ code: "driver_failed", message: expect.stringContaining("32 MiB") }]);
  writer.close();
  vi.useRealTimers();
});
