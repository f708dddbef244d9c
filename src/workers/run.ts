/** Runs one attempt under its time limit and settles what came of it. */
import { errorTable, SwitchyardError } from "../errors.ts";
import type { Ending } from "../jobs/context.ts";
import type { JobEvent } from "../model/event.ts";
import type { Job, JobError } from "../model/job.ts";
import type { Json } from "../model/json.ts";
import { redactJson } from "../model/redact.ts";
import type { Settled } from "../queue/queue.ts";
import { requeueJob, retryJob, settleJob } from "../store/jobs.ts";
import { readJournal } from "../store/journal.ts";
import type { Attempt } from "./attempt.ts";
import { type AttemptEnd, endOfFailure } from "./ending.ts";
import { isOutage } from "./outage.ts";
import type { ProcessDeps } from "./process-deps.ts";
import { noteEnd } from "./spans.ts";

const done: Settled = { outcome: "done" };

/** Rejects some time after the attempt was stopped, for handlers that do not notice. */
const stoppedFor = (attempt: Attempt, ms: number): { promise: Promise<never>; clear: () => void } => {
  let timer: NodeJS.Timeout | undefined;
  const promise = new Promise<never>((_, reject) => {
    attempt.signal.addEventListener("abort", () => {
      timer = setTimeout(() => reject(new SwitchyardError("internal", { detail: "The handler did not stop." })), ms);
    });
  });
  promise.catch(() => undefined);
  return { promise, clear: () => clearTimeout(timer) };
};

const stopError = (job: Job) => (code: "job_cancelled" | "timed_out") =>
  code === "job_cancelled"
    ? new SwitchyardError(code, { detail: "The job was cancelled while it ran." })
    : new SwitchyardError(code, { detail: `The job ran longer than ${job.timeoutMs / 1000} s and was stopped.` });

/** What ends what waits: the signal's reason itself, or an error around it. */
const isOfStop = ({ stopReason }: Attempt, thrown: unknown): boolean =>
  stopReason !== null && (thrown === stopReason || (thrown as Error).cause === stopReason);

const runHandler = async (deps: ProcessDeps, attempt: Attempt, handler: () => Promise<Json>): Promise<AttemptEnd> => {
  const { job } = attempt;
  const timer = setTimeout(() => attempt.stop("timeout"), job.timeoutMs);
  const overdue = stoppedFor(attempt, deps.graceMs + 2_000);
  try {
    // Told to stop as it was claimed: then nothing begins.
    attempt.signal.throwIfAborted();
    const result = await Promise.race([handler(), overdue.promise]);
    return { kind: "settle", state: "succeeded", result, error: null };
  } catch (thrown) {
    if (!(thrown instanceof SwitchyardError) && !isOfStop(attempt, thrown)) {
      deps.log.error({ ...attempt.facts, err: thrown }, "a handler failed");
    }
    const journal = job.kind === "action.run" ? await deps.store.read(() => readJournal(job.id)) : [];
    return endOfFailure({ job, reason: attempt.stopReason, thrown, journal, stopError: stopError(job) });
  } finally {
    clearTimeout(timer);
    overdue.clear();
  }
};

/** So often is tried what the store refuses although it is there: a mistake, which no more tries will mend. */
const maxMistakes = 3;

/**
 * The store may be away for a while: what came of the job is not lost while this worker lives and holds the job.
 * @throws what the store says of something that can never be written.
 */
