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
