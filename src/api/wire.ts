/** Our nouns as the wire has them: snake_case, times as ISO 8601. The only place of that conversion. */
import { wireEvent } from "../live/wire.ts";
import type { JobEvent } from "../model/event.ts";
import type { HostKeyRecord, Instance } from "../model/instance.ts";
import type { IntegrationType, Release } from "../model/integration-type.ts";
import type { InventoryChange } from "../model/inventory.ts";
import { isSettled, type Job, type Subject } from "../model/job.ts";
import type { Json } from "../model/json.ts";
import type { JournalEntry, Plan } from "../model/plan.ts";
import type { Principal, Role } from "../model/principal.ts";
import type { Schedule } from "../model/schedule.ts";
import { nextRunAt } from "../queue/schedules.ts";
import { doneOf } from "../queue/tail.ts";

export const time = (ms: number): string => new Date(ms).toISOString();
export const timeOrNull = (ms: number | null): string | null => (ms === null ? null : time(ms));

type Wire = Record<string, unknown>;

/** Leaves out what is absent. */
const given = (members: Wire): Wire => {
  for (const name of Object.keys(members))
    if (members[name] === undefined || members[name] === null) delete members[name];
  return members;
};

const subjectToWire = ({ typeId, instanceId, target }: Subject): Wire =>
  given({ type_id: typeId, instance_id: instanceId, target });

/** What a job waits for, as the locks of this moment have it. */
export interface Waiting {
  readonly kind: string;
  readonly lock?: string | undefined;
  readonly heldBy?: string | null | undefined;
}

export const jobToWire = (job: Job, waiting?: Waiting): Wire => ({
  id: job.id,
  kind: job.kind,
  state: job.state,
  attempt: job.attempt,
  max_attempts: job.maxAttempts,
  created_at: time(job.createdAt),
  started_at: timeOrNull(job.startedAt),
  finished_at: timeOrNull(job.finishedAt),
  requested_by: given({
    token_id: job.requestedBy.tokenId,
    schedule_id: job.requestedBy.scheduleId,
    rule_id: job.requestedBy.ruleId,
    name: job.requestedBy.name,
  }),
  subject: subjectToWire(job.subject),
  input: job.input,
  progress: job.progress,
  ...(waiting && { waiting_for: given({ kind: waiting.kind, lock: waiting.lock, held_by: waiting.heldBy }) }),
  ...(job.cancelRequestedAt !== null && !isSettled(job.state) && { cancel_requested_at: time(job.cancelRequestedAt) }),
  result: job.result,
  error: job.error,
  sandbox_level: job.sandboxLevel,
  ...given({
    idempotency_key: job.idempotencyKey,
    plan_id: job.planId,
    retry_of: job.retryOf,
    undo_of: job.undoOf,
  }),
  links: { self: `/api/jobs/${job.id}`, events: `/api/jobs/${job.id}/events` },
});

/** The data of `job.done`: the same words from the store as from the stream. */
export const doneToWire = doneOf;

/** The data of `job.event`, in the same words as in the stream. */
export const eventToWire = (jobId: string, event: JobEvent): Wire => wireEvent(jobId, event);

export const journalToWire = (entry: JournalEntry): Wire => ({
  index: entry.index,
  attempt: entry.attempt,
  transport: entry.transport,
  request: entry.request,
  idempotent: entry.idempotent,
  sent_at: time(entry.sentAt),
  answered_at: timeOrNull(entry.answeredAt),
  answer: entry.answer,
});

/** References to secrets as everything else shows them. */
const shownSecrets = (value: Json): Json =>
  JSON.parse(JSON.stringify(value).replaceAll(/\{secret:([A-Za-z0-9_.-]+)\}/g, "[secret:$1]"));

export const planToWire = (plan: Plan): Wire => ({
  id: plan.id,
  plan_id: plan.id,
  plan_hash: plan.hash,
  instance_id: plan.instanceId,
  config_revision: plan.configRevision,
  release: { digest: plan.digest },
  capability: plan.capability,
  verb: plan.verb,
  target: plan.target,
  params: plan.params,
  pinned: plan.pinned,
  ...plan.result,
  plan: { ...plan.result.plan, steps: shownSecrets(plan.steps as unknown as Json) },
  created_at: time(plan.createdAt),
  expires_at: time(plan.expiresAt),
  made_by: plan.madeBy,
  used_by: plan.usedBy,
});

