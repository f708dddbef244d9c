/** The worker: takes jobs, runs them, settles them; holds a lease while it may; drains when it is told to stop. */

import { setTimeout as pause } from "node:timers/promises";
import { catalog, isJobKind } from "../jobs/catalog.ts";
import type { RunnerUpkeep } from "../jobs/context.ts";
import { onCancel } from "../live/cancel.ts";
import { putFigures } from "../live/figures.ts";
import { dropLease, renewLease } from "../live/leases.ts";
import type { Log } from "../log.ts";
import type { Metrics } from "../metrics.ts";
import type { SandboxLevel } from "../model/integration-type.ts";
import type { PassWaypoint } from "../model/waypoint.ts";
import type { SignaturePolicy } from "../packs/signature.ts";
import { createAdmission } from "../queue/admit.ts";
import { consume } from "../queue/bullmq.ts";
import type { JobConsumer, JobQueue } from "../queue/queue.ts";
import type { Redis } from "../redis.ts";
import type { SandboxPool } from "../sandbox/pool.ts";
import type { Store } from "../store/store.ts";
import type { Tracer } from "../trace/trace.ts";
import type { Transports } from "../transports/transports.ts";
import type { Vault } from "../vault/vault.ts";
import type { Attempt } from "./attempt.ts";
import { createEventLine } from "./event-line.ts";
import { createOrphanSearch, hearCancels, keepLocks, spillLongJobs } from "./housekeeping.ts";
import { type Lease, startLease } from "./lease.ts";
import { createLockTurn } from "./lock-turn.ts";
import { createProcessor } from "./process.ts";
import type { ProcessDeps } from "./process-deps.ts";
import { createShelf } from "./shelf.ts";
import { createTails } from "./tails.ts";

export interface WorkerDeps {
  readonly workerId: string;
  readonly host: string;
  readonly redisUrl: string;
  readonly redis: Redis;
  /** A connection of its own: a subscriber can do nothing else. */
  readonly subscriber: Redis;
  readonly store: Store;
  readonly queue: JobQueue;
  readonly vault: Vault;
  readonly pool: SandboxPool;
  readonly transports: Transports;
  readonly sandboxLevel: SandboxLevel;
  /** Why it is that one, for `doctor`. */
  readonly sandboxReason?: string;
  readonly minSandbox: SandboxLevel;
  readonly signatures: SignaturePolicy;
  readonly releasesDir: string;
  readonly packsDir: string;
  readonly coreVersion: string;
  readonly concurrency: number;
  readonly queuePrefix: string;
  readonly reschedule: (instanceId: string) => Promise<void>;
  readonly upkeep?: RunnerUpkeep;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly tracer?: Tracer | undefined;
  readonly now: () => number;
  readonly timings?: Partial<Timings>;
  readonly pass?: PassWaypoint;
}

export interface Timings {
  readonly leaseTtlMs: number;
  readonly leaseEveryMs: number;
  readonly lockTtlMs: number;
  readonly spillAfterMs: number;
  /** What a cancelled or drained call gets before its sandbox is killed. */
  readonly graceMs: number;
}

const figuresTtlMs = 15_000;
/** Figures are shown at each so many renewals of the lease. */
const figuresEvery = 5;
/** Renewals between two looks for jobs that nobody runs. */
const orphansEvery = 5;
const usualTimings: Timings = {
  leaseTtlMs: 5_000,
  leaseEveryMs: 1_000,
  // Longer than most outages of everything: a job that was begun finds its locks again, and nobody came in between.
  lockTtlMs: 600_000,
  spillAfterMs: 2_000,
  graceMs: 3_000,
};

export interface RunningWorker {
  readonly isLeaseHeld: boolean;
  readonly runningCount: number;
  /** No new claims; re-runnable jobs go back to the queue, others get their grace. */
  drain(): Promise<void>;
}

const isRestartable = ({ job }: Attempt): boolean => !isJobKind(job.kind) || catalog[job.kind].rerun === "restart";

/** What this worker counted, for the API to show. */
const showFigures = async ({ redis, workerId, metrics, pool }: WorkerDeps): Promise<void> => {
  metrics.sandboxes(pool.stats());
  await putFigures(redis, workerId, { figures: await metrics.snapshot(), ttlMs: figuresTtlMs });
};

