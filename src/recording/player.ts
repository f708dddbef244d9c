/** Answers a driver from a recording, under the same rules as the real door and without any network. */
import { type ErrorCode, SwitchyardError } from "../errors.ts";
import { canonicalJson } from "../model/canonical.ts";
import { maskOf } from "../model/handle.ts";
import type { Json, JsonObject } from "../model/json.ts";
import type { JournalEntry, Step, StepAnswer } from "../model/plan.ts";
import { redactJson } from "../model/redact.ts";
import { objectOf } from "../model/step.ts";
import { statusFailure } from "../transports/causes.ts";
import type { Door } from "../transports/contract.ts";
import { isHttpAnswer } from "../transports/http.ts";
import { headlineOf } from "../transports/kinds.ts";
import { ownSocketRefusal } from "../transports/own-socket.ts";
import { readOnlyViolation } from "../transports/read-only.ts";
import { recordedRequest } from "../transports/record.ts";
import { resolveReferences } from "../transports/references.ts";
import type { Wire } from "../transports/wire.ts";
import { createWriteLane, type WriteLane } from "../transports/write-lane.ts";
import { nearestOf } from "./difference.ts";
import type { Exchange, RecordedCall, RecordedError } from "./format.ts";
import { grantOf } from "./grant.ts";
import type { CallRights } from "./perform.ts";
import type { OpenSession } from "./session.ts";
import { type Wanted, wantedOf } from "./wanted.ts";

/** The reads of one recorded call: each is answered once in its order, and the last of equal ones again and again. */
export interface Tape {
  /** @throws SwitchyardError `recording_mismatch` with the nearest recorded request. */
  read(request: Json): Exchange;
  readonly writes: readonly Exchange[];
}

const unexpected = (request: Json, recorded: readonly Json[], what: string): SwitchyardError => {
  const found = nearestOf(request, recorded);
  const shown = JSON.stringify(request).slice(0, 500);
  const told =
    found === null
      ? "Nothing of the kind was recorded in this call."
      : `The nearest recorded one differs at ${found.differences.join("; ")}.`;
  return new SwitchyardError("recording_mismatch", {
    detail: `The driver's ${what} ${shown} is not in the recording. ${told} Record it again if the driver is right.`,
    details: { request, ...(found === null ? {} : found) },
  });
};

export const createTape = ({ exchanges }: RecordedCall): Tape => {
  const reads = exchanges.filter(({ step }) => step === undefined);
  const lines = Map.groupBy(reads, ({ request }) => canonicalJson(request));
  const places = new Map<string, number>();
  return {
    read: (request) => {
      const key = canonicalJson(request);
      const line = lines.get(key);
      const place = places.get(key) ?? 0;
      places.set(key, place + 1);
      const exchange = line?.[Math.min(place, line.length - 1)];
      if (exchange !== undefined) return exchange;
      throw unexpected(
        request,
        reads.map((read) => read.request),
        "read",
      );
    },
    writes: exchanges.filter(({ step }) => step !== undefined),
  };
};

const errorOf = ({ code, message, details = {} }: RecordedError): SwitchyardError =>
  new SwitchyardError(code as ErrorCode, { detail: message, details });

const entryOf = (
  { transport, request, answer, ok = true, status = null, ms }: Exchange,
  index: number,
): JournalEntry => ({
  ...{ jobId: "replay", index, attempt: 1, transport, request, idempotent: false, sentAt: 0, answeredAt: 0 },
  answer: { ok, status, answer: answer ?? null, ms },
});

export interface PlayerFacts {
  readonly open: OpenSession;
  readonly tape: Tape;
  readonly signal: AbortSignal;
}

const over = new SwitchyardError("driver_failed", { detail: "The call is over: nothing more can be sent." });

/** Lives as long as one driver call. */
class ReplayDoor implements Door {
  refusal: SwitchyardError | null = null;
  lastFailure: SwitchyardError | null = null;
  private isClosed = false;
  private taken = 0;
  private readonly facts: PlayerFacts;
  private readonly rights: CallRights;
  private readonly lane: WriteLane;

  constructor(facts: PlayerFacts, rights: CallRights) {
    this.facts = facts;
    this.rights = rights;
    const { warm, around, book, binding } = facts.open;
    const limits = { timeoutMs: 1_000, retries: 0, backoffMs: 0 };
    const wire: Wire = { around, warm, secrets: book, mode: rights.mode, limits, signal: facts.signal };
    const earlier = facts.tape.writes.filter(({ error }) => error === undefined).map(entryOf);
    this.lane = createWriteLane({
      grant: grantOf(rights, { signal: facts.signal, earlier }),
      binding,
      wire,
      endpointOf: (name) => {
        const endpoint = binding.endpoints[name];
        if (endpoint !== undefined) return endpoint;
        throw new SwitchyardError("endpoint_not_allowed", { detail: `The instance has no endpoint "${name}".` });
      },
      onAnswer: (step, answer) => this.hint(step, answer.answer, answer.ok),
    });
  }

