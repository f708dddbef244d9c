/** Whoever waits for a job gets its end, also when the word of it is lost on the way. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { claimJob, settleJob } from "../../src/store/jobs.ts";
import { type ApiBench, openApiBench } from "../kit/api.ts";
import { seedLamp } from "../kit/fixtures.ts";
import { httpPack } from "../kit/pack.ts";
import { usePowerBench } from "../kit/power-bench.ts";
import { hasRedis } from "../kit/redis.ts";

describe.skipIf(!hasRedis)("an answer that waits", () => {
  let bench: ApiBench;
  beforeAll(async () => {
    bench = await openApiBench();
  });
  afterAll(() => bench.end());

  it("comes soon after the job settled, although nobody said so", async () => {
    const { id } = await seedLamp(bench.store);
    const before = performance.now();
    const waiting = bench.ask("POST", `/api/integrations/instances/${id}/test`, { headers: { prefer: "wait=30" } });
    const jobId = await expect
      .poll(async () => (await bench.json<{ items: { id: string }[] }>("GET", "/api/jobs")).items[0]?.id)
      .toMatch(/^job_/)
      .then(async () => (await bench.json<{ items: { id: string }[] }>("GET", "/api/jobs")).items[0]?.id ?? "");
    await bench.store.write(() => claimJob({ id: jobId, workerId: "wrk_test", now: Date.now() }));
    const end = { state: "succeeded" as const, result: {}, error: null, events: [], now: Date.now() };
    await bench.store.write(() => settleJob({ id: jobId, attempt: 1, ...end }));
    expect((await waiting).status).toBe(200);
    expect(performance.now() - before).toBeLessThan(10_000);
  });
});

describe("an upgrade on a worker with one slot", () => {
  const bench = usePowerBench({ env: { SWITCHYARD_CONCURRENCY: "1" } });
  it("does not wait for tests that its own slot keeps from running", async () => {
    await bench.caller.install(httpPack("acme.one"));
    await bench.caller.addInstance("acme.one", "one", { host: "127.0.0.1", port: bench.device.port }, {});
    const before = performance.now();
    await bench.caller.install(httpPack("acme.one", { version: "1.1.0" }));
    expect(performance.now() - before).toBeLessThan(15_000);
  }, 60_000);
});
