/** The journal of a job: which writes were sent, and what was answered. */

import type { Json } from "../model/json.ts";
import type { JournalEntry, StepAnswer } from "../model/plan.ts";
import { wasSent } from "../model/step-answer.ts";
import { prepared, query, run, runOne } from "./query.ts";
import type { JournalTable } from "./tables.ts";
import type { Unit } from "./unit.ts";

export interface SentStep {
  readonly jobId: string;
  readonly attempt: number;
  readonly index: number;
  readonly transport: string;
  /** With secrets as `[secret:name]`. */
  readonly request: Json;
  readonly idempotent: boolean;
  readonly now: number;
  /** Asked once more because nothing was heard of the first time: an entry of this attempt's own is the one it made then. */
  readonly isRepeated?: boolean;
}

const entryOf = (row: JournalTable): JournalEntry => ({
  jobId: row.job_id,
  index: row.step_index,
  attempt: row.attempt,
  transport: row.transport,
  request: JSON.parse(row.request),
  idempotent: row.idempotent === 1,
  sentAt: row.sent_at,
  answeredAt: row.answered_at,
  answer: row.answer === null ? null : JSON.parse(row.answer),
});

const entry = (jobId: string, index: number) =>
  query.selectFrom("job_journal").selectAll().where("job_id", "=", jobId).where("step_index", "=", index);

const isCurrent = (jobId: string, attempt: number) =>
  query
    .selectFrom("jobs")
    .select("id")
    .where("id", "=", jobId)
    .where("state", "=", "running")
    .where("attempt", "=", attempt)
    .forUpdate();

const mayTakeOver = (earlier: JournalEntry, { attempt, isRepeated = false }: SentStep): boolean =>
  earlier.answer === null
    ? earlier.idempotent || (isRepeated && earlier.attempt === attempt)
    : earlier.attempt < attempt && !wasSent(earlier.answer);

/**
 * Records a write before its first byte leaves. `stale`: the job is no longer this attempt's. `already_sent`: it was
 * sent before and must not be repeated. An idempotent write whose answer never came is taken over by this attempt, and so
 * is one that an earlier attempt could not send.
 */
export function* recordSent(step: SentStep): Unit<"recorded" | "stale" | "already_sent"> {
  const { jobId, attempt, index, transport } = step;
  if ((yield* runOne(isCurrent(jobId, attempt))) === undefined) return "stale";
  const earlier = yield* runOne(entry(jobId, index));
  if (earlier !== undefined && !mayTakeOver(entryOf(earlier), step)) return "already_sent";
  const request = JSON.stringify(step.request);
  const sent = { attempt, transport, request, idempotent: step.idempotent ? 1 : 0, sent_at: step.now };
  yield* run(
    query
      .insertInto("job_journal")
      .values({ job_id: jobId, step_index: index, ...sent, answered_at: null, answer: null })
      .onConflict((conflict) =>
        conflict.columns(["job_id", "step_index"]).doUpdateSet({ ...sent, answered_at: null, answer: null }),
      ),
  );
  return "recorded";
}

/** Records an answer; false when another attempt took the step over, or it is answered already. */
export function* recordAnswered(answered: {
  readonly jobId: string;
  readonly index: number;
  readonly attempt: number;
  readonly answer: StepAnswer;
  readonly now: number;
}): Unit<boolean> {
  const { changes } = yield* run(
    query
      .updateTable("job_journal")
      .set({ answered_at: answered.now, answer: JSON.stringify(answered.answer) })
      .where("job_id", "=", answered.jobId)
      .where("step_index", "=", answered.index)
      .where("attempt", "=", answered.attempt)
      .where("answered_at", "is", null),
  );
  return changes > 0;
}

const ofJob = prepared<{ id: string }, JournalTable>((value) =>
  query.selectFrom("job_journal").selectAll().where("job_id", "=", value("id")).orderBy("step_index"),
);

/** The steps in their order. */
export function* readJournal(jobId: string): Unit<JournalEntry[]> {
  return (yield* ofJob({ id: jobId })).rows.map(entryOf);
}

/** Whether a write was sent that may not be repeated and whose answer is not known. */
export function* hasUnknownOutcome(jobId: string): Unit<boolean> {
  const row = yield* runOne(
    query
      .selectFrom("job_journal")
      .select("step_index")
      .where("job_id", "=", jobId)
      .where("answered_at", "is", null)
      .where("idempotent", "=", 0)
      .limit(1),
  );
  return row !== undefined;
}
