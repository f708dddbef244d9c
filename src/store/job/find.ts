/** Jobs by id. */
import type { Job } from "../../model/job.ts";
import { prepared, query, run } from "../query.ts";
import type { Unit } from "../unit.ts";
import { type JobRow, jobOf } from "./row.ts";

const byId = prepared<{ id: string }, JobRow>((value) =>
  query.selectFrom("jobs").selectAll().where("id", "=", value("id")),
);
const byIdHeld = prepared<{ id: string }, JobRow>((value) =>
  query.selectFrom("jobs").selectAll().where("id", "=", value("id")).forUpdate(),
);

export function* findJob(id: string): Unit<Job | undefined> {
  const row = (yield* byId({ id })).rows[0];
  return row === undefined ? undefined : jobOf(row);
}

/** The job, held until the unit ends: nobody else changes it meanwhile. */
export function* holdJob(id: string): Unit<Job | undefined> {
  const row = (yield* byIdHeld({ id })).rows[0];
  return row === undefined ? undefined : jobOf(row);
}

/** Those of the jobs that exist, in the order of the ids. */
export function* findJobs(ids: readonly string[]): Unit<Job[]> {
  if (ids.length === 0) return [];
  const { rows } = yield* run(
    query
      .selectFrom("jobs")
      .selectAll()
      .where("id", "in", [...ids]),
  );
  const jobs = new Map(rows.map((row) => [row.id, jobOf(row)]));
  return ids.flatMap((id) => jobs.get(id) ?? []);
}
