/** Schedules: what the runner does to an instance by itself. The rows are the truth, BullMQ only keeps their time. */
import { createHash } from "node:crypto";
import { Queue } from "bullmq";
import type { Log } from "../log.ts";
import type { Instance } from "../model/instance.ts";
import { inventoryTargets, inventoryTtlSeconds, type Manifest } from "../model/manifest.ts";
import type { Schedule, ScheduleKind } from "../model/schedule.ts";
import { bullConnection } from "../redis.ts";
import { findInstance, listInstances } from "../store/instances.ts";
import { deleteSchedule, deleteSchedules, findSchedule, setPaused, upsertSchedule } from "../store/schedules.ts";
import type { Store } from "../store/store.ts";
import { findType } from "../store/types.ts";
import type { Unit } from "../store/unit.ts";
import { withinGrace } from "./grace.ts";

export const schedulesQueue = "schedules";

const defaultHeartbeatSeconds = 120;
const leastRefreshSeconds = 60;

/** Seconds between heartbeats; 0 = none. */
const heartbeatSeconds = (manifest: Manifest): number =>
  Math.max(0, manifest.defaults?.heartbeat_interval_s ?? defaultHeartbeatSeconds);

/** Seconds between refreshes; 0 = none. As often as the shortest-lived payload asks, but not more than once a minute. */
const refreshSeconds = (manifest: Manifest): number => {
  const targets = inventoryTargets(manifest);
  if (targets.length === 0) return 0;
  const shortest = Math.min(...targets.map((target) => inventoryTtlSeconds(manifest, target)));
  return Math.max(0, manifest.defaults?.inventory_refresh_interval_s ?? Math.max(leastRefreshSeconds, shortest));
};

/** The same for the same instance, spread over the interval: a thousand schedules do not tick at once. */
const offsetOf = (id: string, everySeconds: number): number =>
  1 + (createHash("sha256").update(id).digest().readUInt32BE(0) % (everySeconds * 1_000 - 1));

const kinds: readonly ScheduleKind[] = ["instance.test_connection", "instance.refresh_inventory"];

const idOf = (instanceId: string, kind: ScheduleKind): string => {
  const name = kind === "instance.test_connection" ? "heartbeat" : "refresh";
  return `sch_${name}_${instanceId.replace(/^ins_/, "")}`;
};

const scheduleOf = (instanceId: string, kind: ScheduleKind, seconds: number): Schedule | undefined => {
  const everySeconds = Math.ceil(seconds);
  if (everySeconds <= 0) return undefined;
  const id = idOf(instanceId, kind);
  const offsetMs = offsetOf(id, everySeconds);
  return { id, instanceId, kind, everySeconds, offsetMs, paused: false, lastJobId: null, lastDueAt: null };
};

/** What a type wants done to each of its instances. */
export const schedulesFor = (instanceId: string, manifest: Manifest): readonly Schedule[] =>
  [
    scheduleOf(instanceId, "instance.test_connection", heartbeatSeconds(manifest)),
    scheduleOf(instanceId, "instance.refresh_inventory", refreshSeconds(manifest)),
  ].filter((schedule) => schedule !== undefined);

/** When it ticks next, in ms since 1970; null while paused. */
export const nextRunAt = ({ everySeconds, offsetMs, paused }: Schedule, now: number): number | null => {
  if (paused) return null;
  const everyMs = everySeconds * 1_000;
  const aligned = Math.floor(now / everyMs) * everyMs + offsetMs;
  return aligned > now ? aligned : aligned + everyMs;
};

/** Brings the rows of an instance in line with its type; a pause is kept. Gives what is to tick. */
function* settleRows(instance: Instance): Unit<readonly Schedule[]> {
  const type = yield* findType(instance.typeId);
  // A look at the pack takes no schedule away for a moment.
  const isInstalled = type !== undefined && (type.status === "valid" || type.status === "checking");
  const isUsable = isInstalled && instance.state !== "type_unavailable";
  const wanted = isUsable ? schedulesFor(instance.id, type.manifest) : [];
  const kept: Schedule[] = [];
  for (const kind of kinds) {
    const schedule = wanted.find((one) => one.kind === kind);
    if (schedule === undefined) {
      yield* deleteSchedule(idOf(instance.id, kind));
      continue;
    }
    yield* upsertSchedule(schedule);
    kept.push((yield* findSchedule(schedule.id)) ?? schedule);
  }
  return kept;
}

export interface Schedules {
  /** Makes, changes or removes the schedules of one instance, as its type and state ask. */
  sync(instanceId: string): Promise<void>;
  /** The same for all: at start, and when Redis lost its memory. */
  syncAll(): Promise<void>;
  /** @returns the schedule as it is then; undefined when there is none. */
  setPaused(id: string, paused: boolean): Promise<Schedule | undefined>;
  close(): Promise<void>;
}

interface ScheduleDeps {
  readonly store: Store;
  readonly redisUrl: string;
  readonly prefix: string;
  readonly log: Log;
}

const place = async (queue: Queue, schedule: Schedule): Promise<void> => {
  if (schedule.paused) {
    await queue.removeJobScheduler(schedule.id);
    return;
  }
  const repeat = { every: schedule.everySeconds * 1_000, offset: schedule.offsetMs };
  await queue.upsertJobScheduler(schedule.id, repeat, { name: "tick", data: null });
};

const syncOne = async ({ store }: ScheduleDeps, queue: Queue, instanceId: string): Promise<void> => {
  const rows = await store.write(function* () {
    const instance = yield* findInstance(instanceId);
    if (instance !== undefined) return yield* settleRows(instance);
    yield* deleteSchedules(instanceId);
    return [];
  });
  const gone = kinds.map((kind) => idOf(instanceId, kind)).filter((id) => !rows.some((row) => row.id === id));
  await Promise.all([...rows.map((row) => place(queue, row)), ...gone.map((id) => queue.removeJobScheduler(id))]);
};

/** The side that makes schedules; `runTicks` is the one that follows them. */
export const openSchedules = (deps: ScheduleDeps): Schedules => {
  const connection = bullConnection(deps.redisUrl, "producer");
  const queue = new Queue(schedulesQueue, { connection, prefix: deps.prefix, streams: { events: { maxLen: 0 } } });
  queue.on("error", () => undefined);
  return {
    sync: (instanceId) => syncOne(deps, queue, instanceId),
    syncAll: async () => {
      const instances = await deps.store.read(() => listInstances({}));
      const known = new Set(instances.flatMap(({ id }) => kinds.map((kind) => idOf(id, kind))));
      for (const { id } of instances) await syncOne(deps, queue, id);
      const placed = await queue.getJobSchedulers(0, -1);
      for (const { key } of placed) if (!known.has(key)) await queue.removeJobScheduler(key);
    },
    setPaused: async (id, paused) => {
      const schedule = await deps.store.write(() => setPaused({ id, paused }));
      if (schedule !== undefined) await place(queue, schedule);
      return schedule;
    },
    close: async () => {
      await withinGrace(queue.close(), 2_000);
      connection.disconnect();
    },
  };
};
