/** The conformance kit: every check of a pack, and the tier that follows. */
import { asSwitchyardError } from "../errors.ts";
import { type Quality, type Tier, tiers } from "../model/quality.ts";
import type { PackAtHand } from "../recording/pack.ts";
import { readRecordings } from "../recording/recordings.ts";
import { replay } from "../recording/replay.ts";
import { openStage } from "../recording/stage.ts";
import type { Check, CheckBench, CheckName, Outcome, Replayed, Verdict } from "./check.ts";
import { actionChecks } from "./checks/actions.ts";
import { contactChecks } from "./checks/contacts.ts";
import { recordedChecks } from "./checks/recorded.ts";
import { staticChecks } from "./checks/static.ts";
import { stressChecks } from "./checks/stress.ts";
import { qualityOf, tierTable } from "./tiers.ts";

const checks: readonly Check[] = [
  ...staticChecks,
  ...recordedChecks,
  ...contactChecks,
  ...actionChecks,
  ...stressChecks,
];

export interface CheckedPack {
  readonly name: CheckName;
  readonly title: string;
  readonly tier: Tier;
  readonly outcome: Outcome;
  readonly detail: string;
}

export interface Conformance extends Quality {
  /** In the order of the tiers. */
  readonly checks: readonly CheckedPack[];
}

export interface KitOptions {
  readonly pack: PackAtHand;
  readonly coreVersion: string;
  readonly now: () => number;
  readonly signal: AbortSignal;
  readonly ownTests: CheckBench["ownTests"];
  /** These alone; the tier then counts the others as missing. */
  readonly only?: readonly CheckName[];
  /** Told of each check as it ends. */
  onCheck?(checked: CheckedPack): void;
}

type Stage = Awaited<ReturnType<typeof openStage>>;

const replayAll = async ({ pack, now, signal }: KitOptions, stage: Stage): Promise<readonly Replayed[]> => {
  const all: Replayed[] = [];
  for (const { name, recording } of readRecordings(pack.folder)) {
    if (recording.head.made_up === true) continue;
    const printed: string[] = [];
    const calls = await replay({
      ...{ stage, pack, recording, now, signal },
      onEvent: (event) => {
        if (event.kind === "log" && event.meta?.["printed"] === true) printed.push(event.message);
      },
    });
    all.push({ name, recording, calls, printed });
  }
  return all;
};

const verdictOf = async (check: Check, bench: CheckBench): Promise<Verdict> => {
  try {
    return await check.run(bench);
  } catch (thrown) {
    const { code, message } = asSwitchyardError(thrown);
    return { outcome: "failed", detail: `${code}: ${message}` };
  }
};

const dueFor = (tier: Tier, only: KitOptions["only"]): readonly Check[] =>
  checks.filter(({ name }) => tierTable[tier].includes(name) && (only?.includes(name) ?? true));

/** Runs every check. Never throws for what a pack does wrong. @throws SwitchyardError `recording_invalid`. */
export const checkPack = async (options: KitOptions): Promise<Conformance> => {
  const { pack, coreVersion, now, signal, ownTests, only } = options;
  const stage = await openStage({ now });
  try {
    const replayed = await replayAll(options, stage);
    const bench: CheckBench = { pack, stage, coreVersion, now, signal, replayed, ownTests };
    const checked: CheckedPack[] = [];
    for (const tier of tiers) {
      for (const check of dueFor(tier, only)) {
        signal.throwIfAborted();
        const verdict = await verdictOf(check, bench);
        const one = { name: check.name, title: check.title, tier, ...verdict };
        checked.push(one);
        options.onCheck?.(one);
      }
    }
    return { ...qualityOf(new Map(checked.map(({ name, outcome }) => [name, outcome]))), checks: checked };
  } finally {
    await stage.close();
  }
};
