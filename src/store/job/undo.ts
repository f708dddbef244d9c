/** Finds the job that took back another one, or is about to. */
import { firstIdAt } from "../../model/ids.ts";
import { type Job, openStates } from "../../model/job.ts";
import { query, runOne } from "../query.ts";
import type { Unit } from "../unit.ts";
import { jobOf } from "./row.ts";

interface Undone {
  readonly id: string;
  readonly kind: string;
  readonly instanceId: string;
  readonly createdAt: number;
}

/** The undo that is open or succeeded; one that failed took nothing back. */
export function* findUndo({ id, kind, instanceId, createdAt }: Undone): Unit<Job | undefined> {
  const row = yield* runOne(
    query
      .selectFrom("jobs")
      .selectAll()
      // An undo has the instance and kind of what it undoes and comes after it: that bounds the search to a part of an index.
      .where("instance_id", "=", instanceId)
      .where("kind", "=", kind)
      .where("id", ">=", firstIdAt("job", createdAt))
      .where("undo_of", "=", id)
      .where("state", "in", [...openStates, "succeeded"]),
  );
  return row === undefined ? undefined : jobOf(row);
}
