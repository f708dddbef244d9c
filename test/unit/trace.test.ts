/** Traces: the context between processes, what reaches a collector, and what a missing collector costs. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { loadConfig, SettingError } from "../../src/config.ts";
import { createExporter } from "../../src/trace/exporter.ts";
import { openTracer } from "../../src/trace/open.ts";
import { encodeSpans, tracesUrl } from "../../src/trace/otlp.ts";
import { formatContext, parseContext } from "../../src/trace/trace.ts";
import { startCollector, type TestCollector } from "../kit/collector.ts";

const traceId = "0af7651916cd43dd8448eb211c80319c";
const spanId = "b7ad6b7169203331";
const parent = `00-${traceId}-${spanId}-01`;

describe("a trace context", () => {
  it("is read as the W3C writes it, also from versions to come", () => {
    expect(parseContext(parent)).toEqual({ traceId, spanId, isSampled: true });
    expect(parseContext(`00-${traceId}-${spanId}-00`)?.isSampled).toBe(false);
    expect(parseContext(`01-${traceId}-${spanId}-03-more`)).toEqual({ traceId, spanId, isSampled: true });
    expect(formatContext({ traceId, spanId, isSampled: true })).toBe(parent);
  });

  it.each([
    undefined,
    "",
    "00-short-b7ad6b7169203331-01",
    `ff-${traceId}-${spanId}-01`,
    `00-${"0".repeat(32)}-${spanId}-01`,
    `00-${traceId}-${"0".repeat(16)}-01`,
    `00-${traceId.toUpperCase()}-${spanId}-01`,
    `00-${traceId}-${spanId}-zz`,
  ])("is refused when it is none: %s", (text) => {
    expect(parseContext(text)).toBeUndefined();
  });
});

describe("the place of a collector", () => {
  it.each([
    ["http://127.0.0.1:4318", "http://127.0.0.1:4318/v1/traces"],
    ["http://127.0.0.1:4318/", "http://127.0.0.1:4318/v1/traces"],
    ["https://otel.example/otlp/", "https://otel.example/otlp/v1/traces"],
    ["https://otel.example/v1/traces", "https://otel.example/v1/traces"],
  ])("%s is asked at %s", (given, asked) => {
    expect(tracesUrl(given).href).toBe(asked);
  });

  it("comes from our setting or from the usual one, and its headers may hold what they like", () => {
    const cwd = "/nowhere";
    expect(loadConfig({ SWITCHYARD_OTLP_URL: "http://a:1" }, cwd).otlpUrl).toBe("http://a:1");
    const usual = {
      OTEL_EXPORTER_OTLP_ENDPOINT: "http://b:2",
      OTEL_EXPORTER_OTLP_HEADERS: "x-key=a%20b,authorization=c=d",
    };
    expect(loadConfig(usual, cwd).otlpUrl).toBe("http://b:2");
    expect(loadConfig(usual, cwd).otlpHeaders).toEqual({ "x-key": "a b", authorization: "c=d" });
    expect(loadConfig({}, cwd)).toMatchObject({ otlpUrl: null, otlpHeaders: {} });
    for (const headers of ["nonsense", "a b=c", "a=%zz"]) {
      expect(() => loadConfig({ OTEL_EXPORTER_OTLP_HEADERS: headers }, cwd)).toThrow(SettingError);
    }
  });
});

describe("a process without a collector", () => {
  it("has no tracer, so that no span is ever made", async () => {
    const facts = { role: "worker", processId: "w", version: "1.0.0", now: Date.now, log: { warn: vi.fn() } };
    expect(await openTracer({ url: null, headers: {} }, facts)).toBeUndefined();
  });
});

describe("an exporter", () => {
  let collector: TestCollector;
  beforeEach(async () => {
    collector = await startCollector();
  });
  afterEach(() => collector.close());

  const open = (warn = vi.fn()) => {
    let count = 0;
    const hex = (digits: 16 | 32): string => {
      count += 1;
      return String(count).padStart(digits, "a");
    };
    const exporter = createExporter({
      collector: { url: collector.url, headers: { "x-key": "k" }, timeoutMs: 5_000 },
      resource: { "service.name": "test" },
      now: Date.now,
      monotonic: () => performance.now(),
      hex,
      everyMs: 20,
      log: { warn },
    });
    return { exporter, warn };
  };

  it("sends what has ended, each span below its parent and in the trace of whoever asked", async () => {
    const { exporter } = open();
    const outer = exporter.start(
      { name: "outer", kind: "server", attributes: { a: "text", b: 2, c: true, d: 0.5 } },
      parent,
    );
    const inner = outer.child({ name: "inner", kind: "client" });
    inner.fail("dns_failed");
    inner.end();
    outer.set({ e: undefined, status: 200 });
    outer.end();
    outer.end();
    exporter.start({ name: "open for ever" });
    await vi.waitFor(() => expect(collector.spans).toHaveLength(2));
    const [first, second] = collector.spans;
    expect(second).toMatchObject({
      name: "outer",
      service: "test",
      traceId,
      parentSpanId: spanId,
      kind: 2,
      status: {},
    });
    expect(second?.attributes).toEqual({ a: "text", b: "2", c: "true", d: "0.5", status: "200" });
    expect(first).toMatchObject({ name: "inner", kind: 3, traceId, parentSpanId: second?.spanId });
    expect(first?.status).toEqual({ code: 2, message: "dns_failed" });
    expect(outer.context).toBe(`00-${traceId}-${second?.spanId}-01`);
    expect(collector.paths).toEqual(["/v1/traces"]);
    expect(collector.headers[0]).toMatchObject({ "x-key": "k", "content-type": "application/json" });
    await exporter.close();
  });

  it("sends what is left when it closes, and tells spans of the past with their own beginning", async () => {
    const { exporter } = open();
    const startedAt = Date.now() - 5_000;
    exporter.start({ name: "wait", startedAt }).end();
    await exporter.close();
    const [span] = collector.spans;
    expect(span?.startTimeUnixNano).toBe(`${startedAt}000000`);
    expect(
      Number(BigInt(span?.endTimeUnixNano ?? 0) - BigInt(span?.startTimeUnixNano ?? 0)) / 1e9,
    ).toBeGreaterThanOrEqual(5);
    expect(span?.parentSpanId).toBeUndefined();
  });

  it("keeps quiet about a trace that its beginner does not record, and hands that on", async () => {
    const { exporter } = open();
    const span = exporter.start({ name: "unwanted" }, `00-${traceId}-${spanId}-00`);
    expect(span.child({ name: "below" }).context).toMatch(new RegExp(`^00-${traceId}-[0-9a-f]{16}-00$`));
    span.end();
    await exporter.close();
    expect(collector.spans).toEqual([]);
  });

  it("loses spans and neither memory nor patience while its collector is away, and says so once", async () => {
    const { exporter, warn } = open();
    collector.answer(503);
    for (let index = 0; index < 20_000; index += 1) exporter.start({ name: "lost" }).end();
    await exporter.close();
    expect(collector.bodies.length).toBeLessThan(10);
    expect(warn).toHaveBeenCalledTimes(1);
    collector.answer(200);
    exporter.start({ name: "found" }).end();
    await exporter.close();
    expect(collector.spans.map(({ name }) => name)).toEqual(["found"]);
  });
});

describe("the body of an export", () => {
  it("has nanoseconds as text, since no number holds them", () => {
    const span = {
      traceId,
      spanId,
      parentSpanId: undefined,
      name: "n",
      kind: "internal",
      attributes: {},
      failure: undefined,
    } as const;
    const body = encodeSpans({}, [{ ...span, startedAt: 1_700_000_000_123.5, endedAt: 1_700_000_000_124 }]);
    expect(body).toContain('"startTimeUnixNano":"1700000000123500000","endTimeUnixNano":"1700000000124000000"');
  });
});
