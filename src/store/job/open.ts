/** Jobs that are not finished with: not enqueued, not settled, or with an open tail. */
import { sql } from "kysely";
import type { Job, JobState } from "../../model/job.ts";
import { prepared, query, run } from "../query.ts";
import type { Unit } from "../unit.ts";
import { type JobRow, jobOf } from "./row.ts";

interface Older {
  /** Milliseconds since 1970. */
  readonly olderThan: number;
  readonly limit: number;
}

const all = () => query.selectFrom("jobs").selectAll();
/** Written out, because an index over some rows is used only where the text names them as the index does. */
const isState = (state: JobState) => sql<boolean>`state = ${sql.lit(state)}`;

const jobsOf = ({ rows }: { readonly rows: readonly JobRow[] }): Job[] => rows.map(jobOf);

/** Notes that the queue took the jobs. */
export function* markEnqueued(ids: readonly string[], now: number): Unit<void> {
  if (ids.length === 0) return;
  yield* run(
    query
      .updateTable("jobs")
      .set({ enqueued_at: now })
      .where("id", "in", [...ids]),
  );
}

/** Queued jobs that the queue never took, oldest first. */
export function* notEnqueued({ olderThan, limit }: Older): Unit<Job[]> {
  return jobsOf(
    yield* run(
      all()
        .where("enqueued_at", "is", null)
        .where(isState("queued"))
        .where("created_at", "<", olderThan)
        .orderBy("created_at")
        .limit(limit),
    ),
  );
}

/** Every queued, running or retrying job, in the order of admission. */
export function* unsettledJobs({ after = 0, limit }: { readonly after?: number; readonly limit: number }): Unit<Job[]> {
  return jobsOf(
    yield* run(all().where("finished_at", "is", null).where("admission", ">", after).orderBy("admission").limit(limit)),
  );
}

/** Settled jobs whose `job.done`, locks or acknowledgement may still be due. */
export function* openTails({ olderThan, limit }: Older): Unit<Job[]> {
  return jobsOf(
    yield* run(
      all().where(sql<boolean>`tail = 'open'`).where("finished_at", "<", olderThan).orderBy("finished_at").limit(limit),
    ),
  );
}

const tailClosed = prepared<{ id: string }, unknown>((value) =>
  query.updateTable("jobs").set({ tail: "closed" }).where("id", "=", value("id")).where(sql<boolean>`tail = 'open'`),
);

export function* closeTail(id: string): Unit<void> {
  yield* tailClosed({ id });
}

export function* runningJobs({ workerId, limit }: { readonly workerId?: string; readonly limit: number }): Unit<Job[]> {
  const running = all().where(isState("running"));
  const select = workerId === undefined ? running : running.where("worker_id", "=", workerId);
  return jobsOf(yield* run(select.limit(limit)));
}

/** The unsettled jobs of an instance. */
export function* openJobsOf(instanceId: string): Unit<Job[]> {
  return jobsOf(
    yield* run(all().where("finished_at", "is", null).where("instance_id", "=", instanceId).orderBy("admission")),
  );
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
