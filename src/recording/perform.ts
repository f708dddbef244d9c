/** Does one asked call with a driver the way a job does it: a run is planned first, and its plan is what is applied. */
import { SwitchyardError } from "../errors.ts";
import { asActionResult, asDryRunResult, asTargets, asTestResult } from "../model/dry-run.ts";
import { maskOf } from "../model/handle.ts";
import type { Language } from "../model/integration-type.ts";
import type { Json, JsonObject } from "../model/json.ts";
import { type Capability, findCapability, type Manifest, methodOf, verbMode } from "../model/manifest.ts";
import type { Step, TargetEffect } from "../model/plan.ts";
import { whyBlocked } from "../model/plan-block.ts";
import { compilePackSchema } from "../model/schema.ts";
import { withDefaults } from "../model/schema-defaults.ts";
import { secretParams } from "../model/secret-params.ts";
import { typedTexts } from "../model/typed-text.ts";
import { requireLeft, undoOf } from "../model/undo.ts";
import type { Door, Session } from "../transports/contract.ts";
import type { Mode } from "../transports/wire.ts";
import { createRuns, type Done, type Runs } from "./runs.ts";
import type { Action, AskedCall, TypedAction } from "./script.ts";

/** What one driver call may do. */
export interface CallRights {
  readonly mode: Mode;
  readonly capability?: Capability;
  readonly action?: Action;
  readonly steps?: readonly Step[];
}

/** The driver, as the calls of one run reach it. */
export interface Actor {
  readonly manifest: Manifest;
  readonly language: Language;
  readonly session: Session;
  /** Opens a door with these rights, calls the method, and answers with what came and the door it came through. */
  call(method: string, args: JsonObject, rights: CallRights): Promise<{ readonly value: Json; readonly door: Door }>;
}

const listed = (names: readonly string[]): string => names.join(", ") || "none";

const capabilityOf = ({ manifest }: Actor, { capability: id }: Action): Capability => {
  const capability = findCapability(manifest, id);
  if (capability !== undefined) return capability;
  const known = listed(manifest.capabilities.map((one) => one.id));
  throw new SwitchyardError("capability_unsupported", {
    detail: `${manifest.id} has no ${id}: expected one of ${known}.`,
  });
};

/** A secret parameter is a stand-in by now, which no pattern of it has to fit. */
const requireGoodParams = ({ params: schema }: Capability, params: JsonObject): void => {
  const secret = new Set(Object.keys(secretParams({ params: schema ?? {} })).map((name) => `/${name}`));
  const errors = compilePackSchema(schema ?? {})(params).filter(({ pointer }) => !secret.has(pointer));
  if (errors.length === 0) return;
  const told = errors.map(({ pointer, message }) => `${pointer || "/"} ${message}`).join("; ");
  throw new SwitchyardError("params_invalid", {
    detail: `The parameters are not what the manifest asks for: ${told}.`,
    errors,
  });
};

/** As a job would be admitted: refused where the manifest promises nothing of the kind, defaults put in. */
const admitted = (actor: Actor, action: Action): Action => {
  const capability = capabilityOf(actor, action);
  const { id, verbs, targets, params: schema } = capability;
  const { verb, target } = action;
  if (!verbs.includes(verb)) {
    const detail = `${id} has no ${verb}: expected one of ${listed(verbs)}.`;
    throw new SwitchyardError("verb_unsupported", { detail });
  }
  if (!targets.includes(target.type)) {
    const detail = `${id} acts on no ${target.type}: expected one of ${listed(targets)}.`;
    throw new SwitchyardError("target_unsupported", { detail });
  }
  if (schema === undefined) return action;
  const params = withDefaults(schema, action.params);
  requireGoodParams(capability, params);
  return { ...action, params };
};

/** What was typed, as its schema reads it; `[secret:name]` of a secret parameter is the handle of what was given apart. */
const readOf = (actor: Actor, { texts, ...action }: TypedAction): Action => {
  const { params } = findCapability(actor.manifest, action.capability) ?? {};
  const { handles } = actor.session;
  const secret = Object.keys(secretParams({ params: params ?? {} })).filter((name) => texts[name] === maskOf(name));
  const given = Object.fromEntries(secret.map((name) => [name, handles[name] ?? maskOf(name)]));
  return { ...action, params: { ...typedTexts(texts, params), ...given } };
};

const argsOf = ({ verb, target, params }: Action, dryRun: boolean): JsonObject => ({
  verb,
  target: { ...target, external_id: target.id },
  params,
  dryRun,
});

const test = async (actor: Actor): Promise<Json> => {
  const { value } = await actor.call("test_connection", {}, { mode: "read" });
  return asTestResult(value) as unknown as Json;
};

const inventory = async (actor: Actor, targetType: string): Promise<Json> => {
  const args = { targetType, activeOnly: false, options: {} };
  const { value } = await actor.call("inventory_list", args, { mode: "read" });
  return asTargets(value, targetType) as unknown as Json;
};

