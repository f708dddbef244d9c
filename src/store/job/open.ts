/** Jobs that are not finished with: not enqueued, not settled, or with an open tail. */
import { sql } from "kysely";
import type { Job, JobState } from "../../model/job.ts";
import { prepared, query, run } from "../query.ts";
import type { Unit } from "../unit.ts";
import { findFirstJobs } from "./find.ts";
import type { JobRow } from "./row.ts";

interface Older {
  /** Milliseconds since 1970. */
  readonly olderThan: number;
  readonly limit: number;
}

const columns = ["id", "attempt", "queue", "state", "locks", "admission", "run_at"] as const;

/** As much of an open job as it takes to see to it: hundreds are read at once, and what each was given may be long. */
export type OpenJob = Pick<Job, "id" | "attempt" | "queue" | "state" | "locks" | "admission" | "runAt">;

const openJobOf = (row: Pick<JobRow, (typeof columns)[number]>): OpenJob => ({
  id: row.id,
  attempt: row.attempt,
  queue: row.queue,
  state: row.state,
  locks: JSON.parse(row.locks),
  admission: row.admission,
  runAt: row.run_at,
});

const all = () => query.selectFrom("jobs").select([...columns]);
/** Written as the indexes over some rows say it, because they are used only where the text names those rows. */
const open = () => all().where("finished_at", "is", null);
const begun = (state: JobState) => open().where("started_at", "is not", null).where("state", "=", state);

/** The open jobs are fewer than all jobs of an instance: as a computed value it does not lead to the index of the latter. */
export const openInstance = sql<string>`(instance_id || '')`;

type OpenRows = { readonly rows: readonly Parameters<typeof openJobOf>[0][] };

const jobsOf = ({ rows }: OpenRows): OpenJob[] => rows.map(openJobOf);

/** Notes that the queue took the jobs; of a job that is over by now nobody asks. */
export function* markEnqueued(ids: readonly string[], now: number): Unit<void> {
  if (ids.length === 0) return;
  yield* run(
    query
      .updateTable("jobs")
      .set({ enqueued_at: now })
      .where("id", "in", [...ids])
      .where("finished_at", "is", null),
  );
}

/** Queued jobs that the queue never took, oldest first. */
export function* notEnqueued({ olderThan, limit }: Older): Unit<OpenJob[]> {
  return jobsOf(
    yield* run(
      open()
        .where("enqueued_at", "is", null)
        .where(sql<string>`(state || '')`, "=", "queued")
        .where("created_at", "<", olderThan)
        .orderBy("created_at")
        .limit(limit),
    ),
  );
}

/** Every queued, running or retrying job, in the order of admission. */
export function* unsettledJobs({
  after = 0,
  limit,
}: {
  readonly after?: number;
  readonly limit: number;
}): Unit<OpenJob[]> {
  return jobsOf(yield* run(open().where("admission", ">", after).orderBy("admission").limit(limit)));
}

/** Settled jobs whose `job.done`, locks or acknowledgement may still be due; fewer where they are very large. */
export function* openTails({ olderThan, limit }: Older): Unit<Job[]> {
  const open = query.selectFrom("jobs").select("id").where(sql<boolean>`tail = 'open'`);
  const { rows } = yield* run(open.where("finished_at", "<", olderThan).orderBy("finished_at").limit(limit));
  return yield* findFirstJobs(rows.map(({ id }) => id));
}

const tailClosed = prepared<{ id: string }, unknown>((value) =>
  query.updateTable("jobs").set({ tail: "closed" }).where("id", "=", value("id")).where(sql<boolean>`tail = 'open'`),
);

export function* closeTail(id: string): Unit<void> {
  yield* tailClosed({ id });
}

interface Whose {
  readonly workerId?: string;
  readonly limit: number;
}

export function* runningJobs({ workerId, limit }: Whose): Unit<OpenJob[]> {
  const running = begun("running");
  const select = workerId === undefined ? running : running.where("worker_id", "=", workerId);
  return jobsOf(yield* run(select.limit(limit)));
}

/** Running jobs that were begun before that moment and whose worker is none of these. */
export function* orphanedJobs({
  alive,
  olderThan,
  limit,
}: Older & { readonly alive: readonly string[] }): Unit<OpenJob[]> {
  const running = begun("running").where("started_at", "<", olderThan);
  const lost = alive.length === 0 ? running : running.where("worker_id", "not in", [...alive]);
  return jobsOf(yield* run(lost.orderBy("admission").limit(limit)));
}

/** Jobs whose time for another try came before that moment. */
export function* overdueJobs({ olderThan, limit }: Older): Unit<OpenJob[]> {
  const retrying = begun("retrying").where("run_at", "<", olderThan);
  return jobsOf(yield* run(retrying.orderBy("admission").limit(limit)));
}

/** The unsettled jobs of an instance. */
export function* openJobsOf(instanceId: string): Unit<OpenJob[]> {
  return jobsOf(yield* run(open().where(openInstance, "=", instanceId).orderBy("admission")));
}

/** How many jobs are in each open state, by queue: figures for metrics. */
export function* countOpenJobs(): Unit<{ readonly state: JobState; readonly queue: string; readonly count: number }[]> {
  const { rows } = yield* run(
    query
      .selectFrom("jobs")
      .select((count) => ["state", "queue", count.fn.countAll<number>().as("count")])
      .where("finished_at", "is", null)
      .groupBy(["state", "queue"]),
  );
  return [...rows];
}
