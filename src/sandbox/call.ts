/** One call of a driver's method, seen from the runner: deadline, cancel, questions, events and how it ended. */
import { randomUUID } from "node:crypto";
import { asSwitchyardError, isDriverCode, SwitchyardError } from "../errors.ts";
import type { Json, JsonObject } from "../model/json.ts";
import type { DriverEvent } from "../sdk/driver.ts";
import type { Host } from "./host.ts";
import { callLimits, type FromSandbox, type InstanceNames, type ToSandbox, type WireError } from "./wire.ts";

/** What one call does beside computing its answer. */
export interface CallPeer {
  ask(op: string, args: unknown): Promise<unknown>;
  onEvent(event: DriverEvent): void;
}

export interface CallTerms {
  /** The message that opens the call, without its id. */
  readonly opening:
    | { readonly t: "inspect" }
    | {
        readonly t: "call";
        readonly method: string;
        readonly args: JsonObject;
        readonly config: JsonObject;
        readonly secrets: Readonly<Record<string, string>>;
        readonly instance?: InstanceNames;
      };
  readonly peer: CallPeer;
  readonly timeoutMs: number;
  /** What is left of it, after waiting for a process. */
  readonly leftMs: number;
  readonly signal: AbortSignal;
  readonly graceMs: number;
  readonly facts?: object | undefined;
}

export const cancelledBy = (signal: AbortSignal): SwitchyardError =>
  signal.reason instanceof SwitchyardError
    ? signal.reason
    : new SwitchyardError("job_cancelled", { detail: "The job was cancelled while the driver worked." });

export const timedOut = (timeoutMs: number): SwitchyardError =>
  new SwitchyardError("timed_out", {
    detail: `The driver did not answer within ${timeoutMs} ms and was ended.`,
    details: { timeout_ms: timeoutMs },
  });

const errorOf = ({ code, message, details, at, pointer }: WireError): SwitchyardError => {
  const isKnown = isDriverCode(code);
  const facts = {
    ...(details as Readonly<Record<string, unknown>>),
    ...(isKnown ? {} : { driver_code: code }),
    ...(at === undefined ? {} : { at }),
  };
  if (pointer !== undefined && code === "response_invalid") {
    const place = pointer === "" ? "The driver's answer" : `The driver's answer at ${pointer}`;
    return new SwitchyardError(code, {
      detail: `${place}: ${message}.`,
      details: facts,
      errors: [{ pointer, message }],
    });
  }
  const said = message === "" ? "The driver failed without a message." : message;
  // A driver's own refusal is for the person who asked; a fault is for the author, who wants its place.
  const detail = code === "driver_failed" && at !== undefined ? `${said} (at ${at})` : said;
  return new SwitchyardError(isDriverCode(code) ? code : "driver_failed", { detail, details: facts });
};

const tooLarge = (cause: RangeError): SwitchyardError =>
  new SwitchyardError("response_too_large", {
    detail: "The device's answer is larger than a driver can be handed in one: let the driver ask for less at once.",
    cause,
  });

interface Questions {
  take(n: number, op: string, args: unknown): void;
  /** What the runner itself answered: not to be retold by the driver. */
  refusalOf(n: number | undefined): SwitchyardError | undefined;
}

const createQuestions = (peer: CallPeer, id: string, send: (message: ToSandbox) => void): Questions => {
  const refusals = new Map<number, SwitchyardError>();
  let open = 0;
  let last = 0;

  const refuse = (n: number, thrown: unknown): void => {
    const error = asSwitchyardError(thrown);
    refusals.set(n, error);
    send({ t: "refusal", id, n, error: { code: error.code, message: error.message, details: error.details } });
  };
  const hand = (n: number, value: unknown): void => {
    try {
      send({ t: "answer", id, n, value });
    } catch (thrown) {
      throw thrown instanceof RangeError ? tooLarge(thrown) : thrown;
    }
  };
  const answer = async (n: number, op: string, args: unknown): Promise<void> => {
    try {
      hand(n, (await peer.ask(op, args)) ?? null);
    } catch (thrown) {
      refuse(n, thrown);
    } finally {
      open -= 1;
    }
  };
  return {
    take: (n, op, args) => {
      if (n <= last || open >= callLimits.asksAtOnce) {
        refuse(n, new SwitchyardError("driver_failed", { detail: "The driver asked too much at once." }));
        return;
      }
      last = n;
      open += 1;
      void answer(n, op, args);
    },
    refusalOf: (n) => (n === undefined ? undefined : refusals.get(n)),
  };
};

