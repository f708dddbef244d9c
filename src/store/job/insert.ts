/** Admits a job into the store: replays, joins, refuses or inserts it, in one unit. */
import type { Job, JobState } from "../../model/job.ts";
import { prepared, query, run } from "../query.ts";
import type { JobColumns, Tables } from "../tables.ts";
import type { Unit } from "../unit.ts";
import { findJob } from "./find.ts";
import { type JobRow, jobCodec, jobOf, subjectColumns } from "./row.ts";

/** How long an idempotency key is kept. */
const idempotencyMs = 24 * 3_600_000;

type AdmittedField =
  | "id"
  | "kind"
  | "maxAttempts"
  | "createdAt"
  | "requestedBy"
  | "subject"
  | "input"
  | "sealedInput"
  | "queue"
  | "locks"
  | "timeoutMs"
  | "debug"
  | "principalId"
  | "idempotencyKey"
  | "dedupeKey"
  | "planId"
  | "retryOf"
  | "undoOf";

export type NewJob = Pick<Job, AdmittedField> & {
  readonly sandboxLevel?: null;
  /** Of method, path and body: an idempotency key stands for one request only. */
  readonly requestHash: string | null;
  /** Of what the action asks for; null: whatever is open under the key may be joined. */
  readonly dedupeHash: string | null;
  /** Open dedupe keys that the job may join beside its own. */
  readonly joinKeys: readonly string[];
};

export interface Admission {
  readonly outcome: "created" | "joined" | "replayed" | "idempotency_conflict" | "action_conflict";
  /** The new job, or the one that was met. */
  readonly job: Job;
}

const inserted = prepared<JobColumns, { admission: number }>((value) => {
  const names = jobCodec.columns.filter((name) => name !== "admission");
  const row = Object.fromEntries(names.map((name) => [name, value(name)]));
  return query
    .insertInto("jobs")
    .values(row as unknown as JobColumns)
    .returning("admission");
});

const keyOwner = prepared<
  { principal: string; key: string },
  { job_id: string; request_hash: string; created_at: number }
>((value) =>
  query
    .selectFrom("idempotency_keys")
    .select(["job_id", "request_hash", "created_at"])
    .where("principal_id", "=", value("principal"))
    .where("idempotency_key", "=", value("key")),
);

const keyInserted = prepared<Tables["idempotency_keys"], unknown>((value) =>
  query.insertInto("idempotency_keys").values({
    principal_id: value("principal_id"),
    idempotency_key: value("idempotency_key"),
    request_hash: value("request_hash"),
    job_id: value("job_id"),
    created_at: value("created_at"),
  }),
);

const queued: JobState = "queued";

const rowOf = (job: NewJob): JobColumns => ({
  id: job.id,
  kind: job.kind,
  state: queued,
  attempt: 0,
  max_attempts: job.maxAttempts,
  tries_used: 0,
  lost_workers: 0,
  created_at: job.createdAt,
  started_at: null,
  finished_at: null,
  requested_by: JSON.stringify(job.requestedBy),
  ...subjectColumns(job.subject),
  input: JSON.stringify(job.input),
  sealed_input: job.sealedInput,
  result: null,
  error: null,
  sandbox_level: null,
  queue: job.queue,
  locks: JSON.stringify(job.locks),
  timeout_ms: job.timeoutMs,
  debug: job.debug ? 1 : 0,
  cancel_requested_at: null,
  tail: "none",
  last_seq: 0,
  worker_id: null,
  enqueued_at: null,
  run_at: null,
  principal_id: job.principalId,
  idempotency_key: job.idempotencyKey,
  dedupe_key: job.dedupeKey,
  dedupe_hash: job.dedupeHash,
  plan_id: job.planId,
  retry_of: job.retryOf,
  undo_of: job.undoOf,
  progress: null,
  is_routine: 0,
});

function* forgetKey(principal: string, key: string): Unit<void> {
  yield* run(
    query.deleteFrom("idempotency_keys").where("principal_id", "=", principal).where("idempotency_key", "=", key),
  );
}

/** The job that an unexpired idempotency key stands for. */
function* replayOf(job: NewJob): Unit<Admission | undefined> {
  if (job.idempotencyKey === null) return undefined;
  const owner = (yield* keyOwner({ principal: job.principalId, key: job.idempotencyKey })).rows[0];
  if (owner === undefined) return undefined;
  const earlier = yield* findJob(owner.job_id);
  if (earlier === undefined || owner.created_at <= job.createdAt - idempotencyMs) {
    yield* forgetKey(job.principalId, job.idempotencyKey);
    return undefined;
  }
  return {
    outcome: owner.request_hash === (job.requestHash ?? "") ? "replayed" : "idempotency_conflict",
    job: earlier,
  };
}

/** The open job that does, or is about to do, what is asked for; the job's own key comes before those it may join. */
function* openTwinOf(job: NewJob): Unit<Admission | undefined> {
  const keys = [...(job.dedupeKey === null ? [] : [job.dedupeKey]), ...job.joinKeys];
  if (keys.length === 0) return undefined;
  const { rows } = yield* run(query.selectFrom("jobs").selectAll().where("dedupe_key", "in", keys));
  const twin = [...rows].sort((a, b) => keys.indexOf(a.dedupe_key ?? "") - keys.indexOf(b.dedupe_key ?? ""))[0];
  if (twin === undefined) return undefined;
  const isSame = job.dedupeHash === null || job.dedupeHash === twin.dedupe_hash;
  return { outcome: isSame ? "joined" : "action_conflict", job: jobOf(twin) };
}

function* insertRow(job: NewJob): Unit<Admission> {
  const row = rowOf(job);
  const admission = (yield* inserted(row)).rows[0]?.admission ?? 0;
  return { outcome: "created", job: jobOf({ ...row, admission } satisfies JobRow) };
}

/** The key stands for the job from now on, also when the job was joined and not made. */
function* rememberKey(job: NewJob, jobId: string): Unit<void> {
  if (job.idempotencyKey === null) return;
  yield* keyInserted({
    principal_id: job.principalId,
    idempotency_key: job.idempotencyKey,
    request_hash: job.requestHash ?? "",
    job_id: jobId,
    created_at: job.createdAt,
  });
}

/** Admits one job. The idempotency key is looked at first, then what is open, and only then is a row made. */
export function* insertJob(job: NewJob): Unit<Admission> {
  const replay = yield* replayOf(job);
  if (replay !== undefined) return replay;
  const admission = (yield* openTwinOf(job)) ?? (yield* insertRow(job));
  if (admission.outcome !== "action_conflict") yield* rememberKey(job, admission.job.id);
  return admission;
}