  get stepsDone(): number {
    return this.lane.stepsDone;
  }
  get stepsLeft(): number {
    return this.lane.stepsLeft;
  }
  get unknownStep(): number | null {
    return this.lane.unknownStep;
  }
  get failedStep(): SwitchyardError | null {
    return this.lane.failedStep;
  }

  async ask(op: string, args: unknown): Promise<unknown> {
    if (this.refusal !== null) throw this.refusal;
    this.facts.signal.throwIfAborted();
    if (this.isClosed) throw over;
    const { binding, book } = this.facts.open;
    try {
      if (op === "socket.connect") throw ownSocketRefusal(objectOf(args, "the arguments"));
      return this.withHandles(await this.answer(wantedOf(op, args, { binding, book })));
    } catch (thrown) {
      if (thrown instanceof SwitchyardError) this.note(thrown);
      throw thrown;
    }
  }

  close(): void {
    this.isClosed = true;
  }

  settled(): Promise<void> {
    return this.lane.settled();
  }

  private async answer(wanted: Wanted): Promise<Json> {
    if (wanted.kind === "read") return this.read(wanted.request);
    if (wanted.kind === "apply") return this.apply(wanted.count);
    return this.write(wanted);
  }

  private read(request: JsonObject): Json {
    const { error, answer = null } = this.facts.tape.read(this.masked(request as unknown as Step));
    if (error !== undefined) throw errorOf(error);
    this.hint(request as unknown as Step, answer, true);
    return answer;
  }

  private async write({ step, endpoint, shown }: Extract<Wanted, { kind: "write" }>): Promise<Json> {
    if (this.rights.mode === "read") {
      const { binding, book } = this.facts.open;
      const preview = book.redact(headlineOf(step, endpoint, binding)).slice(0, 200);
      throw readOnlyViolation(endpoint, preview);
    }
    this.expect(step, this.taken);
    this.taken += 1;
    return shown(await this.lane.direct(step, endpoint));
  }

  /** Every step must be in the recording as it is: then the lane finds its answer, and nothing is sent. */
  private async apply(count: number): Promise<Json> {
    if (this.rights.mode !== "apply") {
      throw new SwitchyardError("read_only_violation", { detail: "There is no plan to apply in this call." });
    }
    const { steps = [] } = this.rights;
    const { writes } = this.facts.tape;
    const answers = writes.map((exchange, index) => entryOf(exchange, index).answer as StepAnswer);
    const due = steps.slice(this.taken, this.taken + Math.min(count, steps.length));
    const sent: Json[] = [];
    for (const step of due) {
      this.expect(resolveReferences(step, answers), this.taken);
      this.taken += 1;
      sent.push(...(await this.lane.apply(1)));
      if (answers[this.taken - 1]?.ok === false) break;
    }
    return sent;
  }

  private expect(step: Step, index: number): void {
    const request = this.masked(step);
    const { writes } = this.facts.tape;
    const recorded = writes[index];
    if (recorded === undefined || canonicalJson(recorded.request) !== canonicalJson(request)) {
      throw unexpected(request, recorded === undefined ? [] : [recorded.request], `write ${index}`);
    }
    if (recorded.error !== undefined) throw errorOf(recorded.error);
  }

  private masked(step: Step): Json {
    return recordedRequest(step, this.facts.open.book.redact);
  }

  /** What was recorded as `[secret:name]` reaches the driver as the handle that it knows. */
  private withHandles(answer: Json): Json {
    const { handles } = this.facts.open.session;
    const names = Object.entries(handles);
    return redactJson(
      (text) => names.reduce((put, [name, handle]) => put.replaceAll(maskOf(name), handle), text),
      answer,
    );
  }

  private hint(step: Step, answer: Json, isOk: boolean): void {
    const what = "method" in step ? `${step.method} ${step.path}` : step.transport;
    const failed = new SwitchyardError("device_error", { detail: `${what} was answered with a failure.` });
    const found = isHttpAnswer(answer) ? statusFailure(answer.status, what) : undefined;
    this.lastFailure = found ?? (isOk ? null : failed);
  }

  private note(thrown: SwitchyardError): void {
    const isRefusal = [
      "recording_mismatch",
      "read_only_violation",
      "plan_deviation",
      "endpoint_not_allowed",
      "handle_misplaced",
    ];
    if (isRefusal.includes(thrown.code)) this.refusal ??= thrown;
    else if (thrown.code !== "driver_failed") this.lastFailure = thrown;
  }
}

/** A door of one call, with the recording behind it. */
export const openReplayDoor = (facts: PlayerFacts, rights: CallRights): Door => new ReplayDoor(facts, rights);
