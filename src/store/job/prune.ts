/** Forgets settled jobs, with their events and journals, once nobody needs them. */
import { sql } from "kysely";
import { firstIdAt } from "../../model/ids.ts";
import { query, run } from "../query.ts";
import type { Unit } from "../unit.ts";

interface JobPruning {
  /** Settled before: forgotten. Milliseconds since 1970. */
  readonly before: number;
  /** Routine jobs (scheduled, succeeded, nothing changed) settled before: forgotten. */
  readonly scheduledBefore: number;
  /** At most so many in one unit. */
  readonly limit: number;
}

/** Deletes at most `limit` jobs and returns how many; a job whose tail is open stays. */
export function* pruneJobs({ before, scheduledBefore, limit }: JobPruning): Unit<number> {
  const due = query.selectFrom("jobs").select("id").where("tail", "=", "closed");
  const old = yield* run(
    due
      // What was settled before was also made before: the walk begins at the oldest and ends where the kept ones begin.
      .where("id", "<", firstIdAt("job", before))
      .where("finished_at", "<", before)
      .orderBy("id")
      .limit(limit),
  );
  const routine = yield* run(
    due.where(sql<boolean>`is_routine = 1`).where("finished_at", "<", scheduledBefore).limit(limit),
  );
  const ids = [...new Set([...old.rows, ...routine.rows].map(({ id }) => id))].slice(0, limit);
  if (ids.length === 0) return 0;
  return (yield* run(query.deleteFrom("jobs").where("id", "in", ids))).changes;
}
