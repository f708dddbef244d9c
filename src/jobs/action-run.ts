/** action.run: does what was planned and nothing else, follows it to its end, and reads back what came of it. */
import { SwitchyardError } from "../errors.ts";
import { asActionResult } from "../model/dry-run.ts";
import { cutTo, maxResultBytes, requireSmall } from "../model/job-size.ts";
import type { Json, JsonObject } from "../model/json.ts";
import { findCapability, methodOf, verbMode } from "../model/manifest.ts";
import type { JournalEntry, Plan } from "../model/plan.ts";
import { progressOf, wasSent } from "../model/step-answer.ts";
import { requireLeft } from "../model/undo.ts";
import { findJob } from "../store/jobs.ts";
import { readJournal } from "../store/journal.ts";
import type { JobInput } from "./catalog.ts";
import { choosePlan } from "./choose-plan.ts";
import type { CallOutcome, DriverHandle, JobContext } from "./context.ts";
import { type Action, actionArgs, rightsOf } from "./make-plan.ts";
import { type JobSubject, readSubject } from "./subject.ts";

interface Run {
  readonly context: JobContext;
  readonly subject: JobSubject;
  readonly driver: DriverHandle;
  readonly action: Action;
  readonly journal: readonly JournalEntry[];
}

/** A write that was sent and never answered is not repeated: a person decides, with a read-back at hand. */
const refuseUnknown = ({ journal }: Run): void => {
  const open = journal.find((entry) => entry.answeredAt === null && !entry.idempotent);
  if (!open) return;
  throw new SwitchyardError("outcome_unknown", {
    detail: "A write was sent and its answer was lost with the worker. Look at the device before doing it again.",
    details: { step: open.index, request: open.request, steps_done: progressOf(journal).done, next: "read_back" },
  });
};

/** What the action that is undone came to; undefined when this job undoes none. */
const undoneResult = async ({ job, store }: JobContext): Promise<Json | undefined> => {
  const { undoOf } = job;
  if (undoOf === null) return undefined;
  const undone = await store.read(() => findJob(undoOf));
  return undone?.result ?? null;
};

/** The instance may have been changed while the job waited: nothing is written to what nobody has reviewed. */
const requireReviewed = ({ subject: { instance } }: Run): void => {
  if (instance.state !== "needs_review") return;
  throw new SwitchyardError("needs_review", {
    detail: `The instance ${instance.name} changed after this action was asked for: test it, then run the action again.`,
  });
};

/** What was written is written: too long an answer to it is cut, and fails nothing. */
const resultOf = (outcome: CallOutcome, plan: Plan | null): JsonObject => {
  const answer = asActionResult(outcome.value);
  if (answer.ok === false) {
    throw new SwitchyardError("device_error", {
      detail: "The driver says that the action did not succeed.",
      details: { steps_done: outcome.stepsDone, details: answer.details ?? null },
    });
  }
  const effects = answer.effects?.per_target ?? plan?.result.effects.per_target ?? [];
  return cutTo(maxResultBytes, {
    ok: answer.ok ?? true,
    pinned: plan?.pinned ?? false,
    ...(answer.task_id === undefined ? {} : { task_id: answer.task_id }),
    ...(plan === null ? {} : { plan_id: plan.id }),
    steps_done: outcome.stepsDone,
    effects: { per_target: effects as unknown as Json },
    details: answer.details ?? {},
  });
};

const runRead = async ({ driver, action }: Run): Promise<Json> => {
  const outcome = await driver.call(methodOf(action.capability), actionArgs(action, false), rightsOf(action, "read"));
  const { value } = outcome;
  requireSmall("The answer", value);
  return { ok: true, pinned: false, steps_done: 0, effects: { per_target: [] }, details: value };
};

