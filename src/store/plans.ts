/** Plans: what an action would do, and which job made or used it. */
import type { Plan } from "../model/plan.ts";
import { codec } from "./codec.ts";
import { query, run, runOne } from "./query.ts";
import type { PlansTable } from "./tables.ts";
import type { Unit } from "./unit.ts";

const plans = codec<Plan, PlansTable>({
  id: "plain",
  hash: "plain",
  instanceId: "plain",
  configRevision: "plain",
  digest: "plain",
  capability: "plain",
  verb: "plain",
  target: "json",
  params: "json",
  pinned: "flag",
  result: "json",
  steps: "json",
  createdAt: "plain",
  expiresAt: "plain",
  madeBy: "plain",
  usedBy: "plain",
});

const planOf = (row: PlansTable | undefined): Plan | undefined => (row === undefined ? undefined : plans.decode(row));

export function* insertPlan(plan: Plan): Unit<void> {
  yield* run(query.insertInto("plans").values(plans.encode(plan)));
}

export function* findPlan(id: string): Unit<Plan | undefined> {
  return planOf(yield* runOne(query.selectFrom("plans").selectAll().where("id", "=", id)));
}

/** Gives the plan to a job; false when another job has it: a plan serves one. */
export function* takePlan({ id, jobId }: { readonly id: string; readonly jobId: string }): Unit<boolean> {
  const { changes } = yield* run(
    query
      .updateTable("plans")
      .set({ used_by: jobId })
      .where("id", "=", id)
      .where((is) => is.or([is("used_by", "is", null), is("used_by", "=", jobId)])),
  );
  return changes > 0;
}

/** The plan that the job took. */
export function* planOfJob(jobId: string): Unit<Plan | undefined> {
  const mine = query.selectFrom("plans").selectAll().where("used_by", "=", jobId);
  return planOf(yield* runOne(mine.orderBy("created_at", "desc").limit(1)));
}

/** Forgets plans that expired before; returns how many. The plan of a job that is still open stays. */
export function* prunePlans({ before, limit }: { readonly before: number; readonly limit: number }): Unit<number> {
  const open = query.selectFrom("jobs").select("id").where("finished_at", "is", null);
  const due = query
    .selectFrom("plans")
    .select("id")
    .where("expires_at", "<", before)
    .where((is) => is.or([is("used_by", "is", null), is("used_by", "not in", open)]))
    .limit(limit);
  return (yield* run(query.deleteFrom("plans").where("id", "in", due))).changes;
}
