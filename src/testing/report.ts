/** The report of a check, kept in the pack: which tier this very content reached. */

import type { PackAtHand } from "../recording/pack.ts";
import type { Conformance } from "./conformance.ts";

/** Beside the manifest. */
export const reportFile = "quality.json";

/** Stable, so that a second check of the same content leaves the file as it is. */
export const reportText = (pack: PackAtHand, { tier, missing, checks }: Conformance, core: string): string => {
  const outcomes = Object.fromEntries(checks.map(({ name, outcome }) => [name, outcome]));
  return `${JSON.stringify({ switchyard_quality: 1, core, digest: pack.digest, tier, missing, checks: outcomes }, null, 2)}\n`;
};
