/** The quality tiers: what a pack must show for each, beside all that the tiers below it ask. */
import { type Quality, type Tier, tiers } from "../model/quality.ts";
import type { CheckName, Outcome } from "./check.ts";

/** One table for the kit, the API, the command line and the docs. */
export const tierTable: Readonly<Record<Tier, readonly CheckName[]>> = {
  bronze: ["manifest", "connects", "quiet"],
  silver: [
    ...(["own_tests", "recorded", "targets", "stable"] as const),
    ...(["dead_host", "refused", "hang", "wrong_secret", "wrong_certificate"] as const),
  ],
  gold: ["plans", "applies", "undoes", "cancels", "hostile_answers"],
  platinum: ["every_verb", "many_targets", "documented"],
};

/** The highest tier whose checks, and those of all below it, hold. */
export const qualityOf = (outcomes: ReadonlyMap<CheckName, Outcome>): Quality => {
  const holds = (name: CheckName): boolean => ["passed", "not_applicable"].includes(outcomes.get(name) ?? "missing");
  let tier: Tier | null = null;
  for (const next of tiers) {
    const missing = tierTable[next].filter((name) => !holds(name));
    if (missing.length > 0) return { tier, missing };
    tier = next;
  }
  return { tier, missing: [] };
};
