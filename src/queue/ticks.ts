/** The ticks of schedules: each asks admission for a job, as the system, or finds that nothing is due. */
import { Worker } from "bullmq";
import { isErrorCode, SwitchyardError } from "../errors.ts";
import type { Log } from "../log.ts";
import type { Instance } from "../model/instance.ts";
import { systemPrincipal } from "../model/principal.ts";
import type { Schedule } from "../model/schedule.ts";
import { bullConnection } from "../redis.ts";
import { findInstance } from "../store/instances.ts";
import { listJobs } from "../store/jobs.ts";
import { findSchedule, recordTick } from "../store/schedules.ts";
import type { Store } from "../store/store.ts";
import type { Unit } from "../store/unit.ts";
import type { Admission } from "./admit.ts";
import { withinGrace } from "./grace.ts";
import { schedulesQueue } from "./schedules.ts";

export interface TickDeps {
  readonly store: Store;
  readonly admission: Admission;
  readonly redisUrl: string;
  readonly prefix: string;
  readonly log: Log;
  readonly now: () => number;
  readonly metrics?: { scheduleLate(kind: string, seconds: number): void };
}

export interface Ticks {
  close(): Promise<void>;
}

/** While an instance is in error, its inventory is asked for this much more rarely, but at least once an hour. */
const backoffFactor = 5;
const longestBackoffMs = 3_600_000;
/** A tick that comes this much late (Redis or all workers were away) is left out; the next one is near. */
const latestShare = 0.5;

/** Somebody else's success within the interval shows as well as a heartbeat that the instance answers. */
function* hadContact(schedule: Schedule, dueAt: number): Unit<boolean> {
  const { items } = yield* listJobs({ instanceId: schedule.instanceId, state: "succeeded", limit: 1 });
  const last = items[0];
  if (last === undefined || last.id === schedule.lastJobId) return false;
  return (last.finishedAt ?? 0) > dueAt - schedule.everySeconds * 1_000;
}

const isBackingOff = ({ everySeconds, lastDueAt }: Schedule, instance: Instance, dueAt: number): boolean => {
  if (instance.state !== "error" || lastDueAt === null) return false;
  const everyMs = everySeconds * 1_000;
  const waitMs = Math.max(everyMs, Math.min(everyMs * backoffFactor, longestBackoffMs));
  // Half an interval of tolerance: due times are whole intervals apart.
  return dueAt - lastDueAt < waitMs - everyMs / 2;
};

/** The schedule when its job is due; undefined when this tick is left out. */
function* dueSchedule(scheduleId: string, dueAt: number, now: number): Unit<Schedule | undefined> {
  const schedule = yield* findSchedule(scheduleId);
  if (schedule === undefined || schedule.paused) return undefined;
  if (now - dueAt > schedule.everySeconds * 1_000 * latestShare) return undefined;
  const instance = yield* findInstance(schedule.instanceId);
  if (instance === undefined || instance.state === "type_unavailable") return undefined;
  if (schedule.kind === "instance.refresh_inventory") {
    return isBackingOff(schedule, instance, dueAt) ? undefined : schedule;
  }
  // Only a test clears what another contact does not: a review, an error, a first connection.
  if (instance.state !== "connected") return schedule;
  return (yield* hadContact(schedule, dueAt)) ? undefined : schedule;
}

const isExpected = (error: unknown): boolean => error instanceof SwitchyardError && isErrorCode(error.code);

/** One tick; harmless when it comes twice. */
export const tick = async (deps: Omit<TickDeps, "redisUrl" | "prefix">, scheduleId: string, dueAt: number) => {
  const schedule = await deps.store.read(() => dueSchedule(scheduleId, dueAt, deps.now()));
  if (schedule === undefined) return;
  try {
    const { job } = await deps.admission.admit({
      kind: schedule.kind,
      input: { instance_id: schedule.instanceId },
      principal: systemPrincipal("schedule", schedule.id),
      action: "schedule.tick",
      idempotencyKey: `${schedule.id}:${dueAt}`,
      requestHash: schedule.kind,
      queue: "background",
    });
    deps.metrics?.scheduleLate(schedule.kind, Math.max(0, deps.now() - dueAt) / 1_000);
    await deps.store.write(() => recordTick({ id: schedule.id, jobId: job.id, dueAt }));
  } catch (error) {
    if (!isExpected(error)) throw error;
    deps.log.debug({ err: error, schedule: schedule.id }, "A tick was not admitted");
  }
};

/** BullMQ's id of a tick ends with the time for which it was made. */
const dueTimeOf = (jobId: string): number => Number(jobId.slice(jobId.lastIndexOf(":") + 1));

/** Follows the schedules until closed. Every worker may; each tick goes to one of them. */
export const runTicks = (deps: TickDeps): Ticks => {
  const connection = bullConnection(deps.redisUrl);
  const worker = new Worker(
    schedulesQueue,
    async (job) => {
      const dueAt = dueTimeOf(job.id ?? "");
      if (Number.isFinite(dueAt)) await tick(deps, job.repeatJobKey ?? "", dueAt);
    },
    {
      connection,
      prefix: deps.prefix,
      concurrency: 16,
      maxStalledCount: Number.MAX_SAFE_INTEGER,
      removeOnComplete: { count: 0 },
      removeOnFail: { count: 0 },
    },
  );
  worker.on("error", (error) => deps.log.debug({ err: error }, "The schedules' connection reports an error"));
  worker.on("failed", (_job, error) => deps.log.warn({ err: error }, "A tick broke; the next one comes in its time"));
  return {
    close: async () => {
      await withinGrace(worker.close(), 2_000);
      connection.disconnect();
    },
  };
};
