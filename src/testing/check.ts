/** What one check of a pack is: its name, what it says, and how it is found out. */
import type { SwitchyardError } from "../errors.ts";
import type { PackAtHand } from "../recording/pack.ts";
import type { NamedRecording } from "../recording/recordings.ts";
import type { ReplayedCall } from "../recording/replay.ts";
import type { Stage } from "../recording/stage.ts";

/** `not_applicable`: the pack promises nothing of the kind; `missing`: it does, and there is nothing to show it by. */
export type Outcome = "passed" | "failed" | "missing" | "not_applicable";

export interface Verdict {
  readonly outcome: Outcome;
  /** What was expected and what was seen; empty when the check passed. */
  readonly detail: string;
}

/** A recording, and what the driver made of it now. */
export interface Replayed extends NamedRecording {
  readonly calls: readonly ReplayedCall[];
  /** What the driver printed meanwhile. */
  readonly printed: readonly string[];
}

/** What the checks of one pack share. */
export interface CheckBench {
  readonly pack: PackAtHand;
  readonly stage: Stage;
  readonly coreVersion: string;
  readonly now: () => number;
  readonly signal: AbortSignal;
  readonly replayed: readonly Replayed[];
  /** How the pack's own tests ended: null without any. */
  readonly ownTests: { readonly isGood: boolean; readonly detail: string } | null;
}

export interface Check {
  /** Snake_case, never renamed. */
  readonly name: CheckName;
  /** As a sentence about the pack. */
  readonly title: string;
  run(bench: CheckBench): Promise<Verdict>;
}

export type CheckName =
  | "manifest"
  | "connects"
  | "quiet"
  | "own_tests"
  | "recorded"
  | "targets"
  | "stable"
  | "dead_host"
  | "refused"
  | "hang"
  | "wrong_secret"
  | "wrong_certificate"
  | "plans"
  | "applies"
  | "undoes"
  | "cancels"
  | "hostile_answers"
  | "every_verb"
  | "many_targets"
  | "documented";

export const passed: Verdict = { outcome: "passed", detail: "" };
export const notApplicable = (detail: string): Verdict => ({ outcome: "not_applicable", detail });
export const missing = (detail: string): Verdict => ({ outcome: "missing", detail });
export const failed = (detail: string): Verdict => ({ outcome: "failed", detail });

/** Passed without faults; the first few of them otherwise. */
export const verdictOf = (faults: readonly string[]): Verdict => {
  const more = faults.length > 5 ? `; and ${faults.length - 5} more` : "";
  return faults.length === 0 ? passed : failed(`${faults.slice(0, 5).join("; ")}${more}`);
};

export const shownError = ({ code, message }: Pick<SwitchyardError, "code" | "message">): string =>
  `${code}: ${message.slice(0, 200)}`;
