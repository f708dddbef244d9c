/** A driver's questions to the transports as figures and spans: what was asked, how long it took, what came of it. */
import { asSwitchyardError } from "../errors.ts";
import type { Redactor } from "../model/redact.ts";
import type { Attributes, Span } from "../trace/trace.ts";
import type { DoorEvent } from "../transports/contract.ts";

type Ask = (op: string, args: unknown) => Promise<unknown>;

export interface Watching {
  readonly metrics: { deviceAsked(transport: string, outcome: "ok" | "failed", seconds: number): void };
  /** The span of the call; absent when nothing is traced. */
  readonly span: Span | undefined;
  readonly redact: Redactor;
}

const transports: ReadonlySet<string> = new Set(["http", "tcp", "ssh", "snmp", "process"]);
const longest = 200;

/** A driver may ask for anything: what it makes up is no label. */
const transportOf = (op: string): string => {
  if (op === "apply") return "apply";
  const [kind = ""] = op.split(".", 1);
  return transports.has(kind) ? kind : "other";
};

const fieldsOf = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null ? (value as Readonly<Record<string, unknown>>) : {};

/** Method and path are all that is told of a request: bodies and headers are not for traces. */
const askedAttributes = (op: string, args: unknown, redact: Redactor): Attributes => {
  const { transport, method, path } = fieldsOf(args);
  return {
    "switchyard.transport": typeof transport === "string" ? redact(transport).slice(0, longest) : transportOf(op),
    ...(typeof method === "string" ? { "http.request.method": redact(method).slice(0, longest) } : {}),
    ...(typeof path === "string" ? { "url.path": redact(path).slice(0, longest) } : {}),
  };
};

const answerAttributes = (answer: unknown): Attributes => {
  const { status, exit_code: exitCode } = fieldsOf(answer);
  return {
    ...(typeof status === "number" ? { "http.response.status_code": status } : {}),
    ...(typeof exitCode === "number" ? { "process.exit.code": exitCode } : {}),
  };
};

const nameOf = (op: string): string => (transportOf(op) === "other" ? "unknown operation" : op.slice(0, longest));

/** The same question, watched. */
export const watchAsk =
  ({ metrics, span, redact }: Watching, ask: Ask): Ask =>
  async (op, args) => {
    const from = performance.now();
    const asked = span?.child({ name: nameOf(op), kind: "client", attributes: askedAttributes(op, args, redact) });
    let outcome: "ok" | "failed" = "failed";
    try {
      const answer = await ask(op, args);
      outcome = "ok";
      asked?.set(answerAttributes(answer));
      return answer;
    } catch (thrown) {
      asked?.fail(asSwitchyardError(thrown).code);
      throw thrown;
    } finally {
      metrics.deviceAsked(transportOf(op), outcome, (performance.now() - from) / 1000);
      asked?.end();
    }
  };

/** A write that was answered, as its record tells it. */
export const traceWrite = (span: Span | undefined, { phase, meta, message }: DoorEvent, now: number): void => {
  if (span === undefined || phase !== "write" || meta["state"] !== "answered") return;
  const { ms, transport, status, step } = meta;
  const attributes = {
    "switchyard.transport": String(transport),
    "switchyard.write": message.slice(0, longest),
    ...(typeof step === "number" ? { "switchyard.step": step } : {}),
    ...(typeof status === "number" ? { "http.response.status_code": status } : {}),
  };
  const startedAt = now - (typeof ms === "number" ? ms : 0);
  span.child({ name: `write ${String(transport)}`, kind: "client", startedAt, attributes }).end();
};
