/** Fewer, smaller indexes on jobs: a job that succeeds touches as few of them as can be. */
import type { Migration } from "./migration.ts";

const dropped = [
  "jobs_recent",
  "jobs_by_kind",
  "jobs_by_state",
  "jobs_by_kind_and_state",
  "jobs_by_instance",
  "jobs_by_type",
  "jobs_unsettled",
  "jobs_of_instance",
  "jobs_not_enqueued",
  "jobs_running",
  "jobs_settled",
];

/** The runner names the error of each job that does not succeed; a row without one would be in no list of failures. */
const errors = `update jobs set error = '{"code":"internal","title":"The runner made a mistake","detail":"The job ended without saying why."}'
  where error is null and finished_at is not null and state <> 'succeeded'`;

/** Nearly all jobs have none, and a job that succeeds never sets it: that costs it nothing. */
const isWell = "(case when error is null then 1 else 0 end)";

const created = [
  // Newest first is the order of the ids, which begin with their time. No state in these: it changes under each job.
  `create index jobs_by_kind on jobs (kind, id, ${isWell})`,
  `create index jobs_by_instance on jobs (instance_id, kind, id, ${isWell}) where instance_id is not null`,
  `create index jobs_by_type on jobs (type_id, kind, id, ${isWell}) where type_id is not null`,
  // What the schedules ask for is most of all; who asks for his own jobs does not go through those.
  `create index jobs_asked on jobs (id, principal_id) where requested_by not like '%"scheduleId":%'`,
  // Only jobs that did not succeed lie in these.
  // The first of them says one thing more, so that a query which leaves that out cannot take it for one of the others.
  "create index jobs_failed on jobs (state, id) where error is not null and finished_at is not null",
  "create index jobs_failed_by_kind on jobs (kind, state, id) where error is not null",
  "create index jobs_failed_by_instance on jobs (instance_id, kind, state, id) where error is not null",
  "create index jobs_failed_by_type on jobs (type_id, kind, state, id) where error is not null",
  // Only open jobs lie in these. Among many that wait, those that began are few.
  "create index jobs_open on jobs (admission, instance_id) where finished_at is null",
  "create index jobs_begun on jobs (state, admission) where started_at is not null and finished_at is null",
  "create index jobs_not_enqueued on jobs (created_at) where enqueued_at is null and finished_at is null",
];

export const fewerIndexes: Migration = {
  version: 2,
  name: "fewer-indexes",
  statements: () => [...dropped.map((name) => `drop index ${name}`), errors, ...created],
};