const read = async (actor: Actor, action: Action): Promise<Json> => {
  const capability = capabilityOf(actor, action);
  const rights: CallRights = { mode: "read", capability, action };
  return (await actor.call(methodOf(capability.id), argsOf(action, false), rights)).value;
};

interface Planned {
  /** Its steps are all that is sent; a plan without steps of a driver in Python only tells. */
  readonly isPinned: boolean;
  readonly result: JsonObject;
  readonly steps: readonly Step[];
  readonly effects: readonly TargetEffect[];
  readonly block: string | null;
}

const plan = async (actor: Actor, action: Action): Promise<Planned> => {
  const capability = capabilityOf(actor, action);
  const rights: CallRights = { mode: "read", capability, action };
  const { value } = await actor.call(methodOf(capability.id), argsOf(action, true), rights);
  const proposed = asDryRunResult(value);
  const { verb, target } = action;
  const steps = actor.session.normaliseSteps(proposed.plan.steps, { capability, verb, target });
  const preview = steps.length > 0 ? actor.session.preview(steps) : (proposed.plan.preview ?? []);
  const result = { ...proposed, plan: { ...proposed.plan, steps, preview } };
  const isPinned = steps.length > 0 || actor.language === "node";
  const effects = proposed.effects.per_target;
  return { isPinned, result: result as unknown as JsonObject, steps, effects, block: whyBlocked(proposed) };
};

const apply = async (actor: Actor, action: Action, planned: Planned | null): Promise<JsonObject> => {
  const capability = capabilityOf(actor, action);
  const steps = planned?.steps ?? [];
  const rights: CallRights = { mode: planned?.isPinned === true ? "apply" : "free", capability, action, steps };
  const shown: JsonObject =
    planned === null ? {} : { plan: { ...planned.result, steps, plan_id: "pln_authoring" } as unknown as Json };
  const { value, door } = await actor.call(methodOf(capability.id), { ...argsOf(action, false), ...shown }, rights);
  const answer = asActionResult(value);
  if (answer.ok === false) {
    throw new SwitchyardError("device_error", { detail: "The driver says that the action did not succeed." });
  }
  if (planned?.isPinned === true && door.stepsLeft > 0) {
    if (door.failedStep !== null) throw door.failedStep;
    throw new SwitchyardError("plan_incomplete", {
      detail: `The driver says that it is done, but ${door.stepsLeft} of ${steps.length} steps were not sent.`,
    });
  }
  const effects = answer.effects?.per_target ?? (planned?.result["effects"] as JsonObject | undefined)?.["per_target"];
  return {
    ok: true,
    steps_done: door.stepsDone,
    effects: { per_target: (effects ?? []) as unknown as Json },
    details: answer.details ?? {},
  };
};

interface Performed {
  readonly result: Json;
  /** Of what may have written. */
  readonly done?: Done;
}

const run = async (actor: Actor, action: Action, check: (planned: Planned) => void = () => {}): Promise<Performed> => {
  const mode = verbMode(capabilityOf(actor, action), action.verb);
  if (mode === "read") return { result: await read(actor, action) };
  const planned = mode === "planned" ? await plan(actor, action) : null;
  if (planned !== null && planned.block !== null) {
    throw new SwitchyardError("plan_blocked", { detail: planned.block });
  }
  if (planned !== null) check(planned);
  const result = await apply(actor, action, planned);
  return { result: { ...(planned === null ? {} : { plan: planned.result }), ...result }, done: { action, result } };
};

const runNoted = async (actor: Actor, action: Action, runs: Runs): Promise<Json> => {
  try {
    const { result, done } = await run(actor, action);
    if (done !== undefined) runs.note(done);
    return result;
  } catch (thrown) {
    if (verbMode(capabilityOf(actor, action), action.verb) !== "read") runs.note("failed");
    throw thrown;
  }
};

const undo = async (actor: Actor, runs: Runs): Promise<Json> => {
  const done = runs.last();
  const job = { id: "job_authoring", kind: "action.run" as const, state: "succeeded" as const };
  const input = { ...done.action } as unknown as JsonObject;
  const inverse = undoOf(
    { ...job, input, result: done.result },
    findCapability(actor.manifest, done.action.capability),
  );
  const { result } = await run(actor, admitted(actor, inverse), ({ effects }) => requireLeft(done.result, effects));
  runs.undone();
  return result;
};

/**
 * @param runs those of the calls before: a run is noted there, and an undo starts from them.
 * @throws SwitchyardError what the job would fail with.
 */
export const perform = async (actor: Actor, asked: AskedCall, runs: Runs = createRuns()): Promise<Json> => {
  if (asked.kind === "test") return test(actor);
  if (asked.kind === "inventory") return inventory(actor, asked.targetType);
  if (asked.kind === "undo") return undo(actor, runs);
  const action = admitted(actor, readOf(actor, asked.action));
  if (asked.kind === "read") return read(actor, action);
  return asked.kind === "plan" ? (await plan(actor, action)).result : runNoted(actor, action, runs);
};