export const typeToWire = (type: IntegrationType): Wire => {
  const { manifest } = type;
  return {
    id: type.id,
    name: manifest.name,
    description: manifest.description ?? null,
    version: manifest.version,
    min_core_version: manifest.min_core_version,
    category: manifest.category,
    status: type.status,
    removed: type.isRemoved,
    errors: type.errors,
    capabilities: manifest.capabilities,
    schema_connection: manifest.schema.connection,
    defaults: manifest.defaults ?? {},
    test: manifest.test ?? null,
    requires: manifest.requires ?? {},
    driver_entrypoint: manifest.driver.entrypoint,
    language: type.language,
    transports: manifest.transports ?? null,
    permissions: type.permissions,
    quality: type.quality ?? { tier: null, missing: [] },
    signed_by: type.signedBy,
    last_validated_at: timeOrNull(type.lastValidatedAt),
    release: { digest: type.digest, installed_at: time(type.installedAt) },
    sandbox_level: type.sandboxLevel,
    created_at: time(type.createdAt),
    updated_at: time(type.updatedAt),
  };
};

export const releaseToWire = (release: Release, active: string | undefined): Wire => ({
  digest: release.digest,
  version: release.version,
  status: release.status,
  installed_at: time(release.installedAt),
  is_active: release.digest === active,
});

type TypeNames = { readonly name: string; readonly category: string } | undefined;

export const instanceToWire = (instance: Instance, type: TypeNames): Wire => ({
  instance_id: instance.id,
  type_id: instance.typeId,
  name: instance.name,
  config: instance.config,
  secrets: Object.fromEntries(
    Object.entries(instance.secrets).map(([name, { updatedAt }]) => [name, { set: true, updated_at: time(updatedAt) }]),
  ),
  state: instance.state,
  last_test: timeOrNull(instance.lastTest),
  latency_ms: instance.latencyMs,
  last_error: instance.lastError && { ...instance.lastError, at: time(instance.lastError.at) },
  flags: instance.flags,
  created_at: time(instance.createdAt),
  updated_at: time(instance.updatedAt),
  type_name: type?.name ?? instance.typeId,
  type_category: type?.category ?? null,
});

export const hostKeyToWire = ({ place, trusted, seen }: HostKeyRecord): Wire => ({
  place,
  trusted: trusted && { ...trusted, at: time(trusted.at) },
  seen: { ...seen, at: time(seen.at) },
});

export const changeToWire = (change: InventoryChange): Wire => ({
  at: time(change.at),
  job_id: change.jobId,
  type: change.type,
  added: change.added,
  removed: change.removed,
  changed: change.changed,
});

export const scheduleToWire = (schedule: Schedule, lastState: string | null, now: number): Wire => ({
  id: schedule.id,
  instance_id: schedule.instanceId,
  kind: schedule.kind,
  every_s: schedule.everySeconds,
  paused: schedule.paused,
  next_run_at: timeOrNull(nextRunAt(schedule, now)),
  last_job_id: schedule.lastJobId,
  last_state: lastState,
});

interface TokenFacts {
  readonly id: string;
  readonly name: string;
  readonly role: Role;
  readonly instances: readonly string[] | null;
  readonly expiresAt: number | null;
  readonly createdAt: number;
  readonly revokedAt: number | null;
}

export const tokenToWire = (token: TokenFacts): Wire => ({
  id: token.id,
  name: token.name,
  role: token.role,
  instances: token.instances,
  expires_at: timeOrNull(token.expiresAt),
  created_at: time(token.createdAt),
  revoked_at: timeOrNull(token.revokedAt),
});

export const principalToWire = ({ id, name, role, instances }: Principal): Wire => ({ id, name, role, instances });

interface AuditFacts {
  readonly id: string;
  readonly at: number;
  readonly principalId: string;
  readonly principalName: string;
  readonly action: string;
  readonly objectType: string;
  readonly objectId: string | null;
  readonly address: string | null;
  readonly outcome: string;
}

export const auditToWire = (entry: AuditFacts): Wire => ({
  id: entry.id,
  at: time(entry.at),
  principal: { id: entry.principalId, name: entry.principalName },
  action: entry.action,
  object: { type: entry.objectType, id: entry.objectId },
  address: entry.address,
  outcome: entry.outcome,
});
