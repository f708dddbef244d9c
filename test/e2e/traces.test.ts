/** One trace through all processes: from a request to what reached the device. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { type ReceivedSpan, startCollector, type TestCollector } from "../kit/collector.ts";
import { hasRedis } from "../kit/redis.ts";
import { type System, startSystem } from "../kit/system.ts";

const traceOf = (digit: string): string => digit.repeat(32);
const parentId = "b7ad6b7169203331";

describe.skipIf(!hasRedis)("traces", () => {
  let collector: TestCollector;
  let system: System;
  let instance: string;
  beforeAll(async () => {
    collector = await startCollector();
    const env = { SWITCHYARD_OTLP_URL: collector.url, OTEL_EXPORTER_OTLP_HEADERS: "x-key=canary-of-the-collector" };
    system = await startSystem({ lab: true, env: { ...env, SWITCHYARD_LOG: "info" } });
    const { body } = await system.call<{ instance_id: string }[]>("GET", "/api/integrations/instances");
    instance = body[0]?.instance_id ?? "";
  }, 90_000);
  afterAll(async () => {
    await system.dispose();
    await collector.close();
  });

  const spansOf = (traceId: string): ReceivedSpan[] => collector.spans.filter((span) => span.traceId === traceId);
  const named = (spans: readonly ReceivedSpan[], name: string): ReceivedSpan => {
    const found = spans.find((span) => span.name === name);
    if (found === undefined) throw new Error(`expected a span "${name}", got ${spans.map((span) => span.name)}`);
    return found;
  };

  it("lead from the caller's span over request, admission, wait, attempt and driver to each request of the device", async () => {
    const traceId = traceOf("4");
    const { body, status } = await system.call<{ id: string; state: string; requested_by: object }>(
      "POST",
      `/api/integrations/instances/${instance}/actions`,
      { capability: "vm.lifecycle", verb: "shutdown", target: { type: "vm", id: "100" }, confirm: true },
      { prefer: "wait=30", traceparent: `00-${traceId}-${parentId}-01` },
    );
    expect([status, body.state]).toEqual([200, "succeeded"]);
    expect(body.requested_by).not.toHaveProperty("traceparent");
    await vi.waitFor(() => named(spansOf(traceId), "attempt action.run"), { timeout: 10_000, interval: 100 });
    await vi.waitFor(() => named(spansOf(traceId), "POST /api/integrations/instances/{id}/actions"), 10_000);
    const spans = spansOf(traceId);
    const server = named(spans, "POST /api/integrations/instances/{id}/actions");
    const admission = named(spans, "admit action.run");
    const attempt = named(spans, "attempt action.run");
    expect(server).toMatchObject({ service: "switchyard-api", parentSpanId: parentId, kind: 2 });
    expect(server.attributes).toMatchObject({ "http.response.status_code": "200" });
    expect(admission).toMatchObject({ service: "switchyard-api", parentSpanId: server.spanId });
    expect(named(spans, "wait action.run")).toMatchObject({ parentSpanId: admission.spanId });
    expect(attempt).toMatchObject({ service: "switchyard-worker", parentSpanId: admission.spanId });
    expect(attempt.attributes).toMatchObject({
      "switchyard.job.id": body.id,
      "switchyard.job.state": "succeeded",
      "switchyard.instance.id": instance,
    });
    const calls = spans.filter(({ name }) => name === "driver vm_lifecycle");
    // It is planned first, then applied.
    expect(calls.map(({ attributes }) => attributes["switchyard.mode"])).toEqual(["read", "apply"]);
    for (const call of calls) expect(call.parentSpanId).toBe(attempt.spanId);
    const write = named(spans, "write http");
    expect(write.parentSpanId).toBe(calls[1]?.spanId);
    expect(write.attributes["switchyard.write"]).toMatch(/^POST .*\/status\/shutdown.*: 200$/);
    const reads = spans.filter(({ name }) => name === "http.request");
    expect(reads.length).toBeGreaterThan(1);
    for (const read of reads) {
      expect(calls.map(({ spanId }) => spanId)).toContain(read.parentSpanId);
      expect(read.attributes).toMatchObject({
        "http.response.status_code": "200",
        "url.path": expect.stringMatching(/^\//),
      });
    }
    for (const span of spans)
      expect(BigInt(span.endTimeUnixNano)).toBeGreaterThanOrEqual(BigInt(span.startTimeUnixNano));
  });

  it("name the cause of a failure by its code", async () => {
    const traceId = traceOf("5");
    await system.call(
      "POST",
      `/api/integrations/instances/${instance}/actions`,
      { capability: "vm.lifecycle", verb: "start", target: { type: "vm", id: "99999" } },
      { prefer: "wait=30", traceparent: `00-${traceId}-${parentId}-01` },
    );
    await vi.waitFor(() => named(spansOf(traceId), "attempt action.run"), 10_000);
    const { attributes, status } = named(spansOf(traceId), "attempt action.run");
    expect(attributes["switchyard.job.state"]).toBe("failed");
    expect(status).toEqual({ code: 2, message: expect.stringMatching(/^[a-z_]+$/) });
  });

  it("begin anew for who brings no context, and for what the runner does by itself", async () => {
    await vi.waitFor(
      () => expect(collector.spans.some(({ name }) => name === "attempt pack.rescan")).toBe(true),
      10_000,
    );
    const rescan = collector.spans.find(({ name }) => name === "attempt pack.rescan");
    const spans = spansOf(rescan?.traceId ?? "");
    const admission = named(spans, "admit pack.rescan");
    expect(admission.parentSpanId).toBeUndefined();
    expect(rescan?.parentSpanId).toBe(admission.spanId);
    expect(named(spans, "wait pack.rescan").parentSpanId).toBe(admission.spanId);
  });

  it("are named on the lines of the log that are about a job, and so is the job", async () => {
    const lines = (): Record<string, unknown>[] =>
      system
        .output()
        .split("\n")
        .filter((line) => line.startsWith("{"))
        .map((line) => JSON.parse(line));
    const settled = () => lines().find(({ msg, trace_id }) => msg === "a job settled" && trace_id === traceOf("4"));
    await vi.waitFor(() => expect(settled()).toBeDefined(), 5_000);
    expect(settled()).toMatchObject({
      ...{ role: "worker", kind: "action.run", state: "succeeded", attempt: 1 },
      ...{ job_id: expect.stringMatching(/^job_/), ms: expect.any(Number) },
    });
    const failed = lines().find(({ trace_id }) => trace_id === traceOf("5"));
    expect(failed).toMatchObject({ state: "failed", code: expect.stringMatching(/^[a-z_]+$/) });
    for (const line of lines().filter((found) => /\bjob_[0-9a-z]{26}\b/.test(JSON.stringify(found)))) {
      expect(line).toHaveProperty("job_id");
    }
  });

  it("hold no secret, no token and no stand-in of one", () => {
    expect(collector.bodies.length).toBeGreaterThan(0);
    const all = collector.bodies.join("\n");
    const master = readFileSync(join(system.dataDir, "master.key"), "utf8").trim();
    for (const secret of [system.token, master, "11111111-2222-3333-4444-555555555555", "canary-of-the-collector"]) {
      expect(secret.length).toBeGreaterThan(8);
      expect(all).not.toContain(secret);
    }
    expect(all).not.toMatch(/PVEAPIToken|Bearer|ticket=/);
    expect(system.output()).not.toContain("canary-of-the-collector");
  });
});
