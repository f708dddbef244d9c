/** The door: every request of a driver call passes here, or does not. */
import { type ErrorCode, SwitchyardError } from "../errors.ts";
import type { Binding } from "../model/binding.ts";
import type { Endpoint, HttpEndpoint } from "../model/endpoint.ts";
import { normaliseHttp, requestKeys } from "../model/http-step.ts";
import type { Json, JsonObject } from "../model/json.ts";
import type { HttpStep, Step, StepAnswer } from "../model/plan.ts";
import { misshapen, objectOf, refuseUnknown } from "../model/step.ts";
import { statusFailure } from "./causes.ts";
import type { Door, Grant } from "./contract.ts";
import { type DeskFacts, msOf } from "./desk.ts";
import { isHttpAnswer, isHttpRead, isOk } from "./http.ts";
import { sendRead } from "./http-send.ts";
import { headlineOf } from "./kinds.ts";
import { ownSocketRefusal } from "./own-socket.ts";
import { readOnlyViolation } from "./read-only.ts";
import { recordedRequest } from "./record.ts";
import { createSnmpDesk } from "./snmp/desk.ts";
import { createSshDesk } from "./ssh/desk.ts";
import { createTcpDesk } from "./tcp-desk.ts";
import type { Wire } from "./wire.ts";
import { createWriteLane, type DirectOptions, type WriteLane } from "./write-lane.ts";

export interface DoorFacts {
  readonly grant: Grant;
  readonly binding: Binding;
  readonly wire: Omit<Wire, "signal">;
  /** Aborts when the worker's lease is lost: everything is cut. */
  readonly life: AbortSignal;
}

/** Attempts to do what is not allowed: the job fails with the first of them, whatever the driver makes of it. */
const refusals: ReadonlySet<ErrorCode> = new Set([
  "endpoint_not_allowed",
  "read_only_violation",
  "plan_deviation",
  "handle_misplaced",
] satisfies ErrorCode[]);

const reasonOf = (signal: AbortSignal): SwitchyardError =>
  signal.reason instanceof SwitchyardError ? signal.reason : new SwitchyardError("job_cancelled");

/** One for all: each call ends with it, and hardly anybody looks at it. */
const callIsOver = new SwitchyardError("driver_failed", { detail: "The call is over: nothing more can be sent." });

interface Cuts {
  readonly reads: AbortSignal;
  readonly writes: AbortSignal;
  end(error: SwitchyardError): void;
  /** Lets go of timers and listeners, once nothing is in flight. */
  forget(): void;
}

/** The two signals of a call: reads end with the call, writes after a grace, both at once when the lease is lost. */
const createCuts = ({ grant, life }: Pick<DoorFacts, "grant" | "life">): Cuts => {
  const reads = new AbortController();
  const writes = new AbortController();
  let grace: NodeJS.Timeout | undefined;
  const onLife = (): void => {
    reads.abort(reasonOf(life));
    writes.abort(reasonOf(life));
  };
  const end = (error: SwitchyardError): void => {
    if (reads.signal.aborted) return;
    reads.abort(error);
    grace = setTimeout(() => writes.abort(error), grant.graceMs).unref();
  };
  const onCancel = (): void => end(reasonOf(grant.signal));
  life.addEventListener("abort", onLife, { once: true });
  grant.signal.addEventListener("abort", onCancel, { once: true });
  if (life.aborted) onLife();
  else if (grant.signal.aborted) onCancel();
  const forget = (): void => {
    clearTimeout(grace);
    life.removeEventListener("abort", onLife);
    grant.signal.removeEventListener("abort", onCancel);
  };
  return { reads: reads.signal, writes: writes.signal, end, forget };
};

/** Lives as long as one driver call. */
class OpenDoor implements Door {
  refusal: SwitchyardError | null = null;
  lastFailure: SwitchyardError | null = null;
  private readonly facts: DoorFacts;
  private readonly cuts: Cuts;
  private readonly readWire: Wire;
  private readonly lane: WriteLane;
  private readonly ops: Readonly<Record<string, (args: JsonObject) => Promise<Json>>>;

  constructor(facts: DoorFacts) {
    this.facts = facts;
    this.cuts = createCuts(facts);
    this.readWire = { ...facts.wire, signal: this.cuts.reads };
    this.lane = createWriteLane({
      grant: facts.grant,
      binding: facts.binding,
      wire: { ...facts.wire, signal: this.cuts.writes },
      endpointOf: (name) => this.endpointOf(name),
      onAnswer: (step, answer) => this.onAnswer(step, answer),
    });
    this.ops = {
      "http.request": (args) => this.request(args),
      apply: (args) => this.apply(args),
      "socket.connect": (args) => Promise.reject(ownSocketRefusal(args)),
      ...createTcpDesk(this.desk()),
      ...createSshDesk(this.desk()),
      ...createSnmpDesk(this.desk()),
    };
  }

