/** `check <folder>`: the pack's own tests and the conformance kit, and the tier that follows. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Tier, tiers } from "../../model/quality.ts";
import { reportFile } from "../../packs/quality.ts";
import { readPack } from "../../recording/pack.ts";
import type { CheckedPack, Conformance } from "../../testing/conformance.ts";
import { checkPack } from "../../testing/conformance.ts";
import { runOwnTests } from "../../testing/own-tests.ts";
import { reportText } from "../../testing/report.ts";
import type { Alone } from "../alone.ts";
import { oneOf } from "../command.ts";
import { type ExitCode, exitCodes } from "../exit-codes.ts";
import { printJson } from "../session.ts";
import type { Terminal } from "../view/terminal.ts";
import { folderOf } from "./terms.ts";

export interface CheckOptions {
  /** The tier that must be reached. */
  readonly least?: string;
  /** Leave the report in the pack, so that an install shows the tier. */
  readonly write?: boolean;
}

const marks = { passed: "ok  ", not_applicable: "-   ", failed: "FAIL", missing: "MISS" } as const;
const colours = { passed: "green", not_applicable: "dim", failed: "red", missing: "yellow" } as const;

const printCheck = (terminal: Terminal, { tier, title, outcome, detail }: CheckedPack): void => {
  terminal.print(`${terminal.style(colours[outcome], marks[outcome])} ${tier.padEnd(8)}  ${title}`);
  if (detail !== "")
    terminal.print(terminal.style("dim", `               ${detail.replaceAll("\n", "\n               ")}`));
};

const printTier = (terminal: Terminal, { tier, missing, checks }: Conformance): void => {
  const titles = checks.filter(({ name }) => missing.includes(name)).map(({ name }) => name);
  const next = tiers[tier === null ? 0 : tiers.indexOf(tier) + 1];
  const more = next === undefined ? "" : `; for ${next} it lacks ${titles.join(", ")}`;
  terminal.print(`${terminal.style("bold", tier ?? "no tier")}${more}`);
};

/** Of a pack in the making much is missing yet; without a word on the tier only what went wrong counts. */
const isGood = ({ tier, checks }: Conformance, least: string | undefined): boolean => {
  if (least === undefined) return checks.every(({ outcome }) => outcome !== "failed");
  return tier !== null && tiers.indexOf(tier) >= tiers.indexOf(least as Tier);
};

export const check = async (
  alone: Alone,
  [path = ""]: readonly string[],
  { least, write }: CheckOptions,
): Promise<ExitCode> => {
  const { terminal, environment, signal, now, version, isJson } = alone;
  if (least !== undefined) oneOf("--least", tiers)(least);
  const pack = await readPack(folderOf(alone, path));
  const ownTests = await runOwnTests(pack, { environment, signal });
  const onCheck = isJson ? {} : { onCheck: (one: CheckedPack) => printCheck(terminal, one) };
  const conformance = await checkPack({ pack, coreVersion: version, now, signal, ownTests, ...onCheck });
  if (write === true) writeFileSync(join(pack.folder, reportFile), reportText(pack, conformance, version));
  if (isJson) printJson(alone, conformance);
  else printTier(terminal, conformance);
  return isGood(conformance, least) ? exitCodes.succeeded : exitCodes.failed;
};
