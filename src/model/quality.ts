/** How much of what can be checked of a pack holds, in four tiers. */

/** From the lowest to the highest. */
export const tiers = ["bronze", "silver", "gold", "platinum"] as const;
export type Tier = (typeof tiers)[number];

/** Stands in a new pack's README where its author's own words belong; a check of the pack finds it. */
export const unwritten = "TO BE WRITTEN:";

/** What a check of a pack found. */
export interface Quality {
  /** Null below bronze. */
  readonly tier: Tier | null;
  /** Names of the checks that keep the pack from the next tier; empty at platinum. */
  readonly missing: readonly string[];
}
