/** Says how a request differs from the nearest recorded one. */
import type { Json } from "../model/json.ts";

type Leaves = ReadonlyMap<string, string>;

const leavesOf = (value: Json, at = "", found = new Map<string, string>()): Leaves => {
  if (typeof value !== "object" || value === null) found.set(at, JSON.stringify(value));
  else for (const [name, member] of Object.entries(value)) leavesOf(member, `${at}/${name}`, found);
  return found;
};

/** Equal leaves weigh most; a long common beginning of a text counts as well. */
const likeness = (one: Leaves, other: Leaves): number => {
  let score = 0;
  for (const [at, text] of one) {
    const theirs = other.get(at);
    if (theirs === undefined) continue;
    let same = 0;
    while (same < text.length && text[same] === theirs[same]) same += 1;
    score += theirs === text ? 2 : same / Math.max(text.length, theirs.length);
  }
  return score / Math.max(one.size, other.size, 1);
};

const shown = (text: string | undefined): string => (text === undefined ? "nothing" : text.slice(0, 300));

const differences = (recorded: Leaves, asked: Leaves): string[] =>
  [...new Set([...recorded.keys(), ...asked.keys()])]
    .filter((at) => recorded.get(at) !== asked.get(at))
    .slice(0, 12)
    .map((at) => `${at || "/"}: recorded ${shown(recorded.get(at))}, asked ${shown(asked.get(at))}`);

/** The recorded request that is most like the asked one, and every place where they differ. */
export const nearestOf = (asked: Json, recorded: readonly Json[]): { nearest: Json; differences: string[] } | null => {
  const ours = leavesOf(asked);
  let best: { nearest: Json; leaves: Leaves; score: number } | null = null;
  for (const nearest of recorded) {
    const leaves = leavesOf(nearest);
    const score = likeness(ours, leaves);
    if (best === null || score > best.score) best = { nearest, leaves, score };
  }
  return best === null ? null : { nearest: best.nearest, differences: differences(best.leaves, ours) };
};
