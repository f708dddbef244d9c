/** A job that is about to be recorded: its row, and the job as it is from then on. */
import type { Job } from "../../model/job.ts";
import { prepared, query } from "../query.ts";
import type { JobColumns } from "../tables.ts";
import type { Unit } from "../unit.ts";
import { subjectColumns } from "./row.ts";

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

/** What a job is before anything was done for it; the columns that are not named are empty. */
const fresh = {
  state: "queued",
  attempt: 0,
  tries_used: 0,
  lost_workers: 0,
  tail: "none",
  last_seq: 0,
  is_routine: 0,
} as const;

const given = [
  ...(["id", "kind", "max_attempts", "created_at", "requested_by", "type_id", "instance_id", "target"] as const),
  ...(["input", "sealed_input", "queue", "locks", "timeout_ms", "debug", "principal_id"] as const),
  ...(["idempotency_key", "dedupe_key", "dedupe_hash", "plan_id", "retry_of", "undo_of"] as const),
];
type GivenColumns = Pick<JobColumns, (typeof given)[number]>;

const inserted = prepared<GivenColumns, { admission: number }>((value) => {
  const row = Object.fromEntries(given.map((name) => [name, value(name)])) as unknown as GivenColumns;
  return query
    .insertInto("jobs")
    .values({ ...fresh, ...row })
    .returning("admission");
});

const rowOf = (job: NewJob): GivenColumns => ({
  id: job.id,
  kind: job.kind,
  max_attempts: job.maxAttempts,
  created_at: job.createdAt,
  requested_by: JSON.stringify(job.requestedBy),
  ...subjectColumns(job.subject),
  input: JSON.stringify(job.input),
  sealed_input: job.sealedInput,
  queue: job.queue,
  locks: JSON.stringify(job.locks),
  timeout_ms: job.timeoutMs,
  debug: job.debug ? 1 : 0,
  principal_id: job.principalId,
  idempotency_key: job.idempotencyKey,
  dedupe_key: job.dedupeKey,
  dedupe_hash: job.dedupeHash,
  plan_id: job.planId,
  retry_of: job.retryOf,
  undo_of: job.undoOf,
});

/** The job as a reader of its row would see it. */
const queuedJob = (job: NewJob, admission: number): Job => ({
  id: job.id,
  kind: job.kind,
  state: "queued",
  attempt: 0,
  maxAttempts: job.maxAttempts,
  triesUsed: 0,
  lostWorkers: 0,
  createdAt: job.createdAt,
  startedAt: null,
  finishedAt: null,
  requestedBy: job.requestedBy,
  subject: job.subject,
  input: job.input,
  sealedInput: job.sealedInput,
  result: null,
  error: null,
  sandboxLevel: null,
  queue: job.queue,
  locks: job.locks,
  admission,
  timeoutMs: job.timeoutMs,
  debug: job.debug,
  cancelRequestedAt: null,
  tail: "none",
  lastSeq: 0,
  workerId: null,
  enqueuedAt: null,
  runAt: null,
  principalId: job.principalId,
  idempotencyKey: job.idempotencyKey,
  dedupeKey: job.dedupeKey,
  planId: job.planId,
  retryOf: job.retryOf,
  undoOf: job.undoOf,
  progress: null,
});

/** Records the job and returns it, with the number of its admission. */
export function* addJob(job: NewJob): Unit<Job> {
  const admission = (yield* inserted(rowOf(job))).rows[0]?.admission ?? 0;
  return queuedJob(job, admission);
}
