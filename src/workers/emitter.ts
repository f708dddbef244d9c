/** What one attempt says: redacted, capped, numbered, and kept until it is spilled into the store. */
import { SwitchyardError } from "../errors.ts";
import { type EventLevel, eventCaps, type JobEvent, writePhase } from "../model/event.ts";
import type { JsonObject } from "../model/json.ts";
import { type Redactor, redactJson } from "../model/redact.ts";
import type { Done, EventLine, JobFacts, Sender } from "./event-line.ts";

export interface EmitterDeps {
  readonly line: EventLine;
  readonly jobId: string;
  readonly attempt: number;
  readonly facts: JobFacts;
  /** Kept debug events? (`?debug=true`) */
  readonly debug: boolean;
  readonly now: () => number;
  /** Number of the last event before this attempt, and what of it is not yet in the store. */
  readonly lastSeq: number;
  readonly unspilled: readonly JobEvent[];
  readonly stale: () => void;
}

interface Line {
  readonly phase: string;
  readonly level: EventLevel;
  readonly message: string;
  readonly meta?: JsonObject;
}

/** What the store does not have yet. */
export interface Unspilled {
  /** Of that, what the stream has. */
  take(): readonly JobEvent[];
  /** All of it, on its way to the stream or not. */
  takeAll(): readonly JobEvent[];
  putBack(events: readonly JobEvent[]): void;
  /** Whether nothing that was said can lie in the store. */
  readonly isAll: boolean;
}

export interface Emitter {
  /** The runner's own words: cut at the job's cap, but never warnings, errors and writes. */
  emit(line: Line): void;
  /** A driver's words: cut at the driver's share. */
  emitDriver(line: Line): void;
  /** A write on the record. @throws SwitchyardError `response_too_large` when it would not fit. */
  emitWrite(line: Line): void;
  useRedactor(redactor: Redactor): void;
  readonly redact: Redactor;
  readonly unspilled: Unspilled;
  readonly lastSeq: number;
  /** Resolves when the stream has all that was said. */
  delivered(): Promise<void>;
  /** Ends the stream with `job.done`; resolves when it has it. */
  end(done: Done): Promise<void>;
}

const weigh = (line: Line): number => line.message.length + (line.meta ? JSON.stringify(line.meta).length : 0) + 64;

/** Several redactors as one: each opened instance brings its own. */
const chainRedactors =
  (redactors: readonly Redactor[]): Redactor =>
  (text) =>
    redactors.reduce((seen, redactor) => redactor(seen), text);

const unspilledOf = (arrived: JobEvent[], waiting: readonly JobEvent[], isFirstAttempt: boolean): Unspilled => {
  let isAll = isFirstAttempt;
  return {
    take() {
      isAll = false;
      return arrived.splice(0);
    },
    takeAll: () => [...arrived.splice(0), ...waiting],
    putBack: (events) => void arrived.unshift(...events),
    get isAll() {
      return isAll;
    },
  };
};

const hardCap = { events: eventCaps.events + 2_000, bytes: eventCaps.bytes + 4 * 1024 * 1024 };

export const createEmitter = (deps: EmitterDeps): Emitter => {
  const redactors: Redactor[] = [];
  const redact = chainRedactors(redactors);
  const used = { events: deps.lastSeq, bytes: 0, driverEvents: 0, driverBytes: 0 };
  let isCut = false;
  const arrived: JobEvent[] = [...deps.unspilled];
  let { lastSeq } = deps;
  const sender: Sender = {
    jobId: deps.jobId,
    attempt: deps.attempt,
    facts: deps.facts,
    waiting: [],
    kept: (events) => void arrived.push(...events),
    stale: deps.stale,
  };

  const send = (line: Line): void => {
    lastSeq += 1;
    const event: JobEvent = {
      seq: lastSeq,
      ts: deps.now(),
      phase: line.phase,
      level: line.level,
      message: redact(line.message),
      meta: line.meta ? redactJson(redact, line.meta) : {},
      attempt: deps.attempt,
    };
    used.events += 1;
    used.bytes += weigh(line);
    deps.line.send(sender, event);
  };
  const cut = (): void => {
    if (isCut) return;
    isCut = true;
    send({ phase: "cut", level: "warn", message: "The job says more than is kept: the rest was cut" });
  };
  const fits = (line: Line): boolean =>
    used.events < eventCaps.events - 1 && used.bytes + weigh(line) < eventCaps.bytes;

  return {
    emit(line) {
      if (line.level === "debug" && !deps.debug) return;
      if (fits(line) || line.level === "warn" || line.level === "error") send(line);
      else cut();
    },
    emitDriver(line) {
      if (line.level === "debug" && !deps.debug) return;
      used.driverEvents += 1;
      used.driverBytes += weigh(line);
      const isWithin = used.driverEvents <= eventCaps.driverEvents && used.driverBytes <= eventCaps.driverBytes;
      if (isWithin && fits(line)) send(line);
      else cut();
    },
    emitWrite(line) {
      if (used.events >= hardCap.events || used.bytes + weigh(line) >= hardCap.bytes) {
        throw new SwitchyardError("response_too_large", {
          detail: "The job wrote more than its record can hold: the write was not sent.",
        });
      }
      send({ ...line, phase: writePhase });
    },
    useRedactor: (redactor) => void redactors.push(redactor),
    redact,
    unspilled: unspilledOf(arrived, sender.waiting, deps.attempt === 1),
    get lastSeq() {
      return lastSeq;
    },
    delivered: () => deps.line.delivered(sender),
    end: (done) => deps.line.end(sender, done),
  };
};
