/** Writes of one call: one at a time, in order, each journalled before its first byte, none sent twice. */
import { asSwitchyardError, SwitchyardError } from "../errors.ts";
import type { Binding } from "../model/binding.ts";
import { canonicalJson } from "../model/canonical.ts";
import type { Endpoint } from "../model/endpoint.ts";
import type { Json } from "../model/json.ts";
import type { Step, StepAnswer } from "../model/plan.ts";
import type { Redactor } from "../model/redact.ts";
import { payloadOf } from "../model/step.ts";
import { wasSent } from "../model/step-answer.ts";
import { isUnsent, unsent } from "./causes.ts";
import type { Grant } from "./contract.ts";
import type { ReadyWrite } from "./kind.ts";
import { headlineOf, kindFor } from "./kinds.ts";
import { recordedAnswer, recordedRequest } from "./record.ts";
import { resolveReferences } from "./references.ts";
import { checkWrite } from "./rights.ts";
import type { Wire } from "./wire.ts";

export interface LaneFacts {
  readonly grant: Grant;
  readonly binding: Binding;
  /** Its signal ends a write only after the grace. */
  readonly wire: Wire;
  endpointOf(name: string): Endpoint;
  /** Told of every answer, for hints about a later failure of the driver. */
  onAnswer(step: Step, answer: StepAnswer): void;
}

/** What a driver's own write brings along. */
export interface DirectOptions {
  /** The driver's own session, where the kind has sessions. */
  readonly via?: unknown;
  /** Instead of the manifest's default. */
  readonly timeoutMs?: number;
}

export interface WriteLane {
  /** Sends the plan's next steps and resolves with their answers, the first that is no success included. */
  apply(count: number): Promise<readonly Json[]>;
  /** Sends a write that the driver makes itself. */
  direct(step: Step, endpoint: Endpoint, more?: DirectOptions): Promise<Json>;
  settled(): Promise<void>;
  readonly stepsDone: number;
  readonly stepsLeft: number;
  readonly unknownStep: number | null;
  /** What ended the writes, when a step was answered and the answer is no success. */
  readonly failedStep: SwitchyardError | null;
}

const sameRequest = (one: unknown, other: unknown): boolean => canonicalJson(one) === canonicalJson(other);

const unknownOutcome = (index: number): SwitchyardError =>
  new SwitchyardError("outcome_unknown", {
    detail: `Step ${index} was sent by an earlier attempt and its answer is not known: read the device back before doing it again.`,
    details: { step: index },
  });

const deviation = (detail: string): SwitchyardError => new SwitchyardError("plan_deviation", { detail });

const notSent = (failure: unknown): StepAnswer => ({
  ok: false,
  status: null,
  answer: { sent: false, error: failure instanceof SwitchyardError ? failure.code : "internal" },
  ms: 0,
});

interface Due {
  readonly index: number;
  readonly step: Step;
  readonly endpoint: Endpoint;
  readonly more?: DirectOptions;
}

/** Lives as long as one driver call. */
class Lane implements WriteLane {
  stepsDone = 0;
  unknownStep: number | null = null;
  failedStep: SwitchyardError | null = null;
  private readonly answers: StepAnswer[] = [];
  private ended: SwitchyardError | null = null;
  private tail: Promise<unknown> = Promise.resolve();
  private readonly facts: LaneFacts;

  constructor(facts: LaneFacts) {
    this.facts = facts;
  }

  get stepsLeft(): number {
    const { mode, steps } = this.facts.grant;
    return mode === "apply" ? steps.length - this.stepsDone : 0;
  }

  apply(count: number): Promise<readonly Json[]> {
    return this.inTurn(async () => {
      if (this.ended !== null) throw this.ended;
      const sent: Json[] = [];
      while (sent.length < count && this.ended === null) {
        const due = this.next();
        if (due === undefined) break;
        sent.push((await this.take(due)).answer);
      }
      return sent;
    });
  }

  direct(step: Step, endpoint: Endpoint, more: DirectOptions = {}): Promise<Json> {
    return this.inTurn(async () => {
      const isPlanned = this.facts.grant.mode === "apply";
      const due = isPlanned ? this.expected(step, endpoint) : { index: this.answers.length, step, endpoint };
      return (await this.take({ ...due, more })).answer;
    });
  }

  async settled(): Promise<void> {
    await this.tail;
  }

  private inTurn<T>(write: () => Promise<T>): Promise<T> {
    const turn = this.tail.then(write);
    this.tail = turn.catch(() => undefined);
    return turn;
  }

  private next(): Due | undefined {
    const index = this.answers.length;
    const planned = this.facts.grant.steps[index];
    if (planned === undefined) return undefined;
    return {
      index,
      step: resolveReferences(planned, this.answers),
      endpoint: this.facts.endpointOf(planned.transport),
    };
  }

  /** The plan's next step, when the driver's own write equals it to the byte. */
  private expected(step: Step, endpoint: Endpoint): Due {
    const due = this.next();
    if (due === undefined) throw deviation("The driver made a write after the plan's last step: nothing was sent.");
    if (sameRequest(payloadOf(step), payloadOf(due.step))) return due;
    const { wire, binding } = this.facts;
    const shown = wire.secrets.redact(headlineOf(step, endpoint, binding)).slice(0, 200);
    throw deviation(`The write "${shown}" is not step ${due.index} of the plan: nothing was sent.`);
  }

