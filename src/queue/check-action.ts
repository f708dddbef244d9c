/** What an instance and its type allow one to ask for: every refusal that needs no device. */
import { type FieldProblem, SwitchyardError } from "../errors.ts";
import type { JobInput } from "../jobs/catalog.ts";
import { holdsHandle } from "../model/handle.ts";
import type { Instance } from "../model/instance.ts";
import type { IntegrationType } from "../model/integration-type.ts";
import { type Capability, findCapability, inventoryTargets, isReadVerb, verbMode } from "../model/manifest.ts";
import { compilePackSchema } from "../model/schema.ts";
import { targetTypeOf } from "../model/target.ts";

/** An instance with its type, as both stand in the store. */
export interface Endpoint {
  readonly instance: Instance;
  readonly type: IntegrationType;
}

export type ActionKind = "action.plan" | "action.run";
export type ActionInput = JobInput<"action.run">;

const among = (names: readonly string[]): string => (names.length === 0 ? "nothing" : names.join(", "));

/** @throws SwitchyardError `type_unavailable`: nothing at all can be done with such an instance. */
export const requireUsable = (instance: Instance, type: IntegrationType | undefined): Endpoint => {
  const isUsable = type !== undefined && !type.isRemoved && (type.status === "valid" || type.status === "checking");
  if (isUsable && instance.state !== "type_unavailable") return { instance, type };
  throw new SwitchyardError("type_unavailable", {
    detail: `The instance ${instance.name} needs the integration type ${instance.typeId}, which is ${type?.status ?? "not installed"}; install it again.`,
    details: { type_id: instance.typeId },
  });
};

/**
 * The declared spelling of the asked target type; `undefined` when none was asked.
 * @throws SwitchyardError `target_type_unknown`, `capability_unsupported` when the type has no inventory
 */
export const checkRefresh = ({ type }: Endpoint, asked: string | undefined): string | undefined => {
  const declared = inventoryTargets(type.manifest);
  if (declared.length === 0) {
    throw new SwitchyardError("capability_unsupported", {
      detail: `The type ${type.id} declares no inventory.list, so it has no inventory to refresh.`,
      details: { capability: "inventory.list" },
    });
  }
  if (asked === undefined) return undefined;
  const found = declared.includes(asked) ? asked : targetTypeOf(asked);
  if (declared.includes(found)) return found;
  throw new SwitchyardError("target_type_unknown", {
    detail: `Expected one of the target types ${among(declared)}, got ${asked}.`,
    details: { type: asked, declared },
  });
};

const requireCapability = ({ type }: Endpoint, { capability: id }: ActionInput): Capability => {
  const capability = id === "inventory.list" ? undefined : findCapability(type.manifest, id);
  if (capability !== undefined) return capability;
  const declared = type.manifest.capabilities.map((one) => one.id).filter((one) => one !== "inventory.list");
  throw new SwitchyardError("capability_unsupported", {
    detail:
      id === "inventory.list"
        ? "The inventory is read at its own route, not by an action."
        : `Expected one of the capabilities ${among(declared)} of ${type.id}, got ${id}.`,
    details: { capability: id, declared },
  });
};

const requireVerb = (capability: Capability, { verb }: ActionInput): void => {
  if (capability.verbs.includes(verb)) return;
  throw new SwitchyardError("verb_unsupported", {
    detail: `Expected one of the verbs ${among(capability.verbs)} of ${capability.id}, got ${verb}.`,
    details: { verb, declared: capability.verbs },
  });
};

const requireTarget = (capability: Capability, { target }: ActionInput): string => {
  const found = capability.targets.includes(target.type) ? target.type : targetTypeOf(target.type);
  if (capability.targets.includes(found)) return found;
  throw new SwitchyardError("target_unsupported", {
    detail: `Expected one of the target types ${among(capability.targets)} of ${capability.id}, got ${target.type}.`,
    details: { type: target.type, declared: capability.targets },
  });
};

const handleProblems = (input: ActionInput): FieldProblem[] => {
  const isHandle = Object.entries(input.params)
    .filter(([name, value]) => holdsHandle(name) || holdsHandle(value))
    .map(([name]) => ({ pointer: `/params/${name}`, message: "expected a value, got the handle of a secret" }));
  if (holdsHandle(input.target.id)) {
    isHandle.push({ pointer: "/target/id", message: "expected an id, got the handle of a secret" });
  }
  return isHandle;
};

/** `masked`: parameters that an earlier job sealed; their stand-ins need not fit the schema. */
const requireParams = (capability: Capability, input: ActionInput, masked: readonly string[]): void => {
  const problems = capability.params === undefined ? [] : compilePackSchema(capability.params)(input.params);
  const kept = problems
    .filter(({ pointer }) => !masked.includes(pointer.slice(1)))
    .map(({ pointer, message }) => ({ pointer: `/params${pointer}`, message }));
  const errors = [...kept, ...handleProblems(input)];
  if (errors.length === 0) return;
  throw new SwitchyardError("params_invalid", {
    detail: `The parameters do not fit ${capability.id}: ${errors.map(({ pointer, message }) => `${pointer} ${message}`).join("; ")}.`,
    errors,
  });
};

const requirePlannable = (capability: Capability, { verb }: ActionInput): void => {
  if (verbMode(capability, verb) === "planned") return;
  throw new SwitchyardError("dry_run_unsupported", {
    detail: isReadVerb(verb)
      ? `The verb ${verb} only reads: run it without a plan.`
      : `The capability ${capability.id} cannot be planned; run it without dry_run and plan_id.`,
  });
};

const requireConfirmation = (capability: Capability, input: ActionInput): void => {
  const isDestructive = capability.destructive?.includes(input.verb) === true;
  if (!isDestructive || input.confirm === true || input.plan_id !== undefined) return;
  throw new SwitchyardError("confirmation_required", {
    detail: `The verb ${input.verb} of ${capability.id} is destructive: plan it and apply that plan, or send confirm: true.`,
  });
};

const requireReviewed = ({ instance }: Endpoint, { verb }: ActionInput): void => {
  if (instance.state !== "needs_review" || isReadVerb(verb)) return;
  throw new SwitchyardError("needs_review", {
    detail: `The instance ${instance.name} changed since it was last tested: test it, then run the action again.`,
  });
};

/**
 * Whether this action may be asked for at all; gives its capability and the declared spelling of its target type.
 * @throws SwitchyardError one of contract section 6's refusals at admission
 */
export const checkAction = (
  kind: ActionKind,
  endpoint: Endpoint,
  input: ActionInput,
  masked: readonly string[],
): { capability: Capability; targetType: string } => {
  const capability = requireCapability(endpoint, input);
  requireVerb(capability, input);
  const targetType = requireTarget(capability, input);
  requireParams(capability, input, masked);
  if (kind === "action.plan") requirePlannable(capability, input);
  else {
    // A plan that nobody would look at must not stand for a word of consent.
    if (input.plan_id !== undefined) requirePlannable(capability, input);
    requireReviewed(endpoint, input);
    requireConfirmation(capability, input);
  }
  return { capability, targetType };
};
