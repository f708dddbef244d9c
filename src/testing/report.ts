/** The report of a check, kept in the pack: which tier this very content reached. */

import { checkedDigest, reportVersion } from "../packs/quality.ts";
import type { PackAtHand } from "../recording/pack.ts";
import type { Conformance } from "./conformance.ts";

/** Stable, so that a second check of the same content leaves the file as it is. */
export const reportText = (pack: PackAtHand, { tier, missing, checks }: Conformance, core: string): string => {
  const outcomes = Object.fromEntries(checks.map(({ name, outcome }) => [name, outcome]));
  return `${JSON.stringify({ switchyard_quality: reportVersion, core, digest: checkedDigest(pack.files), tier, missing, checks: outcomes }, null, 2)}\n`;
};
