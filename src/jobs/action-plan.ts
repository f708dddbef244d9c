/** action.plan: shows what an action would do, and remembers it so that exactly this can be applied. */
import type { Json } from "../model/json.ts";
import type { Plan } from "../model/plan.ts";
import { withReason } from "../model/plan-block.ts";
import { insertPlan } from "../store/plans.ts";
import type { JobInput } from "./catalog.ts";
import type { JobContext } from "./context.ts";
import { type Action, makePlan } from "./make-plan.ts";
import { readSubject } from "./subject.ts";

/** The dry-run result as a caller sees it. */
const planResult = (plan: Plan): Json => ({
  ...(plan.result as unknown as Record<string, Json>),
  pinned: plan.pinned,
  plan_id: plan.id,
  plan_hash: plan.hash,
  expires_at: new Date(plan.expiresAt).toISOString(),
});

export const planAction = async (context: JobContext): Promise<Json> => {
  const input = context.job.input as unknown as JobInput<"action.plan">;
  const subject = await readSubject(context, input.instance_id);
  const driver = await context.driver(subject.instance, subject.type);
  context.progress("plan", `Planning ${input.verb} of ${input.target.type} ${input.target.id}`, 20);
  const plan = await makePlan(context, subject, driver, input as Action);
  for (const one of plan.result.preconditions) {
    if (one.ok) context.emit("precondition", "info", `${one.check}: holds`);
    else context.emit("precondition", "warn", `${withReason(one)}: does not hold`);
  }
  for (const line of plan.result.plan.preview ?? []) context.emit("plan", "info", line);
  context.onSettle(function* ({ state }) {
    if (state === "succeeded") yield* insertPlan(plan);
  });
  return planResult(plan);
};
