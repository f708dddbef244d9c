/** One call of a driver's method, seen from inside: its questions, its events and its end. */
import { attachDriver, type DriverContext, type DriverEvent } from "../../sdk/driver.ts";
import { DriverError } from "../../sdk/driver-error.ts";
import { copyPlain } from "../plain.ts";
import { callLimits, type FromSandbox, type ToSandbox, type WireError } from "../wire.ts";
import type { DriverClass } from "./driver-class.ts";

type CallMessage = Extract<ToSandbox, { t: "call" }>;
type Waiting = { resolve(value: unknown): void; reject(error: unknown): void };

export interface RunningCall {
  readonly id: string;
  /** Whether it waits for an answer of the runner. */
  readonly isAsking: boolean;
  emit(event: DriverEvent): void;
  answer(n: number, value: unknown): void;
  refuse(n: number, error: WireError): void;
  cancel(): void;
  run(driver: DriverClass): Promise<unknown>;
  /** The number of the question that this error is the answer to. */
  askOf(thrown: unknown): number | undefined;
  end(): void;
}

const cut = (text: string): string =>
  text.length > callLimits.messageLength ? `${text.slice(0, callLimits.messageLength)}...` : text;

/** What is longer is not a name that would be kept; the runner says so. */
const nameOf = (text: unknown): string => String(text).slice(0, callLimits.nameLength);

const marker: DriverEvent = {
  kind: "log",
  level: "warn",
  message: `Further lines of this call are not kept: a driver may write ${callLimits.events} of them, ${callLimits.eventBytes} bytes in all.`,
};

const plainEvent = (event: DriverEvent): DriverEvent => {
  if (event.kind === "artifact") {
    const [name, contentType] = [nameOf(event.name), nameOf(event.contentType)];
    return { ...event, name, contentType };
  }
  const message = cut(String(event.message));
  const percent = event.kind === "progress" ? Number(event.percent) : 0;
  if (event.kind === "progress") return { kind: "progress", percent: Number.isFinite(percent) ? percent : 0, message };
  const meta = copyPlain(event.meta ?? {});
  const kept = meta.ok && JSON.stringify(meta.value).length <= callLimits.messageLength ? meta.value : {};
  return { kind: "log", level: event.level, message, meta: kept as Readonly<Record<string, never>> };
};

const createEvents = (id: string, send: (message: FromSandbox) => void) => {
  let count = 0;
  let bytes = 0;
  let isOver = false;
  const emit = (event: DriverEvent): void => {
    if (isOver || count > callLimits.events || bytes > callLimits.eventBytes) return;
    const kept = plainEvent(event);
    count += 1;
    if (kept.kind !== "artifact") bytes += JSON.stringify(kept).length;
    const isTooMuch = count > callLimits.events || bytes > callLimits.eventBytes;
    send({ t: "event", id, event: isTooMuch ? marker : kept });
  };
  return {
    emit,
    end: () => {
      isOver = true;
    },
  };
};

const createAsks = (id: string, send: (message: FromSandbox) => void) => {
  const waiting = new Map<number, Waiting>();
  const origins = new WeakMap<object, number>();
  const line: (() => void)[] = [];
  let last = 0;
  let isOver = false;

  const put = (op: string, args: unknown, { resolve, reject }: Waiting): void => {
    last += 1;
    try {
      send({ t: "ask", id, n: last, op, args });
      waiting.set(last, { resolve, reject });
    } catch {
      reject(new DriverError("driver_failed", `Expected the arguments of ${op} to be smaller than 24 MiB.`));
    }
  };
  const ask = (op: string, args: unknown): Promise<unknown> => {
    if (isOver) return Promise.reject(new DriverError("driver_failed", `The call is over, ${op} comes too late.`));
    const plain = copyPlain(args);
    if (!plain.ok) {
      const { pointer, message } = plain.fault;
      return Promise.reject(new DriverError("driver_failed", `Arguments of ${op} at "${pointer}": ${message}.`));
    }
    return new Promise((resolve, reject) => {
      const start = () => put(op, plain.value, { resolve, reject });
      if (waiting.size < callLimits.asksAtOnce) start();
      else line.push(start);
    });
  };
  const take = (n: number): Waiting | undefined => {
    const found = waiting.get(n);
    waiting.delete(n);
    line.shift()?.();
    return found;
  };
  const refuse = (n: number, { code, message, details }: WireError): void => {
    const error = new DriverError(code, message, (details ?? {}) as Readonly<Record<string, unknown>>);
    origins.set(error, n);
    take(n)?.reject(error);
  };
  return {
    get isAsking() {
      return waiting.size > 0;
    },
    ask,
    refuse,
    answer: (n: number, value: unknown) => take(n)?.resolve(value),
    askOf: (thrown: unknown) => (typeof thrown === "object" && thrown !== null ? origins.get(thrown) : undefined),
    end: () => {
      isOver = true;
      waiting.clear();
      line.length = 0;
    },
  };
};

const invoke = async (driver: object, method: string, args: unknown): Promise<unknown> => {
  const found: unknown = (driver as Record<string, unknown>)[method];
  if (typeof found !== "function") throw new DriverError("driver_failed", `The driver has no method ${method}.`);
  return found.call(driver, args);
};

/** Prepares a call: nothing runs before `run`. */
export const createCall = (message: CallMessage, send: (message: FromSandbox) => void): RunningCall => {
  const { id, method, args, config, secrets } = message;
  const controller = new AbortController();
  const asks = createAsks(id, send);
  const events = createEvents(id, send);
  const { emit } = events;
  const context: DriverContext = { config, secrets, ask: asks.ask, emit };
  return {
    id,
    get isAsking() {
      return asks.isAsking;
    },
    emit,
    answer: asks.answer,
    refuse: asks.refuse,
    cancel: () => controller.abort(new DriverError("job_cancelled", "The job was cancelled.")),
    run: async (driver) => {
      const object = new driver(context);
      attachDriver(object, context);
      return invoke(object, method, { ...(args as object), signal: controller.signal });
    },
    askOf: asks.askOf,
    end: () => {
      asks.end();
      events.end();
    },
  };
};
