/** Schedules of instances: what the runner does by itself, how often, and when it did so last. */
import type { Schedule } from "../model/schedule.ts";
import { codec } from "./codec.ts";
import { query, run, runOne } from "./query.ts";
import type { SchedulesTable } from "./tables.ts";
import type { Unit } from "./unit.ts";

const schedules = codec<Schedule, SchedulesTable>({
  id: "plain",
  instanceId: "plain",
  kind: "plain",
  everySeconds: "plain",
  offsetMs: "plain",
  paused: "flag",
  lastJobId: "plain",
  lastDueAt: "plain",
});

const select = () => query.selectFrom("schedules").selectAll();

/** Makes a schedule, or gives a known one another interval; it stays paused, and remembers its last tick. */
export function* upsertSchedule(schedule: Schedule): Unit<void> {
  const row = schedules.encode(schedule);
  const { kind, every_seconds, offset_ms } = row;
  yield* run(
    query
      .insertInto("schedules")
      .values(row)
      .onConflict((conflict) => conflict.column("id").doUpdateSet({ kind, every_seconds, offset_ms })),
  );
}

/** Removes the schedules of an instance; returns their ids. */
export function* deleteSchedules(instanceId: string): Unit<string[]> {
  const { rows } = yield* run(query.deleteFrom("schedules").where("instance_id", "=", instanceId).returning("id"));
  return rows.map(({ id }) => id);
}

/** Removes one schedule. */
export function* deleteSchedule(id: string): Unit<void> {
  yield* run(query.deleteFrom("schedules").where("id", "=", id));
}

/** The schedules of the instances a caller sees (null or absent: all). */
export function* listSchedules(filter: { readonly visible?: readonly string[] | null } = {}): Unit<Schedule[]> {
  const { visible } = filter;
  if (visible?.length === 0) return [];
  const seen = visible === undefined || visible === null ? select() : select().where("instance_id", "in", [...visible]);
  return (yield* run(seen.orderBy("instance_id").orderBy("kind"))).rows.map(schedules.decode);
}

export function* findSchedule(id: string): Unit<Schedule | undefined> {
  const row = yield* runOne(select().where("id", "=", id));
  return row === undefined ? undefined : schedules.decode(row);
}

/** Pauses or resumes; returns the schedule as it is after. */
export function* setPaused({
  id,
  paused,
}: {
  readonly id: string;
  readonly paused: boolean;
}): Unit<Schedule | undefined> {
  yield* run(
    query
      .updateTable("schedules")
      .set({ paused: paused ? 1 : 0 })
      .where("id", "=", id),
  );
  return yield* findSchedule(id);
}

/** Remembers the job of a tick; an older tick that comes late changes nothing. */
export function* recordTick(tick: { readonly id: string; readonly jobId: string; readonly dueAt: number }): Unit<void> {
  const { id, jobId, dueAt } = tick;
  yield* run(
    query
      .updateTable("schedules")
      .set({ last_job_id: jobId, last_due_at: dueAt })
      .where("id", "=", id)
      .where((is) => is.or([is("last_due_at", "is", null), is("last_due_at", "<=", dueAt)])),
  );
}
