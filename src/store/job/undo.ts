/** Finds the job that took back another one, or is about to. */
import { firstIdAt } from "../../model/ids.ts";
import { openStates } from "../../model/job.ts";
import { query, runOne } from "../query.ts";
import type { Unit } from "../unit.ts";

interface Undone {
  readonly id: string;
  readonly kind: string;
  readonly instanceId: string;
  readonly createdAt: number;
}

/** The id of the undo that is open or succeeded; one that failed took nothing back. */
export function* findUndo({ id, kind, instanceId, createdAt }: Undone): Unit<string | undefined> {
  const row = yield* runOne(
    query
      .selectFrom("jobs")
      .select("id")
      // An undo has the instance and kind of what it undoes and comes after it: that bounds the search to a part of an index.
      .where("instance_id", "=", instanceId)
      .where("kind", "=", kind)
      .where("id", ">=", firstIdAt("job", createdAt))
      .where("undo_of", "=", id)
      .where("state", "in", [...openStates, "succeeded"]),
  );
  return row?.id;
}