  private desk(): DeskFacts {
    const { wire, binding, grant } = this.facts;
    return {
      wire: { ...wire, signal: this.cuts.writes },
      reads: this.cuts.reads,
      binding,
      endpointOf: (name) => this.endpointOf(name),
      write: (step, endpoint, more) => this.write(step, endpoint, more),
      record: (step, facts) => this.recordRead(step, facts),
      tell: (event) => (event.level !== "debug" || grant.debug ? grant.record(event) : undefined),
      settled: () => this.lane.settled(),
    };
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
    if (this.cuts.reads.aborted) throw this.refusal ?? reasonOf(this.cuts.reads);
    const operation = Object.hasOwn(this.ops, op) ? this.ops[op] : undefined;
    if (operation === undefined) throw misshapen(`There is no operation "${op}" in this runner.`);
    try {
      return await operation(objectOf(args ?? {}, "the arguments"));
    } catch (thrown) {
      this.note(thrown);
      throw thrown;
    }
  }

  close(error = callIsOver): void {
    this.cuts.end(error);
    this.lane.settled().then(this.cuts.forget, () => undefined);
  }

  settled(): Promise<void> {
    return this.lane.settled();
  }

  private endpointOf(name: string): Endpoint {
    const { endpoints } = this.facts.binding;
    const endpoint = Object.hasOwn(endpoints, name) ? endpoints[name] : undefined;
    if (endpoint !== undefined) return endpoint;
    throw new SwitchyardError("endpoint_not_allowed", {
      detail: `The instance has no endpoint "${name}": the manifest does not declare it, or config fields that it needs are not set.`,
    });
  }

  /** Keeps what an answer hints at, in case the driver throws something that says nothing. */
  private onAnswer(step: Step, { ok, answer }: StepAnswer): void {
    const what = "method" in step ? `${step.method} ${step.path}` : step.transport;
    const hint = isHttpAnswer(answer) ? statusFailure(answer.status, what) : undefined;
    const failed = (): SwitchyardError =>
      new SwitchyardError("device_error", { detail: `${what} was answered with a failure.` });
    this.lastFailure = hint ?? (ok ? null : failed());
  }

  private async write(step: Step, endpoint: Endpoint, more: DirectOptions): Promise<Json> {
    const { grant, wire, binding } = this.facts;
    if (grant.mode !== "read") return this.lane.direct(step, endpoint, more);
    const shown = wire.secrets.redact(headlineOf(step, endpoint, binding)).slice(0, 200);
    throw readOnlyViolation(endpoint, shown);
  }

  private recordRead(step: Step, { status, ms }: { readonly status: number | null; readonly ms: number }): void {
    const { grant, wire, binding } = this.facts;
    if (!grant.debug) return;
    const { redact } = wire.secrets;
    const preview = redact(headlineOf(step, this.endpointOf(step.transport), binding));
    const meta = { transport: step.transport, request: recordedRequest(step, redact), status, ms };
    grant.record({ level: "debug", phase: "read", message: `${preview}: ${status ?? "sent"} in ${ms} ms`, meta });
  }

  private async read(step: HttpStep, endpoint: HttpEndpoint, timeoutMs: number): Promise<Json> {
    const wire = { ...this.readWire, limits: { ...this.readWire.limits, timeoutMs } };
    const answer = await sendRead(step, endpoint, wire, (followed) => isHttpRead(followed, endpoint));
    const ok = answer.status >= 400 || isOk(endpoint, answer.body);
    this.onAnswer(step, { ok, status: answer.status, answer, ms: answer.latency_ms });
    this.recordRead(step, { status: answer.status, ms: answer.latency_ms });
    return answer;
  }

  private async request(args: JsonObject): Promise<Json> {
    const { timeout_ms: timeout, ...raw } = args;
    refuseUnknown(raw, requestKeys, "a request");
    const endpoint = this.endpointOf(raw["transport"] === undefined ? "http" : String(raw["transport"]));
    if (endpoint.kind !== "http") throw misshapen(`Expected an http transport, got "${endpoint.name}".`);
    const timeoutMs = msOf(timeout, this.readWire.limits.timeoutMs);
    const step = normaliseHttp(raw, endpoint, this.facts.wire.secrets);
    return isHttpRead(step, endpoint)
      ? this.read(step, endpoint, timeoutMs)
      : this.write(step, endpoint, { timeoutMs });
  }

  private async apply({ count }: JsonObject): Promise<Json> {
    if (this.facts.grant.mode !== "apply") {
      throw new SwitchyardError("read_only_violation", { detail: "There is no plan to apply in this call." });
    }
    if (count === undefined) return this.lane.apply(Number.POSITIVE_INFINITY);
    if (typeof count === "number" && Number.isInteger(count) && count >= 0) return this.lane.apply(count);
    throw misshapen("Expected `count` of apply as a whole number.");
  }

  private note(thrown: unknown): void {
    if (!(thrown instanceof SwitchyardError)) return;
    if (refusals.has(thrown.code)) {
      this.refusal ??= thrown;
      this.cuts.end(thrown);
    } else if (thrown.code !== "driver_failed") this.lastFailure = thrown;
  }
}

/** Opens the door for one driver call. */
export const createDoor = (facts: DoorFacts): Door => new OpenDoor(facts);