const leaseOf = (deps: WorkerDeps, timings: Timings, process: Omit<ProcessDeps, "isLeaseHeld">): Promise<Lease> => {
  const { host, sandboxLevel: level, sandboxReason: levelReason } = deps;
  const facts = { host, level, startedAt: deps.now(), ...(levelReason === undefined ? {} : { levelReason }) };
  const findOrphans = createOrphanSearch(process);
  let renewals = 0;
  return startLease({
    ttlMs: timings.leaseTtlMs,
    everyMs: timings.leaseEveryMs,
    monotonic: () => performance.now(),
    log: deps.log,
    async renew() {
      await renewLease(deps.redis, deps.workerId, timings.leaseTtlMs, facts);
      if (renewals % figuresEvery === 0) void showFigures(deps).catch(() => undefined);
      const failed = (error: unknown): void =>
        deps.log.warn({ err: String(error) }, "housekeeping failed; next second again");
      void hearCancels(process).catch(failed);
      void keepLocks(process).catch(failed);
      const isOld = ({ job }: Attempt): boolean => deps.now() - (job.startedAt ?? 0) > timings.spillAfterMs;
      void spillLongJobs(process, isOld).catch(failed);
      if (renewals % orphansEvery === 0) void findOrphans().catch(failed);
      renewals += 1;
    },
    onLost() {
      deps.transports.shut();
      deps.pool.endAll();
      const jobs = [...process.running.keys()];
      if (jobs.length > 0) deps.log.warn({ jobs }, "what runs here is given back");
      for (const attempt of process.running.values()) attempt.stop("lost");
    },
    onRegained: () => deps.transports.reopen(),
  });
};

const settled = async (running: ReadonlyMap<string, Attempt>, limitMs: number): Promise<void> => {
  const until = performance.now() + limitMs;
  while (running.size > 0 && performance.now() < until) await new Promise((resolve) => setTimeout(resolve, 20));
};

const drainWorker = async (consumer: JobConsumer, process: ProcessDeps, graceMs: number): Promise<void> => {
  const { running } = process;
  await consumer.pause();
  for (const attempt of running.values()) if (isRestartable(attempt)) attempt.stop("drain");
  await settled(running, graceMs);
  for (const attempt of running.values()) attempt.stop("drain");
  await settled(running, graceMs + 3_000);
  await consumer.close(1_000);
  // Last: what was being claimed when the drain began went back to the queue, or ended, only now.
  await Promise.race([process.tails.drain(), pause(graceMs, undefined, { ref: false })]);
};

/** Starts taking jobs; resolves when the lease is held and the queue is listened to. */
export const startWorker = async (deps: WorkerDeps): Promise<RunningWorker> => {
  const timings: Timings = { ...usualTimings, ...deps.timings };
  const { store, redis, queue, vault, pool, transports, log, now, metrics, tracer } = deps;
  const isRedisUp = (): boolean => redis.status === "ready";
  const admission = createAdmission({ store, redis, queue, vault, now, isRedisUp, log, metrics, tracer });
  let lease: Lease | null = null;
  let isDraining = false;
  const process: ProcessDeps = {
    ...{ store, redis, vault, pool, transports, admission, log, now, metrics, tracer },
    shelf: createShelf({ store, pool, root: deps.releasesDir }),
    coreVersion: deps.coreVersion,
    packsDir: deps.packsDir,
    minSandbox: deps.minSandbox,
    signatures: deps.signatures,
    sandboxLevel: deps.sandboxLevel,
    graceMs: timings.graceMs,
    isLeaseHeld: () => lease?.isHeld ?? false,
    reschedule: deps.reschedule,
    upkeep: deps.upkeep,
    workerId: deps.workerId,
    line: createEventLine({ redis, log }),
    pass: deps.pass,
    tail: { store, redis, queue, pass: deps.pass },
    tails: createTails({ tail: { store, redis, queue, pass: deps.pass }, log }),
    lockTtlMs: timings.lockTtlMs,
    lockTurn: createLockTurn({ redis, ttlMs: timings.lockTtlMs, metrics }),
    running: new Map(),
    isDraining: () => isDraining,
    stoodStill: () => lease?.stoodStill ?? false,
  };
  lease = await leaseOf(deps, timings, process);
  const held = lease;
  onCancel(deps.subscriber, (jobId) => process.running.get(jobId)?.stop("cancel"));
  const consumer = consume(
    { redisUrl: deps.redisUrl, prefix: deps.queuePrefix, concurrency: deps.concurrency, backgroundShare: 0.75, log },
    createProcessor(process),
  );
  return {
    get isLeaseHeld() {
      return held.isHeld;
    },
    get runningCount() {
      return process.running.size;
    },
    async drain() {
      isDraining = true;
      log.info({ jobs: process.running.size }, "the worker stops: what runs is given time, or goes back to the queue");
      await drainWorker(consumer, process, timings.graceMs);
      held.stop();
      process.line.close();
      await dropLease(redis, deps.workerId).catch(() => undefined);
      await pool.close();
      await transports.close();
    },
  };
};
