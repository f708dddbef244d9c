/** When a read is sent again, and when not; a write never is. */
import { describe, expect, test } from "vitest";
import { sendJson, startHttp } from "../kit/device.ts";
import { type BenchFacts, codeOf, openBench } from "../kit/transport-bench.ts";

const usual = { retries: 2, backoff_ms_start: 5, timeout_s: 5 };
const facts = ({ port }: { port: number }, http: object = usual): BenchFacts => ({
  transports: { http: { url: ["{url}"] } },
  config: { url: `http://127.0.0.1:${port}` },
  capability: { writes: ["POST /*"] },
  defaults: { http },
});
const ask = async (given: BenchFacts) => {
  await using bench = openBench(given);
  return await bench.door().ask("http.request", { path: "/x" });
};

describe("repetition", () => {
  const flaky = (failures: number) => {
    let calls = 0;
    return startHttp((_, response) => {
      calls += 1;
      if (calls <= failures) response.destroy();
      else sendJson(response, { calls });
    });
  };
  test("of a read goes on as often as the manifest says, with a status that passes too", async () => {
    await using device = await flaky(2);
    await using bench = openBench(facts(device));
    expect(await codeOf(bench.door().ask("http.request", {}))).toBe("protocol_mismatch");
    let calls = 0;
    await using busy = await startHttp((_, response) => {
      calls += 1;
      sendJson(response, {}, calls <= 2 ? 503 : 200);
    });
    expect(await ask(facts(busy))).toMatchObject({ status: 200 });
    calls = -10;
    expect(await ask(facts(busy))).toMatchObject({ status: 503 });
    expect(busy.seen).toHaveLength(6);
  });

  test("of a read is not begun when its wait would end behind the deadline", async () => {
    await using busy = await startHttp((_, response) => sendJson(response, {}, 503));
    const slow = { retries: 5, backoff_ms_start: 400, timeout_s: 1 };
    const startedAt = performance.now();
    expect(await ask(facts(busy, slow))).toMatchObject({ status: 503 });
    // Tries at 0 and 400 ms; the next one would begin at 1,200 ms.
    expect([busy.seen.length, performance.now() - startedAt < 1_000]).toEqual([2, true]);
  });

  test("of a read is not begun when a try took all the time there was", async () => {
    let calls = 0;
    await using device = await startHttp((_, response) => {
      calls += 1;
      if (calls === 1) sendJson(response, {});
      else setTimeout(() => response.destroy(), 300);
    });
    await using bench = openBench(facts(device, { retries: 5, backoff_ms_start: 150, timeout_s: 0.4 }));
    await bench.door().ask("http.request", {});
    const thrown = await bench
      .door()
      .ask("http.request", {})
      .catch((error: unknown) => error);
    // What the device did, and not that the time was over for a try that was never made.
    expect([(thrown as { code: string }).code, calls]).toEqual(["device_error", 2]);
  });

  test("of a read after a dropped connection needs a device that has answered before", async () => {
    let calls = 0;
    await using device = await startHttp((_, response) => {
      calls += 1;
      if (calls === 2) response.destroy();
      else sendJson(response, { calls });
    });
    await using bench = openBench(facts(device));
    await bench.door().ask("http.request", {});
    expect(await bench.door().ask("http.request", {})).toMatchObject({ body: '{"calls":3}' });
  });

  test("of a write never happens, whatever comes back", async () => {
    let calls = 0;
    await using device = await startHttp((_, response) => {
      calls += 1;
      if (calls === 1) response.destroy();
      else sendJson(response, {}, 503);
    });
    await using bench = openBench(facts(device));
    const request = { method: "POST", path: "/x" };
    const door = bench.door({ mode: "free" });
    expect(await codeOf(door.ask("http.request", request))).toBe("protocol_mismatch");
    expect(door.unknownStep).toBe(0);
    bench.journal.entries.length = 0;
    expect(await bench.door({ mode: "free" }).ask("http.request", request)).toMatchObject({ status: 503 });
    expect(calls).toBe(2);
  });
});
