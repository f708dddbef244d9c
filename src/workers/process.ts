/**
 * What happens to one job id that the queue hands over:
 * 1. read the row; a settled one only has its tail closed. 2. take its locks, or park in their lines. 3. claim: count
 * the attempt, durably. 4. run the handler. 5. settle in one transaction. 6. close the tail.
 */

import { isJobKind } from "../jobs/catalog.ts";
import { handlers } from "../jobs/index.ts";
import { openAttempt as raiseFence, readEvents } from "../live/events.ts";
import { lookAgain } from "../live/locks.ts";
import { mostEvents } from "../model/event.ts";
import { isSettled, type Job } from "../model/job.ts";
import type { Consume, Settled } from "../queue/queue.ts";
import { closeTailOf } from "../queue/tail.ts";
import { lastSpilled } from "../store/events.ts";
import { claimSubject, type SubjectClaim } from "../store/subject.ts";
import { type Attempt, createAttempt } from "./attempt.ts";
import { createContext } from "./context.ts";
import { createEmitter } from "./emitter.ts";
import type { ProcessDeps } from "./process-deps.ts";
import { runAttempt } from "./run.ts";
import { beginAttempt } from "./spans.ts";

type Claimed = Extract<SubjectClaim, { outcome: "claimed" }>;

const done: Settled = { outcome: "done" };
const dueSlackMs = 50;
/** Without a lease nothing passes the transports; it is renewed each second. */
const leaselessDelayMs = 500;

/** What earlier attempts said: the next number, and what the store does not have yet. */
const earlierEvents = async ({ store, redis }: ProcessDeps, job: Job) => {
  if (job.attempt <= 1) return { lastSeq: 0, unspilled: [] };
  const spilled = await store.read(() => lastSpilled(job.id));
  const unspilled = await readEvents(redis, job.id, { after: spilled, limit: mostEvents });
  return { lastSeq: unspilled.at(-1)?.seq ?? spilled, unspilled };
};

const openAttempt = async (deps: ProcessDeps, { job, subject }: Claimed): Promise<Attempt> => {
  const { instanceId, typeId } = job.subject;
  await deps.pass?.("claim.counted", job.id);
  // From here on an earlier attempt can add nothing: only then is its last number known.
  if (job.attempt > 1) await raiseFence(deps.redis, job.id, job.attempt);
  const emitter = createEmitter({
    line: deps.line,
    jobId: job.id,
    attempt: job.attempt,
    facts: {
      kind: job.kind,
      ...(instanceId === undefined ? {} : { instanceId }),
      ...(typeId === undefined ? {} : { typeId }),
    },
    debug: job.debug,
    now: deps.now,
    ...(await earlierEvents(deps, job)),
    stale: () => deps.running.get(job.id)?.stop("lost"),
  });
  return createAttempt({ job, claimed: subject, emitter, span: beginAttempt(deps.tracer, job) });
};

const runClaimed = async (deps: ProcessDeps, claimed: Claimed, signal: AbortSignal): Promise<Settled> => {
  const { job } = claimed;
  const attempt = await openAttempt(deps, claimed);
  await deps.pass?.("claim.fenced", job.id);
  const onLost = (): void => attempt.stop("lost");
  signal.addEventListener("abort", onLost, { once: true });
  deps.running.set(job.id, attempt);
  // The lease may have been lost since the claim, and whoever drains stopped only what was running.
  if (!deps.isLeaseHeld()) attempt.stop("lost");
  else if (deps.isDraining()) attempt.stop("drain");
  if (job.attempt === 1) deps.metrics.jobStarted(job.kind, (deps.now() - job.createdAt) / 1000);
  try {
    const kind = job.kind as keyof typeof handlers;
    const settled = await runAttempt(deps, attempt, () => handlers[kind](createContext(deps, attempt)));
    await deps.pass?.("tail.held", job.id);
    return settled;
  } finally {
    attempt.span?.end();
    deps.running.delete(job.id);
    signal.removeEventListener("abort", onLost);
  }
};

/** Locks belong to the job id: a re-run finds its own. */
const takeLocks = async (deps: ProcessDeps, job: Job): Promise<boolean> =>
  job.locks.length === 0 || deps.lockTurn.take(job);

/** The job left the queue for a line: the lock may have come free in between. */
const comeBack = async ({ redis, tail }: ProcessDeps, { id, queue }: Job): Promise<void> => {
  if (await lookAgain(redis, id)) await tail.queue.add([{ id, queue }]);
};

/** What the row of an unsettled job says before any lock is taken: it may be unknown to this version, or not due yet. */
const notNow = (deps: ProcessDeps, job: Job): Settled | null => {
  if (!isJobKind(job.kind)) return { outcome: "unknown_kind" };
  const early = job.state === "retrying" && job.runAt !== null ? job.runAt - deps.now() : 0;
  return early > dueSlackMs ? { outcome: "again", delayMs: early } : null;
};

/** A claim may lag: whatever the job writes to a device is journalled first, and that brings the claim to the disk. */
const claim = (deps: ProcessDeps, id: string, mayTake?: (job: Job) => boolean) =>
  deps.store.write(
    () => claimSubject({ id, workerId: deps.workerId, now: deps.now(), ...(mayTake === undefined ? {} : { mayTake }) }),
    { mayLag: ({ outcome }) => outcome === "claimed" || outcome === "left" },
  );

const runClaim = async (deps: ProcessDeps, claimed: SubjectClaim, signal: AbortSignal): Promise<Settled> => {
  if (claimed.outcome === "claimed") return runClaimed(deps, claimed, signal);
  if (claimed.outcome === "missing") return done;
  const { kind, state } = claimed.job;
  // Settled by this very claim; what was settled before has been counted.
  if (claimed.outcome !== "settled") deps.metrics.jobSettled(kind, state, null);
  await closeTailOf(deps.tail, claimed.job);
  return done;
};

/** Handles one job id: never throws for what a job does, only when the store or Redis cannot be reached. */
export const createProcessor =
  (deps: ProcessDeps): Consume =>
  async (jobId, signal) => {
    await deps.pass?.("claim.taken", jobId);
    if (!deps.isLeaseHeld()) return { outcome: "again", delayMs: leaselessDelayMs };
    // A job that needs no lock is read and claimed at once.
    const first = await claim(deps, jobId, (job) => job.locks.length === 0 && notNow(deps, job) === null);
    if (first.outcome !== "left") return runClaim(deps, first, signal);
    const { job } = first;
    await deps.pass?.("claim.read", jobId);
    const refusal = isSettled(job.state) ? null : notNow(deps, job);
    if (refusal !== null) return refusal;
    if (!isSettled(job.state) && !(await takeLocks(deps, job))) {
      deps.metrics.jobParked(job.kind);
      return { outcome: "parked", onLeft: () => comeBack(deps, job) };
    }
    await deps.pass?.("claim.locked", jobId);
    return runClaim(deps, await claim(deps, jobId), signal);
  };
