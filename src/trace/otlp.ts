/** Spans on their way to a collector: OTLP over HTTP, as JSON. */
import { request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import type { Attributes, SpanFacts } from "./trace.ts";

/** A span that has ended. Times are milliseconds since 1970. */
export interface EndedSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string | undefined;
  readonly name: string;
  readonly kind: NonNullable<SpanFacts["kind"]>;
  readonly startedAt: number;
  readonly endedAt: number;
  readonly attributes: Attributes;
  readonly failure: string | undefined;
}

export interface Collector {
  /** The base URL of a collector, as `http://127.0.0.1:4318`, or the whole one of its traces. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
}

const kinds = { internal: 1, server: 2, client: 3, producer: 4, consumer: 5 } as const;
const failed = 2;

const anyValue = (value: string | number | boolean): object => {
  if (typeof value === "string") return { stringValue: value };
  if (typeof value === "boolean") return { boolValue: value };
  return Number.isInteger(value) ? { intValue: String(value) } : { doubleValue: value };
};

const encodeAttributes = (attributes: Attributes): object[] =>
  Object.entries(attributes).flatMap(([key, value]) => (value === undefined ? [] : [{ key, value: anyValue(value) }]));

/** Nanoseconds do not fit a number. */
const nanos = (ms: number): string => {
  const whole = Math.floor(ms);
  return String(BigInt(whole) * 1_000_000n + BigInt(Math.round((ms - whole) * 1_000_000)));
};

const encodeSpan = (span: EndedSpan): object => ({
  traceId: span.traceId,
  spanId: span.spanId,
  ...(span.parentSpanId === undefined ? {} : { parentSpanId: span.parentSpanId }),
  name: span.name,
  kind: kinds[span.kind],
  startTimeUnixNano: nanos(span.startedAt),
  endTimeUnixNano: nanos(span.endedAt),
  attributes: encodeAttributes(span.attributes),
  status: span.failure === undefined ? {} : { code: failed, message: span.failure },
});

/** The body of one export. `resource` says whose spans they are. */
export const encodeSpans = (resource: Attributes, spans: readonly EndedSpan[]): string =>
  JSON.stringify({
    resourceSpans: [
      {
        resource: { attributes: encodeAttributes(resource) },
        scopeSpans: [{ scope: { name: "switchyard" }, spans: spans.map(encodeSpan) }],
      },
    ],
  });

/** Where traces go at a collector: the setting may name its base or the very place. */
export const tracesUrl = (text: string): URL => {
  const url = new URL(text);
  if (!url.pathname.endsWith("/v1/traces")) url.pathname = `${url.pathname.replace(/\/$/, "")}/v1/traces`;
  return url;
};

/** Sends one body. Rejects when the collector did not take it. */
export const post = ({ url: base, headers, timeoutMs }: Collector, body: string): Promise<void> => {
  const url = tracesUrl(base);
  const send = url.protocol === "https:" ? httpsRequest : httpRequest;
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const request = send(url, {
    method: "POST",
    headers: { ...headers, "content-type": "application/json", "content-length": Buffer.byteLength(body) },
    signal: AbortSignal.timeout(timeoutMs),
  });
  request.on("error", reject);
  request.on("response", (response) => {
    response.resume();
    const { statusCode = 0 } = response;
    if (statusCode >= 200 && statusCode < 300) response.on("end", resolve);
    else reject(new Error(`the collector answered ${statusCode}`));
  });
  request.end(body);
  return promise;
};
