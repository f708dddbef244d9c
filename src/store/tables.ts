/** The tables as SQL has them. Times are milliseconds since 1970, documents JSON text, booleans 0 or 1. */
import type { Generated } from "kysely";
import type { InstanceState } from "../model/instance.ts";
import type { TypeStatus } from "../model/integration-type.ts";
import type { JobState, QueueName } from "../model/job.ts";
import type { Role } from "../model/principal.ts";
import type { ScheduleKind } from "../model/schedule.ts";

type Flag = number;
type JsonText = string;

export interface JobColumns {
  id: string;
  kind: string;
  state: JobState;
  attempt: number;
  max_attempts: number;
  tries_used: number;
  lost_workers: number;
  created_at: number;
  started_at: number | null;
  finished_at: number | null;
  requested_by: JsonText;
  type_id: string | null;
  instance_id: string | null;
  target: JsonText | null;
  input: JsonText;
  sealed_input: string | null;
  result: JsonText | null;
  error: JsonText | null;
  sandbox_level: string | null;
  queue: QueueName;
  locks: JsonText;
  timeout_ms: number;
  debug: Flag;
  cancel_requested_at: number | null;
  tail: "none" | "open" | "closed";
  last_seq: number;
  worker_id: string | null;
  enqueued_at: number | null;
  run_at: number | null;
  principal_id: string;
  idempotency_key: string | null;
  dedupe_key: string | null;
  dedupe_hash: string | null;
  plan_id: string | null;
  retry_of: string | null;
  undo_of: string | null;
  progress: JsonText | null;
  is_routine: Flag;
}

interface JobsTable extends JobColumns {
  admission: Generated<number>;
}

interface IdempotencyKeysTable {
  principal_id: string;
  idempotency_key: string;
  request_hash: string;
  job_id: string;
  created_at: number;
}

/** Events lie in chunks: one row holds the events first_seq..last_seq as one JSON array. */
interface JobEventsTable {
  job_id: string;
  first_seq: number;
  last_seq: number;
  events: JsonText;
}

export interface JournalTable {
  job_id: string;
  step_index: number;
  attempt: number;
  transport: string;
  request: JsonText;
  idempotent: Flag;
  sent_at: number;
  answered_at: number | null;
  answer: JsonText | null;
}

export interface PlansTable {
  id: string;
  hash: string;
  instance_id: string;
  config_revision: number;
  digest: string;
  capability: string;
  verb: string;
  target: JsonText;
  params: JsonText;
  pinned: Flag;
  result: JsonText;
  steps: JsonText;
  created_at: number;
  expires_at: number;
  made_by: string;
  used_by: string | null;
}

export interface TypesTable {
  id: string;
  status: TypeStatus;
  errors: JsonText;
  manifest: JsonText;
  manifest_yaml: string;
  language: "node" | "python";
  digest: string;
  installed_at: number;
  is_shipped: Flag;
  is_removed: Flag;
  permissions: JsonText;
  signed_by: string | null;
  quality: string | null;
  sandbox_level: "full" | "degraded" | null;
  last_validated_at: number | null;
  created_at: number;
  updated_at: number;
}

export interface ReleasesTable {
  type_id: string;
  digest: string;
  version: string;
  installed_at: number;
  status: TypeStatus;
}

/** What a release holds, once per digest, compressed. */
interface ReleaseContentsTable {
  digest: string;
  content: Uint8Array;
}

interface UploadsTable {
  digest: string;
  file_name: string;
  bytes: Uint8Array;
  created_at: number;
}

export interface InstancesTable {
  id: string;
  type_id: string;
  name: string;
  config: JsonText;
  config_revision: number;
  state: InstanceState;
  last_test: number | null;
  latency_ms: number | null;
  last_error: JsonText | null;
  flags: JsonText;
  created_at: number;
  updated_at: number;
}

/** A secret that was deleted keeps its row without a value, so that its version is never used again. */
interface InstanceSecretsTable {
  instance_id: string;
  name: string;
  version: number;
  sealed: string | null;
  updated_at: number;
}

/** What is trusted is null where the config names the key. */
export interface HostKeysTable {
  instance_id: string;
  place: string;
  trusted_type: string | null;
  trusted_fingerprint: string | null;
  trusted_at: number | null;
  trusted_by: "first_use" | "admin" | null;
  seen_type: string;
  seen_fingerprint: string;
  seen_at: number;
}

interface ArtifactsTable {
  job_id: string;
  name: string;
  content_type: string;
  size: number;
  created_at: number;
  content: Uint8Array;
}

interface InventoryPayloadsTable {
  instance_id: string;
  target_type: string;
  items: JsonText;
  fetched_at: number;
  fetch_duration_ms: number;
  ttl_seconds: number;
}

interface InventoryFailuresTable {
  instance_id: string;
  target_type: string;
  code: string;
  detail: string;
  at: number;
}

interface InventoryChangesTable {
  number: Generated<number>;
  instance_id: string;
  job_id: string;
  type: string;
  at: number;
  added: JsonText;
  removed: JsonText;
  changed: JsonText;
}

export interface SchedulesTable {
  id: string;
  instance_id: string;
  kind: ScheduleKind;
  every_seconds: number;
  offset_ms: number;
  paused: Flag;
  last_job_id: string | null;
  last_due_at: number | null;
}

export interface TokensTable {
  id: string;
  name: string;
  role: Role;
  hash: string;
  instances: JsonText | null;
  expires_at: number | null;
  created_at: number;
  revoked_at: number | null;
}

export interface AuditTable {
  id: string;
  at: number;
  principal_id: string;
  principal_name: string;
  action: string;
  object_type: string;
  object_id: string | null;
  address: string | null;
  outcome: string;
}

interface MetaTable {
  key: string;
  value: string;
}

export interface Tables {
  jobs: JobsTable;
  idempotency_keys: IdempotencyKeysTable;
  job_events: JobEventsTable;
  job_journal: JournalTable;
  plans: PlansTable;
  integration_types: TypesTable;
  releases: ReleasesTable;
  release_contents: ReleaseContentsTable;
  uploads: UploadsTable;
  instances: InstancesTable;
  instance_secrets: InstanceSecretsTable;
  instance_host_keys: HostKeysTable;
  job_artifacts: ArtifactsTable;
  inventory_payloads: InventoryPayloadsTable;
  inventory_failures: InventoryFailuresTable;
  inventory_changes: InventoryChangesTable;
  schedules: SchedulesTable;
  tokens: TokensTable;
  audit: AuditTable;
  meta: MetaTable;
}
