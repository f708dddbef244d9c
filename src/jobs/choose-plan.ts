/** Which plan an action.run applies: the one it began with, the one it was given, or a new one. */
import { SwitchyardError } from "../errors.ts";
import { canonicalJson } from "../model/canonical.ts";
import type { JsonObject } from "../model/json.ts";
import type { Plan } from "../model/plan.ts";
import { findJob } from "../store/jobs.ts";
import { findPlan, insertPlan, planOfJob, takePlan } from "../store/plans.ts";
import type { DriverHandle, JobContext } from "./context.ts";
import { type Action, blockOf, makePlan } from "./make-plan.ts";
import type { JobSubject } from "./subject.ts";

const defaultSlaSeconds = 5;

interface Choice {
  readonly subject: JobSubject;
  readonly driver: DriverHandle;
  readonly action: Action;
  readonly planId?: string;
}

const same = (left: unknown, right: unknown): boolean => canonicalJson(left) === canonicalJson(right);

const checksOf = (plan: Plan): unknown => plan.result.preconditions.map(({ check, ok }) => ({ check, ok }));

/** The plan must be for this action, in time and unused. */
const checkGiven = (context: JobContext, plan: Plan, { subject, action }: Choice): void => {
  const isSame =
    plan.capability === action.capability &&
    plan.verb === action.verb &&
    same(plan.target, action.target) &&
    same(plan.params, action.params);
  if (plan.instanceId !== subject.instance.id) {
    throw new SwitchyardError("plan_mismatch", { detail: "The plan is not for this instance. Plan anew." });
  }
  if (!isSame) {
    throw new SwitchyardError("plan_mismatch", {
      detail: `The plan is for ${plan.verb} of ${plan.target.type} ${plan.target.id}, not for what was asked. Plan anew.`,
    });
  }
  if (plan.usedBy !== null && plan.usedBy !== context.job.id) {
    throw new SwitchyardError("plan_used", { detail: `The plan served ${plan.usedBy}. Plan anew.` });
  }
  if (plan.expiresAt < context.now()) {
    throw new SwitchyardError("plan_expired", { detail: "The plan is older than 24 hours. Plan anew." });
  }
};

/**
 * Stand-ins for secrets look alike, so the plan's own job says what they stood for: it has them sealed, and nothing
 * of them needs to lie beside the plan.
 */
const requireSameSecrets = async (context: JobContext, plan: Plan): Promise<void> => {
  const maker = await context.store.read(() => findJob(plan.madeBy));
  if (context.hasSecretParamsOf(maker ?? { id: plan.madeBy, sealedInput: null })) return;
  throw new SwitchyardError("plan_mismatch", {
    detail: "The plan was made with another value of a secret parameter. Plan anew with the value that is meant.",
  });
};

/** An older plan is computed again: it is applied only when it would still be the same. */
const confirmGiven = async (context: JobContext, plan: Plan, choice: Choice): Promise<void> => {
  const { subject, driver, action } = choice;
  const slaMs = (subject.type.manifest.defaults?.dry_run_refresh_sla_s ?? defaultSlaSeconds) * 1000;
  const isMoved = plan.configRevision !== subject.instance.configRevision || plan.digest !== subject.type.digest;
  if (!isMoved && context.now() - plan.createdAt <= slaMs) return;
  context.progress("plan", "The plan is older than it may be: looking again", 15);
  const anew = await makePlan(context, subject, driver, action);
  if (anew.hash === plan.hash && same(checksOf(anew), checksOf(plan))) return;
  throw new SwitchyardError("plan_stale", {
    detail: "The device changed since the plan was made: what would be done now differs. Plan anew.",
    details: {
      planned: { effects: plan.result.effects, preconditions: checksOf(plan) },
      now: { effects: anew.result.effects, preconditions: checksOf(anew) },
    } as unknown as JsonObject,
  });
};

const givenPlan = async (context: JobContext, planId: string, choice: Choice): Promise<Plan> => {
  const plan = await context.store.read(() => findPlan(planId));
  if (!plan) throw new SwitchyardError("not_found", { detail: `There is no plan ${planId}.` });
  checkGiven(context, plan, choice);
  await requireSameSecrets(context, plan);
  await confirmGiven(context, plan, choice);
  return plan;
};

/** A plan that was begun is not gone on with at another endpoint. */
const requireSameConfig = (begun: Plan, { instance }: JobSubject): void => {
  if (begun.configRevision === instance.configRevision) return;
  throw new SwitchyardError("plan_stale", {
    detail: `The configuration of ${instance.name} changed while the plan was applied: the rest was not sent. Plan anew.`,
  });
};

/** Binds the plan to this job, durably, before anything is sent. */
const bindPlan = async (context: JobContext, plan: Plan, isNew: boolean): Promise<void> => {
  const isTaken = await context.store.write(function* () {
    if (isNew) yield* insertPlan(plan);
    return yield* takePlan({ id: plan.id, jobId: context.job.id });
  });
  if (!isTaken) throw new SwitchyardError("plan_used", { detail: "Another job took the plan first. Plan anew." });
};

/**
 * The plan this job applies, bound to it. A re-run keeps the plan it began with, whatever the device shows now.
 * @throws SwitchyardError `plan_mismatch`, `plan_used`, `plan_expired`, `plan_stale`, `plan_blocked`.
 */
export const choosePlan = async (
  context: JobContext,
  choice: Choice,
  check: (plan: Plan) => void,
): Promise<{ plan: Plan; isResumed: boolean }> => {
  const begun = await context.store.read(() => planOfJob(context.job.id));
  const { planId, subject, driver, action } = choice;
  if (begun) {
    requireSameConfig(begun, subject);
    return { plan: begun, isResumed: true };
  }
  const plan =
    planId === undefined ? await makePlan(context, subject, driver, action) : await givenPlan(context, planId, choice);
  const block = blockOf(plan);
  if (block) throw block;
  check(plan);
  await bindPlan(context, plan, planId === undefined);
  return { plan, isResumed: false };
};