const persist = async <T>(deps: ProcessDeps, attempt: Attempt, write: () => Promise<T>): Promise<T | null> => {
  for (let mistakes = 0; ; ) {
    try {
      return await write();
    } catch (error) {
      deps.log.error({ ...attempt.facts, err: error }, "the job's end could not be written; trying again");
      if (attempt.stopReason === "lost") return null;
      if (!isOutage(error)) mistakes += 1;
      if (mistakes > maxMistakes) throw error;
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
  }
};

type SettleEnd = Extract<AttemptEnd, { kind: "settle" }>;

interface RecordedEnd extends Ending {
  readonly result: Json;
  readonly events: readonly JobEvent[];
}

const writeEnd = (deps: ProcessDeps, attempt: Attempt, end: RecordedEnd, units: Attempt["settleUnits"]) =>
  persist(deps, attempt, () =>
    deps.store.write(function* () {
      const { state, result, error, events, at } = end;
      const isSettledByUs = yield* settleJob({
        id: attempt.job.id,
        attempt: attempt.job.attempt,
        state,
        result,
        error,
        events,
        areAll: attempt.emitter.unspilled.isAll,
        now: at,
        routine: attempt.isRoutine && state === "succeeded",
        sandboxLevel: attempt.sandboxLevel,
      });
      if (isSettledByUs) for (const unit of units) yield* unit({ state, error, at });
      return isSettledByUs;
    }),
  );

/** What of an end can always be written: a job whose outcome the store refuses is over all the same. */
const bareEnd = ({ state, at, events }: RecordedEnd): RecordedEnd => ({
  state: state === "succeeded" ? "failed" : state,
  result: null,
  error: {
    code: "internal",
    title: errorTable.internal.title,
    detail: `The job ended as ${state}, but what came of it could not be recorded. The log tells more.`,
  },
  events,
  at,
});

/** One line for each job; what a schedule does again and again is for those who look for it. */
const logEnd = (deps: ProcessDeps, { job, facts, isRoutine }: Attempt, { state, error, at }: RecordedEnd): void => {
  const told = { ...facts, kind: job.kind, attempt: job.attempt, state, ms: at - (job.startedAt ?? at) };
  const line = error === null ? told : { ...told, code: error.code };
  if (isRoutine && state === "succeeded") deps.log.debug(line, "a job settled");
  else deps.log.info(line, "a job settled");
};

/** One after the other; none of them keeps the job from ending. */
const follow = async (
  deps: ProcessDeps,
  { facts }: Attempt,
  actions: Attempt["afterSettle"],
  end: RecordedEnd,
): Promise<void> => {
  for (const action of actions) {
    await action(end).catch((thrown: unknown) =>
      deps.log.warn({ ...facts, err: thrown }, "what follows a settled job failed"),
    );
  }
};

const settle = async (deps: ProcessDeps, attempt: Attempt, { state, error, result }: SettleEnd): Promise<void> => {
  const { job, emitter } = attempt;
  const { redact } = emitter;
  let end: RecordedEnd = {
    state,
    error: error === null ? null : (redactJson(redact, error as unknown as Json) as unknown as JobError),
    result: redactJson(redact, result),
    events: emitter.unspilled.takeAll(),
    at: deps.now(),
  };
  const isOurs = await writeEnd(deps, attempt, end, attempt.settleUnits).catch(() => {
    end = bareEnd(end);
    return writeEnd(deps, attempt, end, []);
  });
  if (isOurs !== true) return;
  await deps.pass?.("settle.written", job.id);
  deps.metrics.jobSettled(job.kind, end.state, (end.at - (job.startedAt ?? end.at)) / 1000);
  logEnd(deps, attempt, end);
  await follow(deps, attempt, attempt.afterSettle, end);
  await deps.pass?.("settle.followed", job.id);
  const { lastSeq } = emitter;
  const outcome = { state: end.state, result: end.result, error: end.error, finishedAt: end.at };
  // Its locks are given up now: nobody may renew them any more.
  deps.running.delete(job.id);
  const mayEnd = follow(deps, attempt, attempt.beforeDone, end);
  deps.tails.follow({ ...job, ...outcome, tail: "open", lastSeq }, async (done) => {
    await mayEnd;
    await emitter.end(done);
  });
};

/**
 * This worker lost the job. When no other has it yet, it goes back with what it said so far; the queue may have lost it,
 * too, and adding it twice is harmless.
 */
const letGo = async (deps: ProcessDeps, { job, emitter }: Attempt): Promise<Settled> => {
  const { store, tail, log } = deps;
  const fence = { id: job.id, attempt: job.attempt, isLost: deps.stoodStill() };
  try {
    const isOurs = await store.write(() => requeueJob({ ...fence, events: emitter.unspilled.take() }));
    if (isOurs) await tail.queue.add([{ id: job.id, queue: job.queue }]);
  } catch (error) {
    log.warn({ job_id: job.id, err: error }, "a lost job could not be given back; the sweep sees to it");
  }
  return { outcome: "again", delayMs: 0 };
};

const conclude = async (deps: ProcessDeps, attempt: Attempt, end: AttemptEnd): Promise<Settled> => {
  const { job, emitter } = attempt;
  const fence = { id: job.id, attempt: job.attempt };
  if (end.kind === "drop") return letGo(deps, attempt);
  if (end.kind === "settle") {
    await settle(deps, attempt, end);
    return done;
  }
  await emitter.delivered();
  const events = emitter.unspilled.take();
  if (end.kind === "requeue") {
    await persist(deps, attempt, () => deps.store.write(() => requeueJob({ ...fence, events })));
    return { outcome: "again", delayMs: 0 };
  }
  deps.metrics.jobRetried(job.kind);
  const runAt = deps.now() + end.delayMs;
  await persist(deps, attempt, () => deps.store.write(() => retryJob({ ...fence, runAt, events })));
  return { outcome: "again", delayMs: end.delayMs };
};

const announceEnd = ({ emitter }: Attempt, end: AttemptEnd): void => {
  if (end.kind === "settle" && end.error !== null) {
    emitter.emit({ phase: "final", level: "error", message: `${end.error.code}: ${end.error.detail}` });
  }
  if (end.kind === "retry") {
    const message = `${end.error.code}: ${end.error.detail} Trying again in ${end.delayMs} ms.`;
    emitter.emit({ phase: "retry", level: "warn", message });
  }
  if (end.kind === "requeue")
    emitter.emit({ phase: "drain", level: "info", message: "The worker stops: back to the queue" });
};

/** One attempt from its first event to its end. */
export const runAttempt = async (
  deps: ProcessDeps,
  attempt: Attempt,
  handler: () => Promise<Json>,
): Promise<Settled> => {
  const { job, emitter } = attempt;
  emitter.emit({
    phase: "start",
    level: "info",
    message: job.attempt === 1 ? `${job.kind} started` : `${job.kind} goes on with attempt ${job.attempt}`,
  });
  const end = await runHandler(deps, attempt, handler);
  await deps.pass?.("settle.ended", job.id);
  noteEnd(attempt.span, end);
  announceEnd(attempt, end);
  await deps.pass?.("settle.flushed", job.id);
  return conclude(deps, attempt, end);
};
