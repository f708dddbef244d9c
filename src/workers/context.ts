/** Builds what a handler is handed. */

import { SwitchyardError } from "../errors.ts";
import type { DriverHandle, JobContext, RunnerUpkeep } from "../jobs/context.ts";
import { dropInventory, inventoryEra, putInventory } from "../live/cache.ts";
import { appendSystem } from "../live/events.ts";
import type { Log } from "../log.ts";
import type { Metrics } from "../metrics.ts";
import type { Instance } from "../model/instance.ts";
import type { IntegrationType, SandboxLevel } from "../model/integration-type.ts";
import { systemPrincipal } from "../model/principal.ts";
import type { PassWaypoint } from "../model/waypoint.ts";
import type { SignaturePolicy } from "../packs/signature.ts";
import type { Admission } from "../queue/admit.ts";
import type { Redis } from "../redis.ts";
import type { SandboxPool } from "../sandbox/pool.ts";
import type { Store } from "../store/store.ts";
import type { Tracer } from "../trace/trace.ts";
import type { Transports } from "../transports/transports.ts";
import type { Vault } from "../vault/vault.ts";
import type { Attempt } from "./attempt.ts";
import { driverHandle } from "./driver.ts";
import { progressOf } from "./progress.ts";
import { openSession, sameParams, secretParamsOf } from "./session.ts";
import type { Shelf } from "./shelf.ts";

export interface ContextDeps {
  readonly store: Store;
  readonly redis: Redis;
  readonly vault: Vault;
  readonly pool: SandboxPool;
  readonly transports: Transports;
  readonly shelf: Shelf;
  readonly admission: Admission;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly tracer?: Tracer | undefined;
  readonly now: () => number;
  readonly coreVersion: string;
  readonly packsDir: string;
  readonly minSandbox: SandboxLevel;
  readonly signatures: SignaturePolicy;
  readonly sandboxLevel: SandboxLevel;
  readonly graceMs: number;
  /** Whether this worker's lease is held, right now. */
  readonly isLeaseHeld: () => boolean;
  readonly reschedule: (instanceId: string) => Promise<void>;
  /** Absent where a worker has no settings of its own, as in a test. */
  readonly upkeep?: RunnerUpkeep | undefined;
  readonly pass?: PassWaypoint | undefined;
}

const openDriver = async (
  deps: ContextDeps,
  attempt: Attempt,
  instance: Instance,
  type: IntegrationType,
): Promise<DriverHandle> => {
  if (deps.minSandbox === "full" && deps.sandboxLevel !== "full" && !type.isShipped) {
    throw new SwitchyardError("sandbox_level_too_low", {
      detail: "This worker's sandbox is degraded, and the settings ask for full: install bubblewrap on the worker.",
    });
  }
  const session = await openSession(deps, attempt.job, { instance, type });
  attempt.emitter.useRedactor(session.redact);
  attempt.sandboxLevel = deps.sandboxLevel;
  return driverHandle({
    pool: deps.pool,
    store: deps.store,
    session,
    attempt,
    instance,
    type,
    releaseDir: await deps.shelf.dirOf(type.digest),
    sandboxLevel: deps.sandboxLevel,
    now: deps.now,
    metrics: deps.metrics,
    fence: () => {
      if (deps.isLeaseHeld() && attempt.stopReason !== "lost") return;
      throw new SwitchyardError("internal", { detail: "This worker lost its lease: nothing is sent any more." });
    },
    graceMs: deps.graceMs,
    pass: deps.pass,
    keepWarm: attempt.job.queue === "interactive",
    secretParams: secretParamsOf(session),
  });
};

const notHere = async (): Promise<never> => {
  throw new SwitchyardError("internal", { detail: "This worker knows nothing of the runner's keys and store." });
};
const noUpkeep: RunnerUpkeep = { rotateKey: notHere, backUp: notHere, bundle: notHere };

export const createContext = (deps: ContextDeps, attempt: Attempt): JobContext => {
  const { job, emitter } = attempt;
  return {
    job,
    claimed: attempt.claimed,
    store: deps.store,
    get log() {
      return deps.log.child({ ...attempt.facts, kind: job.kind, attempt: job.attempt });
    },
    signal: attempt.signal,
    now: deps.now,
    coreVersion: deps.coreVersion,
    packsDir: deps.packsDir,
    minSandbox: deps.minSandbox,
    signatures: deps.signatures,
    sandboxLevel: deps.sandboxLevel,
    shelf: deps.shelf,
    upkeep: deps.upkeep ?? noUpkeep,
    emit: (phase, level, message, meta) => emitter.emit({ phase, level, message, ...(meta ? { meta } : {}) }),
    progress: (phase, message, percent) =>
      progressOf(attempt, { phase, message, ...(percent === undefined ? {} : { percent }) }, "runner"),
    driver: (instance, type) => openDriver(deps, attempt, instance, type),
    hasSecretParamsOf: (other) => sameParams(deps.vault, job, other),
    async enqueue(kind, input, reason) {
      const principal = systemPrincipal(reason);
      const idempotencyKey = `${job.id}:${kind}:${JSON.stringify(input)}`;
      const request = { kind, input, principal, idempotencyKey, action: kind, trace: attempt.span?.context };
      const { job: admitted } = await deps.admission.admit(request);
      return admitted;
    },
    onSettle: (unit) => void attempt.settleUnits.push(unit),
    afterSettle: (action) => void attempt.afterSettle.push(action),
    beforeDone: (action) => void attempt.beforeDone.push(action),
    announce: (event) => appendSystem(deps.redis, event).then(() => undefined),
    inventoryEra: (instanceId) => inventoryEra(deps.redis, instanceId),
    cacheInventory: (payload, era) => putInventory(deps.redis, payload, era),
    outdateInventory: (instanceId) => dropInventory(deps.redis, instanceId),
    reschedule: deps.reschedule,
    pass: (waypoint) => deps.pass?.(waypoint, job.id),
    markRoutine() {
      attempt.isRoutine = job.requestedBy.scheduleId !== undefined;
    },
  };
};
