/** A driver as a handler sees it: the sandbox on one side, the transports on the other, one call's rules between. */
import { SwitchyardError } from "../errors.ts";
import type { CallOutcome, CallRights, DriverHandle } from "../jobs/context.ts";
import type { Metrics } from "../metrics.ts";
import type { Instance } from "../model/instance.ts";
import type { IntegrationType, SandboxLevel } from "../model/integration-type.ts";
import type { Json, JsonObject } from "../model/json.ts";
import { findCapability } from "../model/manifest.ts";
import { redactDocument } from "../model/redact.ts";
import type { PassWaypoint } from "../model/waypoint.ts";
import type { SandboxPool } from "../sandbox/pool.ts";
import type { Store } from "../store/store.ts";
import type { Span } from "../trace/trace.ts";
import type { Door, DoorEvent, Grant } from "../transports/contract.ts";
import { failureOf } from "../transports/failure-of.ts";
import type { Session } from "../transports/transports.ts";
import { askForArtifact } from "./artifacts.ts";
import type { Attempt } from "./attempt.ts";
import { driverEvents } from "./driver-events.ts";
import { storeJournal } from "./journal.ts";
import { traceWrite, watchAsk } from "./watched-ask.ts";

export interface DriverDeps {
  readonly pool: SandboxPool;
  readonly store: Store;
  readonly session: Session;
  readonly attempt: Attempt;
  readonly instance: Instance;
  readonly type: IntegrationType;
  readonly releaseDir: string;
  readonly sandboxLevel: SandboxLevel;
  readonly now: () => number;
  readonly metrics: Pick<Metrics, "callRefused" | "deviceAsked">;
  /** Throws when this worker may not write any more. */
  readonly fence: () => void;
  readonly graceMs: number;
  readonly pass?: PassWaypoint | undefined;
  /** Scheduled work leaves no warm process behind. */
  readonly keepWarm: boolean;
  /** Secret parameters of the action: name to handle. */
  readonly secretParams: Readonly<Record<string, string>>;
}

const recordOf = (deps: DriverDeps, span: Span | undefined) => (event: DoorEvent) => {
  const { emitter } = deps.attempt;
  traceWrite(span, event, deps.now());
  if (event.phase === "write") emitter.emitWrite(event);
  else if (event.phase === "output") emitter.emitDriver(event);
  else emitter.emit(event);
};

const grantOf = (deps: DriverDeps, rights: CallRights, span?: Span): Grant => {
  const { attempt, store, now } = deps;
  const capability =
    rights.capability === undefined ? undefined : findCapability(deps.type.manifest, rights.capability);
  return {
    mode: rights.mode,
    ...(capability === undefined ? {} : { capability }),
    ...(rights.verb === undefined ? {} : { verb: rights.verb }),
    ...(rights.target === undefined ? {} : { target: rights.target }),
    steps: rights.steps ?? [],
    journal: storeJournal({
      store,
      job: attempt.job,
      earlier: rights.journal ?? [],
      now,
      signal: attempt.signal,
      pass: deps.pass,
    }),
    fence: deps.fence,
    record: recordOf(deps, span),
    signal: attempt.signal,
    graceMs: deps.graceMs,
    debug: attempt.job.debug,
  };
};

/** Nothing new passes; a write that is in flight is waited for, since what it did must be known. */
const shut = async (door: Door): Promise<void> => {
  door.close();
  await door.settled();
};

/** `[secret:name]` in an action's parameters becomes the handle of the sealed value. */
const withSecretParams = (args: JsonObject, secretParams: Readonly<Record<string, string>>): JsonObject => {
  const params = args["params"];
  if (Object.keys(secretParams).length === 0 || typeof params !== "object" || params === null) return args;
  return { ...args, params: { ...(params as JsonObject), ...secretParams } };
};

const namesOf = ({ id, name }: Instance, type: IntegrationType) => ({ instance_id: id, type_id: type.id, name });

export const driverHandle = (deps: DriverDeps): DriverHandle => {
  const { pool, session, attempt, instance, type } = deps;
  const events = driverEvents(attempt, deps.now);
  const call = async (method: string, args: JsonObject, rights: CallRights): Promise<CallOutcome> => {
    const span = attempt.span?.child({ name: `driver ${method}`, attributes: { "switchyard.mode": rights.mode } });
    const door = session.door(grantOf(deps, rights, span));
    const watching = { metrics: deps.metrics, span, redact: session.redact };
    const request = {
      release: {
        ...{ digest: type.digest, dir: deps.releaseDir, language: type.language },
        entrypoint: type.manifest.driver.entrypoint,
      },
      instanceId: instance.id,
      ...(type.language === "python" ? { instance: namesOf(instance, type) } : {}),
      method,
      args: withSecretParams(args, deps.secretParams),
      config: instance.config,
      secrets: session.handles,
      facts: attempt.facts,
      ask: watchAsk(watching, (op, asked) =>
        op === "artifact.last" ? askForArtifact(deps.store, attempt.job, asked) : door.ask(op, asked),
      ),
      onEvent: events,
      timeoutMs: attempt.job.timeoutMs,
      signal: attempt.signal,
      graceMs: deps.graceMs,
      keepWarm: deps.keepWarm,
    };
    try {
      const value = await pool.call(request).finally(() => shut(door));
      if (!door.refusal) {
        const { stepsDone, stepsLeft, failedStep } = door;
        return { value, stepsDone, stepsLeft, failedStep };
      }
    } catch (thrown) {
      span?.fail((door.refusal ?? failureOf(door, thrown)).code);
      if (!door.refusal) throw failureOf(door, thrown);
    } finally {
      span?.end();
    }
    deps.metrics.callRefused(door.refusal.code);
    throw door.refusal;
  };
  return {
    call,
    async ask(op, args) {
      const door = session.door(grantOf(deps, { mode: "read" }));
      const watching = { metrics: deps.metrics, span: attempt.span, redact: session.redact };
      try {
        return (await watchAsk(watching, (asked, more) => door.ask(asked, more))(op, args)) as Json;
      } finally {
        door.close();
      }
    },
    normaliseSteps(raw, rights) {
      const { capability, verb, target } = grantOf(deps, rights);
      if (!capability || verb === undefined || !target) throw new SwitchyardError("internal");
      return session.normaliseSteps(raw, { capability, verb, target });
    },
    preview: (steps) => session.preview(steps),
    redact: (value) => redactDocument(session.redact, value),
    sandboxLevel: deps.sandboxLevel,
  };
};