const runFree = async ({ context, driver, action, journal }: Run): Promise<Json> => {
  if (journal.some(({ idempotent, answer }) => !idempotent && (answer === null || wasSent(answer)))) {
    throw new SwitchyardError("outcome_unknown", {
      detail: "An earlier attempt wrote without a plan and was lost: what it did is not known. Look at the device.",
      details: { steps_done: progressOf(journal).done },
    });
  }
  context.progress("apply", `${action.verb} ${action.target.id}`, 40);
  const rights = { ...rightsOf(action, "free"), journal };
  return resultOf(await driver.call(methodOf(action.capability), actionArgs(action, false), rights), null);
};

const runPlanned = async (run: Run, planId: string | undefined): Promise<Json> => {
  const { context, subject, driver, action, journal } = run;
  const undone = await undoneResult(context);
  const check = ({ result }: Plan): void => {
    if (undone !== undefined) requireLeft(undone, result.effects.per_target);
  };
  context.progress("plan", `Planning ${action.verb} of ${action.target.type} ${action.target.id}`, 10);
  const choice = { subject, driver, action, ...(planId === undefined ? {} : { planId }) };
  const { plan, isResumed } = await choosePlan(context, choice, check);
  context.emit("plan", "info", `${isResumed ? "Goes on with" : "Applies"} plan ${plan.id}`, {
    plan_id: plan.id,
    hash: plan.hash,
    steps: plan.steps.length,
    answered: journal.filter(({ answeredAt }) => answeredAt !== null).length,
  });
  context.progress("apply", `${action.verb} ${action.target.type} ${action.target.id}`, 40);
  const rights = { ...rightsOf(action, plan.pinned ? "apply" : "free"), steps: plan.steps, journal };
  const planned = { ...plan.result, steps: plan.steps, plan_id: plan.id };
  const args = { ...actionArgs(action, false), plan: planned as unknown as Json };
  const outcome = await driver.call(methodOf(action.capability), args, rights);
  const result = resultOf(outcome, plan);
  if (result["ok"] === true && plan.pinned && outcome.stepsLeft > 0) {
    if (outcome.failedStep !== null) throw outcome.failedStep;
    throw new SwitchyardError("plan_incomplete", {
      detail: `The driver says that it is done, but ${outcome.stepsLeft} of ${plan.steps.length} steps were not sent.`,
      details: { steps_done: outcome.stepsDone, steps_left: outcome.stepsLeft },
    });
  }
  return result;
};

/** Admission saw a plan that could be applied; a release that was installed since may not plan any more. */
const requirePlanned = (
  mode: ReturnType<typeof verbMode>,
  { plan_id, capability, verb }: JobInput<"action.run">,
): void => {
  if (plan_id === undefined || mode === "planned") return;
  throw new SwitchyardError("plan_mismatch", {
    detail: `The release in use plans nothing for ${verb} of ${capability}, so that ${plan_id} cannot be applied. Run it without.`,
  });
};

export const runAction = async (context: JobContext): Promise<Json> => {
  const input = context.job.input as unknown as JobInput<"action.run">;
  const subject = await readSubject(context, input.instance_id);
  const capability = findCapability(subject.type.manifest, input.capability);
  if (!capability) {
    throw new SwitchyardError("capability_unsupported", { detail: `${subject.type.id} has no ${input.capability}.` });
  }
  const { attempt, id } = context.job;
  const journal = attempt === 1 ? [] : await context.store.read(() => readJournal(id));
  const driver = await context.driver(subject.instance, subject.type);
  const action = {
    capability: input.capability,
    verb: input.verb,
    target: input.target,
    params: input.params as JsonObject,
  };
  const run: Run = { context, subject, driver, action, journal };
  refuseUnknown(run);
  const mode = verbMode(capability, input.verb);
  requirePlanned(mode, input);
  if (mode === "read") return runRead(run);
  requireReviewed(run);
  context.beforeDone(() => context.outdateInventory(subject.instance.id));
  return mode === "free" ? runFree(run) : runPlanned(run, input.plan_id);
};
