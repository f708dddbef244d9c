/** Judges one round: what was promised, held against what the clients, the watchers and the devices saw. */
import { isDeepStrictEqual } from "node:util";
import type { SseLine } from "../../kit/system.ts";
import type { Writes } from "./errand.ts";

/** One accepted job, from all sides. */
export interface SeenJob {
  readonly id: string;
  readonly name: string;
  /** As the API tells it in the end; null when it knows no such job. */
  readonly state: string | null;
  readonly error?: { readonly code: string; readonly detail: string };
  readonly writes?: Writes;
  /** What the devices carried out for it. */
  readonly effects: readonly string[];
  /** What of it came after the job's watcher was told its end: a write of somebody who had lost the job. */
  readonly late: readonly string[];
  readonly meetsDevice: boolean;
  /** How many writes its journal has. */
  readonly journalled: number;
  /** What its watcher saw while everything broke. */
  readonly watched: readonly SseLine[];
  /** What somebody saw who came when all was over. */
  readonly replayed: readonly SseLine[];
}

export interface SeenRound {
  readonly jobs: readonly SeenJob[];
  /** Answers to clients that nothing explains. */
  readonly refusals: readonly string[];
  /** Jobs that are not settled, whoever asked for them. */
  readonly unsettled: readonly string[];
  /** What is wrong with types and releases. */
  readonly releases: readonly string[];
  readonly orphans: readonly string[];
  readonly leftovers: readonly string[];
  /** The fault excuses jobs that failed and that meet a device. */
  readonly mayFail: boolean;
}

export const charges = ["lost", "doubled", "stuck", "gaps", "failed", "left"] as const;
export type Charge = (typeof charges)[number];
/** What was found, in words; empty lists are what must be. */
export type Verdict = Readonly<Record<Charge, readonly string[]>>;

const settled = new Set(["succeeded", "failed", "timed_out", "cancelled", "unknown_outcome", "partial"]);

const lost = ({ id, name, state, writes, effects }: SeenJob): string[] => {
  if (state === null) return [`${name} ${id} was accepted and is not known any more`];
  const missing = state === "succeeded" && writes !== undefined && new Set(effects).size < writes.parts;
  return missing ? [`${name} ${id} succeeded, and the device saw ${effects.length} of its writes`] : [];
};

const doubled = ({ id, name, writes, effects, late, journalled }: SeenJob): string[] => {
  if (late.length > 0) return [`${name} ${id} had ended when these came: ${late.join(", ")}`];
  if (writes === undefined || writes.isRepeatable) return [];
  const distinct = new Set(effects).size;
  if (effects.length > distinct) return [`${name} ${id}: ${effects.join(", ")}`];
  return distinct > journalled ? [`${name} ${id}: ${distinct} writes landed, ${journalled} are in its journal`] : [];
};

const isExact = (lines: readonly SseLine[]): boolean =>
  lines.every(({ id }, index) => id === index + 1) &&
  lines.at(-1)?.event === "job.done" &&
  lines.filter(({ event }) => event === "job.done").length === 1;

const shown = (lines: readonly SseLine[]): string => `${lines.map(({ id }) => id).join(" ")} (${lines.at(-1)?.event})`;
const told = (line: SseLine | undefined): string =>
  line ? `${line.id} ${line.event} ${JSON.stringify(line.data)}` : "";

const gaps = ({ id, name, watched, replayed }: SeenJob): string[] => {
  if (!isExact(watched)) return [`${name} ${id}: its watcher saw ${shown(watched)}`];
  if (!isExact(replayed)) return [`${name} ${id}: a late watcher saw ${shown(replayed)}`];
  const first = watched.findIndex((line, index) => !isDeepStrictEqual(line, replayed[index]));
  if (first < 0) return [];
  return [`${name} ${id}: an event was told in two ways: ${told(watched[first])} / ${told(replayed[first])}`];
};

const failed = ({ id, name, state, error, writes }: SeenJob): string[] => {
  if (state === null || !settled.has(state) || state === "succeeded") return [];
  const isHonest = state === "unknown_outcome" && writes !== undefined && !writes.isRepeatable;
  return isHonest ? [] : [`${name} ${id} is ${state}, ${error?.code}: ${error?.detail}`];
};

export const judge = (round: SeenRound): Verdict => ({
  lost: [...round.refusals, ...round.jobs.flatMap(lost)],
  doubled: round.jobs.flatMap(doubled),
  stuck: [...round.unsettled],
  gaps: round.jobs.flatMap(gaps),
  failed: round.jobs.filter(({ meetsDevice }) => !(round.mayFail && meetsDevice)).flatMap(failed),
  left: [...round.releases, ...round.orphans, ...round.leftovers],
});

export const isClean = (verdict: Verdict): boolean => charges.every((charge) => verdict[charge].length === 0);
