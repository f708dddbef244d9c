/** Undo: which action takes back another, worked out from what that one recorded. */
import { SwitchyardError } from "../errors.ts";
import { canonicalJson } from "./canonical.ts";
import { isSettled, type Job } from "./job.ts";
import { isJsonObject, type Json, type JsonObject } from "./json.ts";
import type { Capability, Inverse, InverseParam } from "./manifest.ts";
import type { TargetEffect } from "./plan.ts";
import { valueAt } from "./pointer.ts";
import { longestTargetId, type TargetRef } from "./target.ts";

/** The inverse action, in the form that `action.run` takes. */
export interface Undo {
  readonly capability: string;
  readonly verb: string;
  readonly target: TargetRef;
  readonly params: JsonObject;
}

type Undone = Pick<Job, "id" | "kind" | "state" | "input" | "result">;

const refuse = (detail: string, details: JsonObject = {}): never => {
  throw new SwitchyardError("not_invertible", { detail, details });
};

const requireDone = ({ id, kind, state }: Undone): void => {
  if (!isSettled(state)) {
    throw new SwitchyardError("job_not_settled", { detail: `The job ${id} is ${state}. Undo it when it is over.` });
  }
  if (kind !== "action.run") refuse(`The job ${id} is of the kind ${kind}. Only an action.run can be undone.`);
  if (state !== "succeeded") {
    refuse(
      `The job ${id} ended as ${state}: what it left behind is not known. Its journal says what was sent; look at the target, then run the verb that brings it where it shall be.`,
      { state },
    );
  }
};

const inverseOf = (capability: Capability | undefined, name: string, verb: string): Inverse =>
  capability?.invertible?.[verb] ?? refuse(`The type declares no inverse for ${verb} of ${name}.`);

const effectsOf = ({ result }: Pick<Undone, "result">): readonly TargetEffect[] => {
  const listed = valueAt(result, "/effects/per_target");
  return (Array.isArray(listed) ? listed : []) as readonly TargetEffect[];
};

/** What the action changed; targets that looked before as they did after are none of them. */
const changesOf = (job: Undone): readonly TargetEffect[] => {
  const effects = effectsOf(job);
  const changed = effects.filter(({ from, to }) => canonicalJson(from ?? null) !== canonicalJson(to ?? null));
  if (effects.length > 0 && changed.length === 0)
    refuse(`The job ${job.id} changed nothing, so there is nothing to undo.`);
  return changed;
};

const paramOf = (source: InverseParam, name: string, from: Json, given: JsonObject): Json => {
  if ("from" in source) {
    const pointer = source.from;
    // A single value stands for itself, under whatever name the manifest looks for it.
    const value = isJsonObject(from) || Array.isArray(from) || pointer === "" ? valueAt(from, pointer) : from;
    if (value !== undefined && value !== null) return value as Json;
    return refuse(`The parameter ${name} cannot be known: nothing was recorded at ${pointer} before the action.`);
  }
  const before = given[name];
  const mapped = typeof before === "string" && Object.hasOwn(source.map, before) ? source.map[before] : undefined;
  return mapped ?? refuse(`The parameter ${name} has no inverse: ${JSON.stringify(before ?? null)} is not in its map.`);
};

const paramsFrom = (inverse: Inverse, from: Json, given: JsonObject): JsonObject =>
  Object.fromEntries(
    Object.entries(inverse.params ?? {}).map(([name, source]) => [name, paramOf(source, name, from, given)]),
  );

interface Group {
  readonly targets: string[];
  readonly from: Json;
  readonly params: JsonObject;
}

/** Targets that were in the same state before go together: one inverse cannot lead others back to theirs. */
const groupsOf = (inverse: Inverse, changes: readonly TargetEffect[], given: JsonObject): readonly Group[] => {
  const groups = new Map<string, Group>();
  for (const { id, from } of changes) {
    const before = from ?? null;
    const key = canonicalJson(before);
    const group = groups.get(key) ?? { targets: [], from: before, params: paramsFrom(inverse, before, given) };
    group.targets.push(id);
    groups.set(key, group);
  }
  return [...groups.values()];
};

/** Those that changed, without the others that were named with them; undefined where one id cannot name them. */
const changedOf = ({ join }: Inverse, { type }: TargetRef, changed: Group | undefined): TargetRef | undefined => {
  if (join === undefined || changed === undefined) return undefined;
  const id = changed.targets.join(join);
  return id.length > longestTargetId ? undefined : { type, id };
};

/**
 * The action that takes back what a succeeded action.run did: the inverse verb of the same capability, its parameters
 * from what was recorded before (`{from: "/pointer"}`) or from the action's own (`{map: {on: "off"}}`).
 * @param job the action, with its input and result.
 * @param capability its capability as the installed manifest declares it now; undefined when it is gone.
 * @throws SwitchyardError `job_not_settled`, `not_invertible`
 * @example undoOf(startJob, vmLifecycle) // { capability: "vm.lifecycle", verb: "shutdown", target, params: {} }
 */
export const undoOf = (job: Undone, capability: Capability | undefined): Undo => {
  requireDone(job);
  const input = job.input as unknown as { capability: string; verb: string; target: TargetRef; params?: JsonObject };
  const inverse = inverseOf(capability, input.capability, input.verb);
  const changes = changesOf(job);
  const given = input.params ?? {};
  const groups = groupsOf(inverse, changes, given);
  const [only, ...others] = groups;
  const target = changes.length === effectsOf(job).length ? input.target : changedOf(inverse, input.target, only);
  if (others.length > 0 || target === undefined) {
    return refuse(
      `The targets of ${job.id} were in different states before. Run ${inverse.inverse} for each group by itself.`,
      { verb: inverse.inverse, groups: groups as unknown as Json },
    );
  }
  const params = only?.params ?? paramsFrom(inverse, null, given);
  return { capability: input.capability, verb: inverse.inverse, target, params };
};

/**
 * Holds the plan of an undo against what the undone action left behind: the device must still show it.
 * @param result what the undone action's job came to.
 * @param planned the effects of the undo's plan.
 * @throws SwitchyardError `undo_conflict`
 */
export const requireLeft = (result: Json | null, planned: readonly TargetEffect[]): void => {
  const left = new Map(effectsOf({ result }).map(({ id, to }) => [id, to]));
  for (const { id, from } of planned) {
    const expected = left.get(id);
    if (expected === undefined || canonicalJson(expected) === canonicalJson(from)) continue;
    throw new SwitchyardError("undo_conflict", {
      detail: `${id} no longer shows what the action left: expected ${JSON.stringify(expected)}, got ${JSON.stringify(from)}.`,
      details: { target: id, expected, found: from },
    });
  }
};