  private async take(due: Due): Promise<StepAnswer> {
    if (this.ended !== null) throw this.ended;
    try {
      const answer = this.recorded(due) ?? (await this.send(due));
      this.answers[due.index] = answer;
      this.facts.onAnswer(due.step, answer);
      if (answer.ok) this.stepsDone += 1;
      else this.ended = this.failedStep = afterFailure(due.index, answer, this.facts.wire.secrets.redact);
      return answer;
    } catch (thrown) {
      this.ended ??= asSwitchyardError(thrown);
      throw thrown;
    }
  }

  /** What an earlier attempt knows about this write; throws when it must not be sent again. */
  private recorded({ index, step }: Due): StepAnswer | undefined {
    const { grant, wire } = this.facts;
    const entry = grant.journal.earlier.find((candidate) => candidate.index === index);
    if (entry === undefined) return undefined;
    const isSame = grant.mode === "apply" || sameRequest(entry.request, recordedRequest(step, wire.secrets.redact));
    // What an earlier attempt could not send, this one sends.
    if (isSame && entry.answer !== null) return wasSent(entry.answer) ? entry.answer : undefined;
    if (isSame && entry.idempotent) return undefined;
    if (entry.answer === null) this.unknownStep = index;
    throw unknownOutcome(index);
  }

  private async send(due: Due): Promise<StepAnswer> {
    const { step, endpoint, more = {} } = due;
    const { grant, binding, wire } = this.facts;
    const limits = { ...wire.limits, timeoutMs: more.timeoutMs ?? endpoint.timeoutMs ?? wire.limits.timeoutMs };
    checkWrite(step, endpoint, binding, grant);
    const ready = await kindFor(endpoint).prepare(step, endpoint, { ...wire, limits }, more.via);
    try {
      wire.signal.throwIfAborted();
      grant.fence();
      return await this.sendOnRecord(due, ready);
    } finally {
      ready.done();
    }
  }

  private async sendOnRecord(due: Due, ready: ReadyWrite): Promise<StepAnswer> {
    const { index, step } = due;
    const { grant, wire } = this.facts;
    const { redact } = wire.secrets;
    const idempotent = step.idempotent ?? grant.capability?.idempotent ?? false;
    this.tell(due);
    const request = recordedRequest(step, redact);
    await grant.journal.sent({ index, transport: step.transport, request, idempotent });
    const answer = await this.transmit(due, idempotent, ready);
    await grant.journal.answered(index, recordedAnswer(answer, redact));
    this.unknownStep = null;
    this.tell(due, answer);
    return answer;
  }

  /** From here on a byte may be on the wire; a failure that is known to come before it is journalled as such. */
  private async transmit(due: Due, idempotent: boolean, ready: ReadyWrite): Promise<StepAnswer> {
    const { grant, wire } = this.facts;
    try {
      if (wire.signal.aborted) throw unsent(asSwitchyardError(wire.signal.reason));
      if (!idempotent) this.unknownStep = due.index;
      return await ready.send();
    } catch (thrown) {
      if (isUnsent(thrown)) {
        const answer = notSent(thrown);
        await grant.journal.answered(due.index, answer);
        this.unknownStep = null;
        this.tell(due, answer);
      }
      throw thrown;
    }
  }

  private tell({ index, step, endpoint }: Due, answer?: StepAnswer): void {
    const { binding, wire } = this.facts;
    const { redact } = wire.secrets;
    const preview = redact(headlineOf(step, endpoint, binding));
    const request = recordedRequest(step, redact);
    const meta = { step: index, transport: step.transport, request };
    if (answer === undefined) {
      this.facts.grant.record({ level: "info", phase: "write", message: preview, meta: { ...meta, state: "sent" } });
      return;
    }
    const { ok, status, ms } = answer;
    const message = `${preview}: ${status ?? (ok ? "done" : "refused")}`;
    const outcome = { ...meta, state: "answered", status, ms };
    this.facts.grant.record({ level: ok ? "info" : "warn", phase: "write", message, meta: outcome });
  }
}

/** The writes of one driver call. */
export const createWriteLane = (facts: LaneFacts): WriteLane => new Lane(facts);

/** Where the answers of the transports hold words. */
interface Said {
  readonly body?: unknown;
  readonly error?: unknown;
  readonly question?: unknown;
  readonly lines?: readonly unknown[];
  readonly stderr?: unknown;
  readonly stdout?: unknown;
}

const isWords = (text: unknown): boolean => typeof text === "string" && text.trim() !== "";

/** What the device says about it, for a person: an error page is no sentence. */
const saidIn = (answer: Json, redact: Redactor): string => {
  const { results = [], ...whole } = (answer ?? {}) as Said & { results?: readonly Said[] };
  const last = results.at(-1);
  const said = [whole.body, whole.error, whole.question, whole.lines?.at(-1), last?.stderr, last?.stdout].find(isWords);
  if (typeof said !== "string" || said.trimStart().startsWith("<")) return "";
  return ` It says: ${redact(said.trim()).slice(0, 300)}`;
};

const afterFailure = (index: number, { status, answer }: StepAnswer, redact: Redactor): SwitchyardError =>
  new SwitchyardError("device_error", {
    detail: `Step ${index} was answered with ${status ?? "a failure"}: the plan ends there.${saidIn(answer, redact)}`,
    details: { step: index, status },
  });
