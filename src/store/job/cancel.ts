/** Asks for a job's end; its worker, or the next claim, sees it. */
import { isSettled, type Job } from "../../model/job.ts";
import { query, run } from "../query.ts";
import type { Unit } from "../unit.ts";
import { holdJob } from "./find.ts";

/** Notes that the job is to be cancelled, unless it is settled; returns it as it is after. */
export function* requestCancel({ id, now }: { readonly id: string; readonly now: number }): Unit<Job | undefined> {
  const job = yield* holdJob(id);
  if (job === undefined || isSettled(job.state) || job.cancelRequestedAt !== null) return job;
  yield* run(query.updateTable("jobs").set({ cancel_requested_at: now }).where("id", "=", id));
  return { ...job, cancelRequestedAt: now };
}

/** Those of the running jobs whose end was asked for. */
export function* cancelledAmong(ids: readonly string[]): Unit<string[]> {
  if (ids.length === 0) return [];
  const { rows } = yield* run(
    query
      .selectFrom("jobs")
      .select("id")
      .where("id", "in", [...ids])
      .where("state", "=", "running")
      .where("cancel_requested_at", "is not", null),
  );
  return rows.map(({ id }) => id);
}
