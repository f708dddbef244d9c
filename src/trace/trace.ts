/** What is traced: spans with a parent, across processes by the W3C trace context. Without an exporter there is no tracer. */

/** Facts about a span for those who search; never a secret, never a body. */
export type Attributes = Readonly<Record<string, string | number | boolean | undefined>>;

export interface SpanFacts {
  readonly name: string;
  readonly kind?: "internal" | "server" | "client" | "producer" | "consumer";
  readonly attributes?: Attributes;
  /** When it began, in milliseconds since 1970; now when absent. */
  readonly startedAt?: number;
}

/** One piece of work with a beginning and an end. */
export interface Span {
  readonly traceId: string;
  /** The `traceparent` for whatever comes of it. */
  readonly context: string;
  set(attributes: Attributes): void;
  /** It did not succeed: the code of the error, never its text, which may quote a device. */
  fail(code: string): void;
  end(): void;
  child(facts: SpanFacts): Span;
}

export interface Tracer {
  /** `parent` is a `traceparent`; one that is absent or malformed begins a new trace. */
  start(facts: SpanFacts, parent?: string | undefined): Span;
  /** Sends what is still here, for as long as that is reasonable. */
  close(): Promise<void>;
}

export interface TraceContext {
  readonly traceId: string;
  readonly spanId: string;
  /** Whoever began the trace may have decided that it is not recorded. */
  readonly isSampled: boolean;
}

const contextPattern = /^(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?$/;

/** Undefined for what is no `traceparent`; a version to come may say more behind what is known. */
export const parseContext = (text: string | undefined): TraceContext | undefined => {
  const [, traceId, spanId, flags] = contextPattern.exec(text ?? "") ?? [];
  if (traceId === undefined || spanId === undefined || flags === undefined) return undefined;
  return { traceId, spanId, isSampled: (Number.parseInt(flags, 16) & 1) === 1 };
};

export const formatContext = ({ traceId, spanId, isSampled }: TraceContext): string =>
  `00-${traceId}-${spanId}-${isSampled ? "01" : "00"}`;