/** Passes on what a driver may say in one call, and drops the rest; the child says so itself, once. */
const createEars = (peer: CallPeer): ((event: DriverEvent) => void) => {
  let events = 0;
  let bytes = 0;
  return (event) => {
    events += 1;
    bytes += event.kind === "log" ? event.message.length + JSON.stringify(event.meta ?? {}).length : 0;
    if (events <= callLimits.events + 1 && bytes <= callLimits.eventBytes + callLimits.messageLength * 2) {
      peer.onEvent(event);
    }
  };
};

interface Outcome {
  readonly value?: Json;
  readonly error?: SwitchyardError;
  /** The process is not to be used again. */
  readonly isFatal?: boolean;
}

/** Nobody waits for it any more. */
const leftBehind = new SwitchyardError("sandbox_crashed", {
  detail: "The call left something behind that does not end.",
});

const failureOf = (error: WireError, questions: Questions, isLast: boolean): Outcome => ({
  error: questions.refusalOf(error.ask) ?? errorOf(error),
  isFatal: isLast || error.isFatal === true,
});

const ofAnotherCall = (kind: string): DriverEvent => ({
  kind: "log",
  level: "warn",
  message: `The sandbox refused a message ("${kind}") in the name of another call: a driver speaks for the call that it works on`,
  meta: { refused: "another call", resource: kind },
});

/** Follows the messages of one call; whatever carries another id is forged: it is dropped, and told once. */
const follow = (id: string, terms: CallTerms, host: Host, settle: (outcome: Outcome) => void) => {
  const questions = createQuestions(terms.peer, id, host.send);
  const hear = createEars(terms.peer);
  let isTold = false;
  const tellOfOther = (kind: string): void => {
    if (!isTold) hear(ofAnotherCall(kind));
    isTold = true;
  };
  return (message: FromSandbox): void => {
    if (message.t === "ready" || message.t === "bye") return;
    if (message.id !== id) tellOfOther(message.t);
    else if (message.t === "ask") questions.take(message.n, message.op, message.args);
    else if (message.t === "event") hear(message.event);
    else if (message.t === "done") settle({ value: message.value as Json, isFatal: message.isLast === true });
    else settle(failureOf(message.error, questions, message.isLast === true));
  };
};

/**
 * Runs one call on a host that nobody else uses. Past the deadline the host is killed; on cancel the driver's signal
 * fires, and the host is killed after the grace, or as soon as the driver has ended by itself.
 */
export const runCall = (host: Host, terms: CallTerms): Promise<Json> => {
  const { opening, signal, graceMs, timeoutMs, leftMs } = terms;
  const id = randomUUID();
  const { promise, resolve, reject } = Promise.withResolvers<Json>();
  const timers: NodeJS.Timeout[] = [setTimeout(() => host.kill(timedOut(timeoutMs)), leftMs)];

  const settle = ({ value, error, isFatal = false }: Outcome): void => {
    for (const timer of timers) clearTimeout(timer);
    signal.removeEventListener("abort", cancel);
    host.listen(null);
    const failure = signal.aborted ? cancelledBy(signal) : error;
    if (isFatal || signal.aborted) host.kill(failure ?? leftBehind);
    if (failure === undefined) resolve(value ?? null);
    else reject(failure);
  };
  const cancel = (): void => {
    host.send({ t: "cancel", id });
    timers.push(setTimeout(() => host.kill(cancelledBy(signal)), graceMs));
  };

  const { facts } = terms;
  host.listen({ facts, onMessage: follow(id, terms, host, settle), onGone: (error) => settle({ error }) });
  signal.addEventListener("abort", cancel, { once: true });
  host.send({ ...opening, id });
  if (signal.aborted) cancel();
  return promise;
};
