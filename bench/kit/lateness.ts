/** How late scheduled work was, from the rows of its jobs. */
import Database from "better-sqlite3";

export interface ScheduledJob {
  /** From when it was due to its admission. */
  readonly lateMs: number;
  /** From when it was due to its first claim; null when it never began. */
  readonly startedLateMs: number | null;
  readonly kind: string;
  readonly state: string;
}

/** One tick of a schedule, whether a job came of it or not. */
export interface DueTick {
  readonly kind: string;
  /** From when it was due to the claim of its job; until the end of the measure when that did not come. */
  readonly lateMs: number;
  /** What its job is; null when there is none. */
  readonly state: string | null;
}

interface Row {
  readonly kind: string;
  readonly state: string;
  readonly key: string;
  readonly createdAt: number;
  readonly startedAt: number | null;
}

/** The scheduled jobs that were due between two times. */
export const scheduledJobs = (file: string, from: number, to: number): ScheduledJob[] => {
  const db = new Database(file, { readonly: true });
  const rows = db
    .prepare(
      `select kind, state, idempotency_key as key, created_at as createdAt, started_at as startedAt from jobs
       where json_extract(requested_by, '$.scheduleId') is not null`,
    )
    .all() as Row[];
  db.close();
  return rows.flatMap(({ kind, state, key, createdAt, startedAt }) => {
    // The key of a tick ends with the time for which it was made.
    const due = Number(key.slice(key.lastIndexOf(":") + 1));
    if (due < from || due > to) return [];
    return [{ kind, state, lateMs: createdAt - due, startedLateMs: startedAt === null ? null : startedAt - due }];
  });
};

interface ScheduleRow {
  readonly id: string;
  readonly instance: string;
  readonly kind: string;
  readonly everyMs: number;
  readonly offsetMs: number;
  /** When its instance was added. */
  readonly since: number;
}

const timesBetween = ({ everyMs, offsetMs }: ScheduleRow, from: number, to: number): number[] => {
  const times: number[] = [];
  for (let at = Math.ceil((from - offsetMs) / everyMs) * everyMs + offsetMs; at <= to; at += everyMs) times.push(at);
  return times;
};

const readAll = (file: string) => {
  const db = new Database(file, { readonly: true });
  const schedules = db
    .prepare(
      `select schedules.id, instance_id as instance, kind, every_seconds * 1000 as everyMs, offset_ms as offsetMs,
       created_at as since from schedules join instances on instances.id = instance_id where paused = 0`,
    )
    .all() as ScheduleRow[];
  const jobs = db
    .prepare(
      `select instance_id as instance, state, idempotency_key as key, started_at as startedAt, finished_at as finishedAt
       from jobs where instance_id is not null`,
    )
    .all() as { instance: string; state: string; key: string; startedAt: number | null; finishedAt: number | null }[];
  db.close();
  return { schedules, jobs };
};

/**
 * Every tick that was due between two times, from the schedules themselves: also those that nobody made a job of.
 * A heartbeat is left out where another contact of that interval shows as well that the instance answers.
 */
export const dueTicks = (file: string, from: number, to: number): DueTick[] => {
  const { schedules, jobs } = readAll(file);
  const byKey = new Map(jobs.map((job) => [job.key, job]));
  const contacts = Map.groupBy(
    jobs.filter(({ state }) => state === "succeeded"),
    ({ instance }) => instance,
  );
  const hadContact = ({ instance, everyMs }: ScheduleRow, due: number): boolean =>
    (contacts.get(instance) ?? []).some(
      ({ finishedAt }) => (finishedAt ?? 0) > due - everyMs && (finishedAt ?? 0) <= due + everyMs / 2,
    );
  return schedules.flatMap((schedule) =>
    timesBetween(schedule, Math.max(from, schedule.since), to).flatMap((due): DueTick[] => {
      const { kind } = schedule;
      const job = byKey.get(`${schedule.id}:${due}`);
      if (job !== undefined) return [{ kind, lateMs: (job.startedAt ?? to) - due, state: job.state }];
      const isSpared = kind === "instance.test_connection" && hadContact(schedule, due);
      return isSpared ? [] : [{ kind, lateMs: to - due, state: null }];
    }),
  );
};
