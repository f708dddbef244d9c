/** Makes a plan: asks the driver what it would do, in `read` mode, and pins the writes it names. */
import { SwitchyardError } from "../errors.ts";
import { asDryRunResult } from "../model/dry-run.ts";
import { newId } from "../model/ids.ts";
import { requireSmall } from "../model/job-size.ts";
import type { Json, JsonObject } from "../model/json.ts";
import { findCapability, methodOf } from "../model/manifest.ts";
import type { DryRunResult, Plan } from "../model/plan.ts";
import { whyBlocked } from "../model/plan-block.ts";
import { planHash } from "../model/plan-hash.ts";
import type { TargetRef } from "../model/target.ts";
import type { CallRights, DriverHandle, JobContext } from "./context.ts";
import type { JobSubject } from "./subject.ts";

const planLifeMs = 24 * 60 * 60 * 1000;

/** What an action asks for. */
export interface Action {
  readonly capability: string;
  readonly verb: string;
  readonly target: TargetRef;
  readonly params: JsonObject;
}

/** How the driver's method is called for an action. */
export const actionArgs = (action: Action, dryRun: boolean): JsonObject => ({
  verb: action.verb,
  target: { ...action.target, external_id: action.target.id },
  params: action.params,
  dryRun,
});

export const rightsOf = (action: Action, mode: CallRights["mode"]): CallRights => ({
  mode,
  capability: action.capability,
  verb: action.verb,
  target: action.target,
});

/** The facts a plan stands for: two plans of the same hash would do the same to the same thing. */
const hashOf = (
  { instance, type }: JobSubject,
  action: Action,
  plan: Pick<Plan, "pinned" | "result" | "steps">,
): string =>
  planHash({
    instance: instance.id,
    config_revision: instance.configRevision,
    digest: type.digest,
    capability: action.capability,
    verb: action.verb,
    target: action.target,
    params: action.params,
    effects: plan.result.effects,
    steps: plan.steps,
    // Without steps, what a person saw is all that there is to be held to.
    ...(plan.pinned ? {} : { preview: plan.result.plan.preview ?? [] }),
  });

/**
 * Asks the driver for a dry run and turns it into a plan. Nothing is stored yet.
 * @throws SwitchyardError `read_only_violation` when the driver wrote, `plan_deviation` when a step lies outside
 * `writes[]`, `response_invalid` when the answer has another shape, `response_too_large`.
 */
export const makePlan = async (
  context: JobContext,
  subject: JobSubject,
  driver: DriverHandle,
  action: Action,
): Promise<Plan> => {
  if (findCapability(subject.type.manifest, action.capability) === undefined) {
    throw new SwitchyardError("capability_unsupported", { detail: `${subject.type.id} has no ${action.capability}.` });
  }
  const rights = rightsOf(action, "read");
  const { value } = await driver.call(methodOf(action.capability), actionArgs(action, true), rights);
  const proposed = asDryRunResult(value);
  const steps = driver.normaliseSteps(proposed.plan.steps, rights);
  const answered = driver.redact(proposed as unknown as Json) as unknown as DryRunResult;
  const isPinned = steps.length > 0 || subject.type.language === "node";
  const preview = steps.length > 0 ? driver.preview(steps) : (answered.plan.preview ?? []);
  const result = { ...answered, plan: { ...answered.plan, steps, preview } };
  // What is to be sent may be long: a put has a file in it.
  requireSmall("The plan", { ...result, plan: { ...result.plan, steps: [] } } as unknown as Json);
  const createdAt = context.now();
  return {
    id: newId("pln", createdAt),
    hash: hashOf(subject, action, { pinned: isPinned, result, steps }),
    instanceId: subject.instance.id,
    configRevision: subject.instance.configRevision,
    digest: subject.type.digest,
    ...action,
    pinned: isPinned,
    result,
    steps,
    createdAt,
    expiresAt: createdAt + planLifeMs,
    madeBy: context.job.id,
    usedBy: null,
  };
};

/** Why a plan may not be applied; null when it may. */
export const blockOf = (plan: Plan): SwitchyardError | null => {
  const why = whyBlocked(plan.result);
  if (why === null) return null;
  const details = { plan_id: plan.id, preconditions: plan.result.preconditions };
  return new SwitchyardError("plan_blocked", { detail: why, details });
};
