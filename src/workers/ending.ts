/** How an attempt ends: one table from what stopped it to the state of the job. */
import { asSwitchyardError, errorTable, type SwitchyardError } from "../errors.ts";
import type { Job, JobError, SettledState } from "../model/job.ts";
import { cutTo, maxErrorBytes } from "../model/job-size.ts";
import { isJsonObject, type Json, type JsonObject } from "../model/json.ts";
import type { JournalEntry } from "../model/plan.ts";
import { type JournalProgress, progressOf } from "../model/step-answer.ts";

/** Why an attempt was told to stop. */
export type StopReason = "cancel" | "timeout" | "lost" | "drain";

export type AttemptEnd =
  | { readonly kind: "settle"; readonly state: SettledState; readonly result: Json; readonly error: JobError | null }
  | { readonly kind: "retry"; readonly error: JobError; readonly delayMs: number }
  | { readonly kind: "requeue" }
  /** Another attempt owns the job: nothing is written. */
  | { readonly kind: "drop" };

const stateByCode: Readonly<Record<string, SettledState>> = {
  outcome_unknown: "unknown_outcome",
  job_cancelled: "cancelled",
  timed_out: "timed_out",
};

const codeByReason = { cancel: "job_cancelled", timeout: "timed_out" } as const;

const shownAnswer = 500;

/** What the device was told last, and what it said to that: often the id of a task that goes on there. */
const lastWrite = (journal: readonly JournalEntry[]): JsonObject => {
  const last = journal.toSorted((one, other) => one.index - other.index).at(-1);
  if (last === undefined) return {};
  const answer = last.answer?.answer ?? null;
  const body = isJsonObject(answer) ? (answer["body"] ?? answer) : answer;
  const text = typeof body === "string" ? body : JSON.stringify(body);
  return {
    step: last.index,
    transport: last.transport,
    request: last.request,
    state: last.answeredAt === null ? "sent" : "answered",
    ...(last.answer === null ? {} : { status: last.answer.status, answer: text.slice(0, shownAnswer) }),
  };
};

/** What was sent before the job failed: a reader must know how far it got. */
const journalFacts = ({ sent, done, isUnknown }: JournalProgress): JsonObject => {
  if (sent.length === 0) return {};
  const outcome = isUnknown ? "unknown" : "partial";
  return { steps_done: done, outcome, next: "read_back", last_write: lastWrite(sent) };
};

/** The end of a job is not the end of what a device began: whoever reads the error must know. */
const afterEffect = (error: SwitchyardError, { sent }: JournalProgress): string => {
  const message = error.message.slice(0, maxErrorBytes.detail);
  if (sent.length === 0 || error.code === "outcome_unknown") return message;
  const [writes, it] = sent.length === 1 ? ["A write was", "it"] : [`${sent.length} writes were`, "them"];
  return `${message} ${writes} sent before: the device may still act on ${it}.`;
};

const asJobError = (error: SwitchyardError, journal: readonly JournalEntry[]): JobError => {
  const progress = progressOf(journal);
  const details = cutTo(maxErrorBytes.details, { ...(error.details as JsonObject), ...journalFacts(progress) });
  return {
    code: error.code,
    title: errorTable[error.code].title,
    detail: afterEffect(error, progress),
    ...(error.errors.length > 0 ? { errors: error.errors } : {}),
    ...(Object.keys(details).length > 0 ? { details } : {}),
  };
};

/** Exponential from half a second, at most half a minute. */
const backoffMs = (job: Job): number => Math.min(30_000, 500 * 2 ** Math.max(0, job.triesUsed - 1));

export interface Stopped {
  readonly job: Job;
  readonly reason: StopReason | null;
  readonly thrown: unknown;
  readonly journal: readonly JournalEntry[];
  /** What the error says when the runner itself stopped the attempt. */
  readonly stopError: (code: "job_cancelled" | "timed_out") => SwitchyardError;
}

/** The end of an attempt that did not return a result. */
export const endOfFailure = ({ job, reason, thrown, journal, stopError }: Stopped): AttemptEnd => {
  if (reason === "lost") return { kind: "drop" };
  if (reason === "drain") return { kind: "requeue" };
  const error = reason === null ? asSwitchyardError(thrown) : stopError(codeByReason[reason]);
  const jobError = asJobError(error, journal);
  const isKnown = journal.every(({ answeredAt, idempotent }) => answeredAt !== null || idempotent);
  const mayRetry = errorTable[error.code].retry && job.triesUsed < job.maxAttempts && isKnown;
  if (reason === null && mayRetry) return { kind: "retry", error: jobError, delayMs: backoffMs(job) };
  return { kind: "settle", state: stateByCode[error.code] ?? "failed", result: null, error: jobError };
};
