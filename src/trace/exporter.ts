/** The tracer that is there when a collector is configured: keeps ended spans for a moment and sends them in company. */
import { type Collector, type EndedSpan, encodeSpans, post } from "./otlp.ts";
import {
  type Attributes,
  formatContext,
  parseContext,
  type Span,
  type SpanFacts,
  type TraceContext,
  type Tracer,
} from "./trace.ts";

export interface ExporterDeps {
  readonly collector: Collector;
  /** Whose spans they are: `service.name` and the like. */
  readonly resource: Attributes;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Milliseconds that never go back: durations come of it. */
  readonly monotonic: () => number;
  /** Random lower-case hex digits. */
  readonly hex: (digits: 16 | 32) => string;
  readonly everyMs: number;
  readonly log: { warn(facts: object, message: string): void };
}

/** What waits at most: a collector that is away costs spans, never memory. */
const waitingMost = 4_096;
const batchMost = 512;
/** A collector that is away is said once a minute. */
const quietMs = 60_000;

interface Outbox {
  put(span: EndedSpan): void;
  close(): Promise<void>;
}

const createOutbox = ({ collector, resource, monotonic, everyMs, log }: ExporterDeps): Outbox => {
  let waiting: EndedSpan[] = [];
  let sending: Promise<void> | undefined;
  let lost = 0;
  let saidAt = Number.NEGATIVE_INFINITY;

  const complain = (error: unknown): void => {
    if (monotonic() - saidAt < quietMs) return;
    saidAt = monotonic();
    log.warn({ err: String(error), spans_lost: lost }, "traces do not reach their collector");
  };
  const send = async (): Promise<void> => {
    while (waiting.length > 0) {
      const batch = waiting.slice(0, batchMost);
      waiting = waiting.slice(batchMost);
      await post(collector, encodeSpans(resource, batch)).catch((error: unknown) => {
        lost += batch.length;
        complain(error);
      });
    }
  };
  const flush = (): Promise<void> => {
    sending ??= send().finally(() => {
      sending = undefined;
    });
    return sending;
  };
  const timer = setInterval(() => void flush(), everyMs);
  timer.unref();
  return {
    put(span) {
      if (waiting.length < waitingMost) waiting.push(span);
      else lost += 1;
      if (waiting.length === batchMost) void flush();
    },
    async close() {
      clearInterval(timer);
      await flush();
      await flush();
    },
  };
};

export const createExporter = (deps: ExporterDeps): Tracer => {
  const { now, monotonic, hex } = deps;
  const outbox = createOutbox(deps);

  const open = (facts: SpanFacts, parent: TraceContext | undefined): Span => {
    const spanId = hex(16);
    const own = { traceId: parent?.traceId ?? hex(32), spanId, isSampled: parent?.isSampled ?? true };
    const startedAt = facts.startedAt ?? now();
    const endsFrom = facts.startedAt === undefined ? monotonic() : undefined;
    let attributes = facts.attributes ?? {};
    let failure: string | undefined;
    let isEnded = false;
    return {
      traceId: own.traceId,
      context: formatContext(own),
      set(more) {
        attributes = { ...attributes, ...more };
      },
      fail(code) {
        failure = code;
      },
      end() {
        if (isEnded || !own.isSampled) return;
        isEnded = true;
        const endedAt = endsFrom === undefined ? now() : startedAt + monotonic() - endsFrom;
        const { name, kind = "internal" } = facts;
        const parentSpanId = parent?.spanId;
        outbox.put({ ...own, parentSpanId, name, kind, startedAt, endedAt, attributes, failure });
      },
      child: (below) => open(below, own),
    };
  };
  return {
    start: (facts, parent) => open(facts, parseContext(parent)),
    close: () => outbox.close(),
  };
};
