/** What recorded actions show: plans that only read, applies that send the plan, undos that restore. */
import { canonicalJson } from "../../model/canonical.ts";
import type { JsonObject } from "../../model/json.ts";
import { type Capability, findCapability, verbMode } from "../../model/manifest.ts";
import type { TargetEffect } from "../../model/plan.ts";
import { type AskedCall, parseCall, type TypedAction } from "../../recording/script.ts";
import { type Check, type CheckBench, missing, notApplicable, passed, type Verdict, verdictOf } from "../check.ts";

interface Acted {
  readonly name: string;
  readonly call: string;
  readonly asked: AskedCall;
  readonly result: JsonObject | undefined;
  readonly differences: readonly string[];
}

/** All replayed calls of all recordings, in their order. */
const actedIn = ({ replayed }: CheckBench): readonly (readonly Acted[])[] =>
  replayed.map(({ name, calls }) =>
    calls.map(({ call, result, differences }) => ({
      ...{ name, call, differences, asked: parseCall(call) },
      result: result as JsonObject | undefined,
    })),
  );

const actionOf = ({ asked }: Acted): TypedAction | undefined => ("action" in asked ? asked.action : undefined);

/** The capabilities and verbs that are planned before they write. */
const plannedVerbs = ({ pack }: CheckBench): readonly { capability: Capability; verb: string }[] =>
  pack.manifest.capabilities.flatMap((capability) =>
    capability.verbs
      .filter((verb) => capability.id !== "inventory.list" && verbMode(capability, verb) === "planned")
      .map((verb) => ({ capability, verb })),
  );

const ranWell = (bench: CheckBench, kinds: readonly string[]): readonly Acted[] =>
  actedIn(bench)
    .flat()
    .filter((one) => kinds.includes(one.asked.kind) && one.result !== undefined);

const differing = (acted: readonly Acted[]): string[] =>
  acted.flatMap(({ name, call, differences }) => differences.slice(0, 1).map((one) => `${name}, ${call}: ${one}`));

/** Each capability that writes must be shown by one of these calls; a difference in any of them is a fault. */
const shownBy = (bench: CheckBench, kinds: readonly string[], what: string): Verdict => {
  const wanted = new Set(plannedVerbs(bench).map(({ capability }) => capability.id));
  if (wanted.size === 0) return notApplicable("it changes nothing");
  const all = actedIn(bench)
    .flat()
    .filter(({ asked }) => kinds.includes(asked.kind));
  const faults = differing(all);
  if (faults.length > 0) return verdictOf(faults);
  const shown = new Set(ranWell(bench, kinds).flatMap((one) => actionOf(one)?.capability ?? []));
  const absent = [...wanted].filter((id) => !shown.has(id));
  return absent.length === 0 ? passed : missing(`no ${what} is recorded of ${absent.join(", ")}`);
};

const effectsOf = (result: JsonObject | undefined): readonly TargetEffect[] =>
  ((result?.["effects"] as JsonObject | undefined)?.["per_target"] ?? []) as unknown as readonly TargetEffect[];

interface Pair {
  readonly run: Acted;
  readonly undo: Acted;
}

const hasWritten = (bench: CheckBench, acted: Acted): boolean => {
  const { capability: id = "", verb = "" } = actionOf(acted) ?? {};
  const capability = findCapability(bench.pack.manifest, id);
  return acted.result !== undefined && capability !== undefined && verbMode(capability, verb) !== "read";
};

/** Runs with the undo that took them back: one that came to nothing shows nothing. */
const undone = (bench: CheckBench): readonly Pair[] =>
  actedIn(bench).flatMap((calls) => {
    const standing: Acted[] = [];
    return calls.flatMap((acted): readonly Pair[] => {
      if (acted.asked.kind === "run" && hasWritten(bench, acted)) standing.push(acted);
      const run = acted.asked.kind === "undo" && acted.result !== undefined ? standing.pop() : undefined;
      return run === undefined ? [] : [{ run, undo: acted }];
    });
  });

const notRestored = ({ run, undo }: Pair): string[] => {
  const after = new Map(effectsOf(undo.result).map(({ id, to }) => [id, to]));
  return effectsOf(run.result).flatMap(({ id, from }) => {
    const to = after.get(id) ?? null;
    const isBack = canonicalJson(to) === canonicalJson(from ?? null);
    return isBack
      ? []
      : [`${run.name}, ${run.call}: ${id} was ${JSON.stringify(from)}, the undo left ${JSON.stringify(to)}`];
  });
};

const undoes = async (bench: CheckBench): Promise<Verdict> => {
  const invertible = bench.pack.manifest.capabilities.filter(
    ({ invertible: verbs }) => Object.keys(verbs ?? {}).length > 0,
  );
  if (invertible.length === 0) return notApplicable("it declares no inverse");
  const pairs = undone(bench);
  const shown = new Set(pairs.flatMap(({ run }) => actionOf(run)?.capability ?? []));
  const absent = invertible.filter(({ id }) => !shown.has(id)).map(({ id }) => id);
  const asked = actedIn(bench)
    .flat()
    .filter((one) => one.asked.kind === "undo");
  const faults = [...differing(asked), ...pairs.flatMap(notRestored)];
  if (faults.length > 0) return verdictOf(faults);
  return absent.length === 0 ? passed : missing(`no undo is recorded of ${absent.join(", ")}`);
};

const everyVerb = async (bench: CheckBench): Promise<Verdict> => {
  const verbs = bench.pack.manifest.capabilities
    .filter(({ id }) => id !== "inventory.list")
    .flatMap(({ id, verbs }) => verbs.map((verb) => `${id} ${verb}`));
  if (verbs.length === 0) return notApplicable("it has no verbs but to list");
  const { manifest } = bench.pack;
  // An undo shows the inverse verb.
  const inverses = undone(bench).flatMap(({ run }) => {
    const { capability: id = "", verb = "" } = actionOf(run) ?? {};
    const inverse = findCapability(manifest, id)?.invertible?.[verb];
    return inverse === undefined ? [] : [`${id} ${inverse.inverse}`];
  });
  const ran = ranWell(bench, ["run", "read"]).flatMap((one) => {
    const action = actionOf(one);
    return action === undefined ? [] : [`${action.capability} ${action.verb}`];
  });
  const shown = new Set([...ran, ...inverses]);
  const absent = verbs.filter((verb) => !shown.has(verb));
  return absent.length === 0 ? passed : missing(`no call is recorded of ${absent.join(", ")}`);
};

export const actionChecks: readonly Check[] = [
  {
    name: "plans",
    title: "A plan reads and names its writes",
    run: async (bench) => shownBy(bench, ["plan", "run"], "plan"),
  },
  {
    name: "applies",
    title: "An apply sends the plan's writes and nothing else",
    run: async (bench) => shownBy(bench, ["run"], "run"),
  },
  { name: "undoes", title: "An undo leaves what was there before", run: undoes },
  { name: "every_verb", title: "Every verb is recorded", run: everyVerb },
];
