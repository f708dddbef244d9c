/** The first schema: everything the runner remembers. */
import type { Migration } from "./migration.ts";

const jobs: Migration["statements"] = ({ counter, whole }) => [
  `create table jobs (
    admission ${counter}, id text not null unique, kind text not null, state text not null,
    attempt integer not null, max_attempts integer not null, tries_used integer not null,
    lost_workers integer not null, created_at ${whole} not null, started_at ${whole}, finished_at ${whole},
    requested_by text not null, type_id text, instance_id text, target text, input text not null, sealed_input text,
    result text, error text, sandbox_level text, queue text not null, locks text not null, timeout_ms ${whole} not null,
    debug integer not null, cancel_requested_at ${whole}, tail text not null, last_seq integer not null, worker_id text,
    enqueued_at ${whole}, run_at ${whole}, principal_id text not null, idempotency_key text, dedupe_key text,
    dedupe_hash text, plan_id text, retry_of text, undo_of text, progress text, is_routine integer not null)`,
  // What is listed: newest first, by each filter the API offers.
  "create index jobs_recent on jobs (created_at, id)",
  "create index jobs_by_kind on jobs (kind, created_at, id)",
  "create index jobs_by_state on jobs (state, created_at, id)",
  "create index jobs_by_kind_and_state on jobs (kind, state, created_at, id)",
  // These two also carry what they are filtered by besides, so that a rare state is found without reading the jobs.
  "create index jobs_by_instance on jobs (instance_id, created_at, id, kind, state) where instance_id is not null",
  "create index jobs_by_type on jobs (type_id, created_at, id, kind, state, instance_id) where type_id is not null",
  // What is still to do: these hold open jobs only, so they stay small.
  "create unique index jobs_open_action on jobs (dedupe_key) where dedupe_key is not null",
  "create index jobs_unsettled on jobs (admission) where finished_at is null",
  "create index jobs_of_instance on jobs (instance_id) where finished_at is null",
  "create index jobs_not_enqueued on jobs (created_at) where enqueued_at is null and state = 'queued'",
  "create index jobs_running on jobs (worker_id) where state = 'running'",
  "create index jobs_open_tails on jobs (tail, finished_at) where tail = 'open'",
  "create index jobs_settled on jobs (finished_at) where finished_at is not null",
  "create index jobs_routine on jobs (is_routine, finished_at) where is_routine = 1",
  `create table idempotency_keys (
    principal_id text not null, idempotency_key text not null, request_hash text not null,
    job_id text not null references jobs (id) on delete cascade, created_at ${whole} not null,
    primary key (principal_id, idempotency_key))`,
  "create index idempotency_keys_by_job on idempotency_keys (job_id)",
  `create table job_events (
    job_id text not null references jobs (id) on delete cascade, first_seq integer not null, last_seq integer not null,
    events text not null, primary key (job_id, last_seq))`,
  `create table job_journal (
    job_id text not null references jobs (id) on delete cascade, step_index integer not null, attempt integer not null,
    transport text not null, request text not null, idempotent integer not null, sent_at ${whole} not null,
    answered_at ${whole}, answer text, primary key (job_id, step_index))`,
  `create table plans (
    id text primary key, hash text not null, instance_id text not null, config_revision integer not null,
    digest text not null, capability text not null, verb text not null, target text not null, params text not null,
    pinned integer not null, result text not null, steps text not null, created_at ${whole} not null,
    expires_at ${whole} not null, made_by text not null, used_by text)`,
  "create index plans_by_user on plans (used_by) where used_by is not null",
  "create index plans_by_expiry on plans (expires_at)",
];

const packs: Migration["statements"] = ({ bytes, whole }) => [
  `create table integration_types (
    id text primary key, status text not null, errors text not null, manifest text not null, manifest_yaml text not null,
    language text not null, digest text not null, installed_at ${whole} not null, is_shipped integer not null,
    is_removed integer not null, permissions text not null, signed_by text, sandbox_level text,
    last_validated_at ${whole}, created_at ${whole} not null, updated_at ${whole} not null)`,
  `create table releases (
    type_id text not null, digest text not null, version text not null, installed_at ${whole} not null,
    status text not null, primary key (type_id, digest))`,
  `create table release_contents (digest text primary key, content ${bytes} not null)`,
  `create table uploads (
    digest text primary key, file_name text not null, bytes ${bytes} not null, created_at ${whole} not null)`,
  "create index uploads_by_age on uploads (created_at)",
];

const instances: Migration["statements"] = ({ counter, whole }) => [
  `create table instances (
    id text primary key, type_id text not null, name text not null unique, config text not null,
    config_revision integer not null, state text not null, last_test ${whole}, latency_ms double precision,
    last_error text, flags text not null, created_at ${whole} not null, updated_at ${whole} not null)`,
  "create index instances_by_type on instances (type_id)",
  `create table instance_secrets (
    instance_id text not null references instances (id) on delete cascade, name text not null,
    version integer not null, sealed text, updated_at ${whole} not null, primary key (instance_id, name))`,
  `create table inventory_payloads (
    instance_id text not null references instances (id) on delete cascade, target_type text not null,
    items text not null, fetched_at ${whole} not null, fetch_duration_ms double precision not null,
    ttl_seconds double precision not null, primary key (instance_id, target_type))`,
  `create table inventory_failures (
    instance_id text not null references instances (id) on delete cascade, target_type text not null,
    code text not null, detail text not null, at ${whole} not null, primary key (instance_id, target_type))`,
  `create table inventory_changes (
    number ${counter}, instance_id text not null references instances (id) on delete cascade,
    job_id text not null, type text not null, at ${whole} not null, added text not null, removed text not null,
    changed text not null)`,
  "create unique index inventory_changes_once on inventory_changes (job_id, instance_id, type)",
  "create index inventory_changes_by_instance on inventory_changes (instance_id, number)",
  "create index inventory_changes_by_age on inventory_changes (at)",
  `create table schedules (
    id text primary key, instance_id text not null references instances (id) on delete cascade, kind text not null,
    every_seconds double precision not null, offset_ms ${whole} not null, paused integer not null, last_job_id text,
    last_due_at ${whole})`,
  "create index schedules_by_instance on schedules (instance_id)",
];

const people: Migration["statements"] = ({ whole }) => [
  `create table tokens (
    id text primary key, name text not null, role text not null, hash text not null unique, instances text,
    expires_at ${whole}, created_at ${whole} not null, revoked_at ${whole})`,
  `create table audit (
    id text primary key, at ${whole} not null, principal_id text not null, principal_name text not null,
    action text not null, object_type text not null, object_id text, address text, outcome text not null)`,
  "create index audit_recent on audit (at, id)",
  "create table meta (key text primary key, value text not null)",
];

export const first: Migration = {
  version: 1,
  name: "first",
  statements: (types) => [...jobs(types), ...packs(types), ...instances(types), ...people(types)],
};
