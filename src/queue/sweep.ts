/** The sweep: finds what a crash or a lost message left behind, and does it again. */
import { randomUUID } from "node:crypto";
import { readEpoch, writeEpoch } from "../live/epoch.ts";
import { liveWorkers } from "../live/leases.ts";
import { expectJobs, sweepLines } from "../live/locks.ts";
import type { Log } from "../log.ts";
import {
  markEnqueued,
  notEnqueued,
  type OpenJob,
  openTails,
  orphanedJobs,
  overdueJobs,
  unsettledJobs,
} from "../store/jobs.ts";
import { getMeta, setMeta } from "../store/meta.ts";
import { every } from "./every.ts";
import { pruneOld } from "./retention.ts";
import { closeTailOf, type TailDeps } from "./tail.ts";

export interface SweepDeps extends TailDeps {
  readonly now: () => number;
  readonly log: Log;
  readonly retentionDays: number;
  /** Called after every job was put on a queue that had lost them: schedules are gone there, too. */
  readonly onFlushed?: () => Promise<void>;
  readonly pace?: Partial<SweepPace>;
}

interface SweepPace {
  readonly linesMs: number;
  readonly rowsMs: number;
  /** Rows younger than this are still on their way. */
  readonly graceMs: number;
  readonly pruneMs: number;
}

const defaultPace: SweepPace = { linesMs: 1_000, rowsMs: 5_000, graceMs: 5_000, pruneMs: 3_600_000 };
const pageSize = 500;
const epochKey = "redis_epoch";

const addAgain = async ({ store, redis, queue, now }: SweepDeps, jobs: readonly OpenJob[]): Promise<void> => {
  if (jobs.length === 0) return;
  const queued = jobs.filter(({ state }) => state === "queued");
  const standing = await expectJobs(redis, queued);
  const coming = jobs.filter(({ id }) => !standing.has(id));
  const delayOf = ({ runAt }: OpenJob): number => (runAt === null ? 0 : Math.max(0, runAt - now()));
  await queue.add(coming.map((job) => ({ id: job.id, queue: job.queue, delayMs: delayOf(job) })));
  const at = now();
  await store.write(() =>
    markEnqueued(
      jobs.map(({ id }) => id),
      at,
    ),
  );
};

/** Rows that were admitted, but whose id never reached the queue. */
export const addForgotten = async (deps: SweepDeps, graceMs: number): Promise<void> => {
  const olderThan = deps.now() - graceMs;
  await addAgain(deps, await deps.store.read(() => notEnqueued({ olderThan, limit: pageSize })));
};

/** Jobs whose time for another try came and went, and jobs whose worker is no more: the queue may have lost them. */
export const addOverdue = async (deps: SweepDeps, graceMs: number): Promise<void> => {
  const latest = deps.now() - graceMs;
  const overdue = await deps.store.read(() => overdueJobs({ olderThan: latest, limit: pageSize }));
  const alive = (await liveWorkers(deps.redis)).map(({ id }) => id);
  const orphans = await deps.store.read(() => orphanedJobs({ alive, olderThan: latest, limit: pageSize }));
  await addAgain(deps, [...overdue, ...orphans]);
};

/** Settled jobs whose watchers, locks or queue entry were not seen to. */
export const closeTails = async (deps: SweepDeps, graceMs: number): Promise<void> => {
  const olderThan = deps.now() - graceMs;
  const jobs = await deps.store.read(() => openTails({ olderThan, limit: pageSize }));
  const closed = await Promise.allSettled(jobs.map((job) => closeTailOf(deps, job)));
  const failed = closed.filter(({ status }) => status === "rejected").length;
  if (failed > 0) deps.log.warn({ failed }, "Some settled jobs could not be seen to; the next sweep tries again");
};

/** But for what runs: its worker gives it back when it hears of it, and a dead one's jobs are overdue soon. */
const addEverything = async (deps: SweepDeps): Promise<void> => {
  let after: number | undefined;
  for (;;) {
    const jobs = await deps.store.read(() =>
      unsettledJobs({ limit: pageSize, ...(after === undefined ? {} : { after }) }),
    );
    await addAgain(
      deps,
      jobs.filter(({ state }) => state !== "running"),
    );
    after = jobs.at(-1)?.admission;
    if (jobs.length < pageSize) return;
  }
};

/**
 * A Redis that does not know the epoch in the store was flushed or exchanged: it gets the unsettled jobs again.
 * Answers whether it was so.
 */
export const checkEpoch = async (deps: SweepDeps): Promise<boolean> => {
  const known = await deps.store.read(() => getMeta(epochKey));
  const found = await readEpoch(deps.redis);
  if (found !== undefined && found === known) return false;
  if (known !== undefined && known !== null) {
    deps.log.warn({ known, found }, "The queue lost its memory; every unsettled job is added again");
  }
  await addEverything(deps);
  await deps.onFlushed?.();
  // Of several sweeps that see this at once, the last writer's epoch is the one all of them keep.
  if (found === undefined) await writeEpoch(deps.redis, randomUUID());
  const kept = await readEpoch(deps.redis);
  if (kept !== undefined) await deps.store.write(() => setMeta(epochKey, kept));
  return true;
};

const sweepRows = async (deps: SweepDeps, { graceMs }: SweepPace): Promise<void> => {
  if (!deps.queue.isUp()) return;
  // Right after a flush the leases of living workers are missing, too: who is dead shows in the next round.
  const isFlushed = await checkEpoch(deps);
  await addForgotten(deps, graceMs);
  if (!isFlushed) await addOverdue(deps, graceMs);
  await closeTails(deps, graceMs);
};

/** Who was woken a while ago and has not come was admitted before most who are in front of it there: it goes to the head. */
const wakeFree = async ({ queue, redis }: SweepDeps): Promise<void> => {
  if (!queue.isUp()) return;
  const woken = await sweepLines(redis);
  if (woken.length === 0) return;
  await queue.add(woken);
  await queue.promote(woken);
};

/** Runs until the signal; resolves when the last round is over. Any number of processes may sweep at once. */
export const startSweep = async (deps: SweepDeps, signal: AbortSignal): Promise<void> => {
  const pace = { ...defaultPace, ...deps.pace };
  const { log } = deps;
  await Promise.all([
    every({ name: "lines", everyMs: pace.linesMs, log, run: () => wakeFree(deps) }, signal),
    every({ name: "rows", everyMs: pace.rowsMs, log, run: () => sweepRows(deps, pace) }, signal),
    every({ name: "retention", everyMs: pace.pruneMs, log, run: () => pruneOld(deps, signal) }, signal),
  ]);
};
