/** Builds what a handler is handed. The only place where secrets are opened, late and for one instance. */
import { SwitchyardError } from "../errors.ts";
import type { DriverHandle, JobContext } from "../jobs/context.ts";
import { putInventory } from "../live/cache.ts";
import { appendSystem } from "../live/events.ts";
import type { Log } from "../log.ts";
import type { Metrics } from "../metrics.ts";
import { bind } from "../model/binding.ts";
import type { Instance } from "../model/instance.ts";
import type { IntegrationType, SandboxLevel } from "../model/integration-type.ts";
import type { Job } from "../model/job.ts";
import { systemPrincipal } from "../model/principal.ts";
import type { PassWaypoint } from "../model/waypoint.ts";
import type { Admission } from "../queue/admit.ts";
import { sealedParamsOf } from "../queue/secret-params.ts";
import type { Redis } from "../redis.ts";
import type { SandboxPool } from "../sandbox/pool.ts";
import { sealedSecrets } from "../store/instances.ts";
import type { Store } from "../store/store.ts";
import type { Session, Transports } from "../transports/transports.ts";
import type { Vault } from "../vault/vault.ts";
import type { Attempt } from "./attempt.ts";
import { driverHandle } from "./driver.ts";
import { progressOf } from "./progress.ts";
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
  readonly now: () => number;
  readonly coreVersion: string;
  readonly packsDir: string;
  readonly minSandbox: SandboxLevel;
  readonly sandboxLevel: SandboxLevel;
  readonly graceMs: number;
  /** Whether this worker's lease is held, right now. */
  readonly isLeaseHeld: () => boolean;
  readonly reschedule: (instanceId: string) => Promise<void>;
  readonly pass?: PassWaypoint | undefined;
}

interface OpenSecret {
  readonly name: string;
  readonly value: string;
  readonly version: number;
}

const paramPrefix = "params.";

/** A new secret never goes to the endpoint of the config before: both change together, and the job read one of them earlier. */
const requireSameSecrets = (
  { name, secrets }: Instance,
  sealed: readonly { readonly name: string; readonly version: number }[],
): void => {
  const isSame = sealed.length === Object.keys(secrets).length;
  if (isSame && sealed.every((secret) => secrets[secret.name]?.version === secret.version)) return;
  throw new SwitchyardError("needs_review", {
    detail: `The instance ${name} was changed in the moment the job began: test it, then ask again.`,
  });
};

const openParams = (vault: Vault, job: Pick<Job, "id" | "sealedInput">): OpenSecret[] =>
  sealedParamsOf(job).map(({ name, sealed, scope }) => ({
    name: `${paramPrefix}${name}`,
    version: 1,
    value: vault.open(sealed, { scope, field: name, version: 1 }),
  }));

/** Two jobs show the same stand-ins for different secrets: only the values themselves tell. */
const sameParams = (vault: Vault, one: Pick<Job, "id" | "sealedInput">, other: typeof one): boolean => {
  const [left, right] = [openParams(vault, one), openParams(vault, other)];
  return (
    left.length === right.length &&
    left.every(({ name, value }) => right.some((p) => p.name === name && p.value === value))
  );
};

const openSecrets = async (
  { store, vault }: ContextDeps,
  attempt: Attempt,
  instance: Instance,
): Promise<OpenSecret[]> => {
  const sealed = await store.read(() => sealedSecrets(instance.id));
  requireSameSecrets(instance, sealed);
  const own = sealed.map(({ name, version, sealed: value }) => ({
    name,
    version,
    value: vault.open(value, { scope: instance.id, field: name, version }),
  }));
  return [...own, ...openParams(vault, attempt.job)];
};

/** Connections stay warm for one instance, revision and set of secrets; an action's own secrets make it the job's alone. */
const sessionKey = (attempt: Attempt, instance: Instance, digest: string, secrets: readonly OpenSecret[]): string => {
  const versions = secrets.map(({ name, version }) => `${name}.${version}`).sort();
  const own = secrets.some(({ name }) => name.startsWith(paramPrefix)) ? attempt.job.id : "";
  return [instance.id, instance.configRevision, digest, own, ...versions].join("|");
};

const secretParamsOf = (session: Session): Record<string, string> =>
  Object.fromEntries(
    Object.entries(session.handles)
      .filter(([name]) => name.startsWith(paramPrefix))
      .map(([name, handle]) => [name.slice(paramPrefix.length), handle]),
  );

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
  const secrets = await openSecrets(deps, attempt, instance);
  // Only what is set chooses an alternative: an optional secret that is absent must not.
  const names = secrets.map(({ name }) => name);
  const session = deps.transports.open({
    instanceId: instance.id,
    key: sessionKey(attempt, instance, type.digest, secrets),
    binding: bind({ manifest: type.manifest, config: instance.config, secretNames: names }),
    secrets,
    defaults: type.manifest.defaults ?? {},
    rawSecrets: type.manifest.requires?.permissions?.includes("secrets:raw") ?? false,
  });
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

export const createContext = (deps: ContextDeps, attempt: Attempt): JobContext => {
  const { job, emitter } = attempt;
  return {
    job,
    store: deps.store,
    log: deps.log.child({ job_id: job.id, kind: job.kind, attempt: job.attempt }),
    signal: attempt.signal,
    now: deps.now,
    coreVersion: deps.coreVersion,
    packsDir: deps.packsDir,
    minSandbox: deps.minSandbox,
    sandboxLevel: deps.sandboxLevel,
    shelf: deps.shelf,
    emit: (phase, level, message, meta) => emitter.emit({ phase, level, message, ...(meta ? { meta } : {}) }),
    progress: (phase, message, percent) =>
      progressOf(attempt, { phase, message, ...(percent === undefined ? {} : { percent }) }, "runner"),
    driver: (instance, type) => openDriver(deps, attempt, instance, type),
    hasSecretParamsOf: (other) => sameParams(deps.vault, job, other),
    async enqueue(kind, input, reason) {
      const principal = systemPrincipal(reason);
      const idempotencyKey = `${job.id}:${kind}:${JSON.stringify(input)}`;
      const { job: admitted } = await deps.admission.admit({ kind, input, principal, idempotencyKey, action: kind });
      return admitted;
    },
    onSettle: (unit) => void attempt.settleUnits.push(unit),
    afterSettle: (action) => void attempt.afterSettle.push(action),
    announce: (event) => appendSystem(deps.redis, event).then(() => undefined),
    cacheInventory: (payload) => putInventory(deps.redis, payload, payload.ttlSeconds).then(() => undefined),
    reschedule: deps.reschedule,
    pass: (waypoint) => deps.pass?.(waypoint, job.id),
    markRoutine() {
      attempt.isRoutine = job.requestedBy.scheduleId !== undefined;
    },
  };
};
