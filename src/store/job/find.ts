/** Jobs by id. */
import { sql } from "kysely";
import type { Job, JobState } from "../../model/job.ts";
import { prepared, query, run } from "../query.ts";
import type { Unit } from "../unit.ts";
import { errorOf, type JobRow, jobOf } from "./row.ts";

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

/** So much is read at once of jobs that nobody asked for one by one. */
const mostBytes = 8 * 1024 * 1024;
/** A text's length in bytes stands in front of it: both databases know it without reading the text. */
const weight = sql<number>`octet_length(input) + coalesce(octet_length(sealed_input), 0)
  + coalesce(octet_length(result), 0) + coalesce(octet_length(error), 0)`;

/** As many of the first as 8 MiB hold, and one at least. */
function* fitting(ids: readonly string[]): Unit<readonly string[]> {
  if (ids.length < 2) return ids;
  const weighed = query.selectFrom("jobs").select(["id", weight.as("bytes")]);
  const { rows } = yield* run(weighed.where("id", "in", [...ids]));
  const bytesOf = new Map(rows.map(({ id, bytes }) => [id, Number(bytes)]));
  let sum = 0;
  const end = ids.findIndex((id, index) => {
    sum += bytesOf.get(id) ?? 0;
    return sum > mostBytes && index > 0;
  });
  return end < 0 ? ids : ids.slice(0, end);
}

/** The first of the jobs, in the order of the ids: all, unless they are very large. */
export function* findFirstJobs(ids: readonly string[]): Unit<Job[]> {
  return yield* findJobs(yield* fitting(ids));
}

/** How a job stands, without what it was given and what it came to. */
export interface JobOutcome extends Pick<Job, "id" | "state" | "startedAt" | "error"> {
  readonly instanceId: string | null;
}

export function* findOutcomes(ids: readonly string[]): Unit<JobOutcome[]> {
  if (ids.length === 0) return [];
  const select = query.selectFrom("jobs").select(["id", "state", "started_at", "error", "instance_id"]);
  const { rows } = yield* run(select.where("id", "in", [...ids]));
  const outcomes = new Map(
    rows.map(({ id, state, started_at: startedAt, error, instance_id: instanceId }) => [
      id,
      { id, state, startedAt, error: errorOf(error), instanceId },
    ]),
  );
  return ids.flatMap((id) => outcomes.get(id) ?? []);
}

export function* findStates(ids: readonly string[]): Unit<Map<string, JobState>> {
  if (ids.length === 0) return new Map();
  const select = query.selectFrom("jobs").select(["id", "state"]);
  const { rows } = yield* run(select.where("id", "in", [...ids]));
  return new Map(rows.map(({ id, state }) => [id, state]));
}
