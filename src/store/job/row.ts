/** Jobs as rows, and back: written out by hand, since every step of every job passes here. */
import type { Selectable } from "kysely";
import type { Job, JobError, Subject } from "../../model/job.ts";
import type { Tables } from "../tables.ts";

export type JobRow = Selectable<Tables["jobs"]>;

const parsed = <T>(text: string | null): T | null => (text === null ? null : (JSON.parse(text) as T));

const subjectOf = ({ type_id, instance_id, target }: JobRow): Subject => ({
  ...(type_id === null ? undefined : { typeId: type_id }),
  ...(instance_id === null ? undefined : { instanceId: instance_id }),
  ...(target === null ? undefined : { target: JSON.parse(target) }),
});

export const jobOf = (row: JobRow): Job => ({
  id: row.id,
  kind: row.kind,
  state: row.state,
  attempt: row.attempt,
  maxAttempts: row.max_attempts,
  triesUsed: row.tries_used,
  lostWorkers: row.lost_workers,
  createdAt: row.created_at,
  startedAt: row.started_at,
  finishedAt: row.finished_at,
  requestedBy: JSON.parse(row.requested_by),
  subject: subjectOf(row),
  input: JSON.parse(row.input),
  sealedInput: row.sealed_input,
  result: parsed(row.result),
  error: parsed(row.error),
  sandboxLevel: row.sandbox_level,
  queue: row.queue,
  locks: JSON.parse(row.locks),
  admission: row.admission,
  timeoutMs: row.timeout_ms,
  debug: row.debug === 1,
  cancelRequestedAt: row.cancel_requested_at,
  tail: row.tail,
  lastSeq: row.last_seq,
  workerId: row.worker_id,
  enqueuedAt: row.enqueued_at,
  runAt: row.run_at,
  principalId: row.principal_id,
  idempotencyKey: row.idempotency_key,
  dedupeKey: row.dedupe_key,
  planId: row.plan_id,
  retryOf: row.retry_of,
  undoOf: row.undo_of,
  progress: parsed(row.progress),
});

export const subjectColumns = ({ typeId, instanceId, target }: Subject) => ({
  type_id: typeId ?? null,
  instance_id: instanceId ?? null,
  target: target === undefined ? null : JSON.stringify(target),
});

export const errorText = (error: JobError | null): string | null => (error === null ? null : JSON.stringify(error));
export const errorOf = (text: string | null): JobError | null => parsed(text);
