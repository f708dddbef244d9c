/** Plans a reboot, and waits until the switch is back. */
import { DriverError, type DryRunResult, type Precondition, type SshStepAnswer, type Step } from "switchyard/sdk";
import type { Saved } from "./config.ts";

/** Single keys, as the switch reads them. The first question is whether, the second what becomes of unsaved changes. */
const reload: Step = {
  transport: "ssh",
  commands: ["reload"],
  answers: [
    { match: "(?i)save current configuration[^\\n]*$", send: "n", enter: false },
    { match: "(?i)(continue|reboot)[^\\n]*[[(]y/n[^\\n]*$", send: "y", enter: false },
  ],
  accept: ["closed"],
};

export interface RebootFacts {
  readonly id: string;
  readonly saved: Saved;
  readonly discardsUnsaved: boolean;
}

const savedCheck = ({ saved, discardsUnsaved }: RebootFacts): Precondition => ({
  check: "config_saved",
  ok: saved === "saved" || discardsUnsaved,
  details:
    saved === "saved"
      ? "the configuration is saved"
      : `the configuration is ${saved === "unknown" ? "not known to be saved" : "not saved"}${discardsUnsaved ? " (discarded)" : ": save it, or set discard_unsaved"}`,
});

export const planReboot = (facts: RebootFacts): DryRunResult => {
  const check = savedCheck(facts);
  return {
    ok: check.ok,
    severity: check.ok ? "warn" : "error",
    idempotency_key: `aoss:${facts.id}:reboot`,
    preconditions: [check],
    plan: {
      kind: "ssh",
      steps: [reload],
      notes: ["All members of a stack reboot together; every port is without link and power meanwhile."],
    },
    effects: { summary: "Reboot the switch", per_target: [{ id: facts.id, from: "running", to: "running" }] },
    ...(check.ok ? {} : { reason: `${check.check}: ${String(check.details)}` }),
  };
};

/** A switch that does not take the command will not go away: nothing is waited for. */
export const requireTaken = (answer: SshStepAnswer | undefined): void => {
  const said = answer?.error ?? answer?.question;
  if (said === undefined) return;
  throw new DriverError("device_error", `The switch did not take the reboot: ${said}`);
};

export interface Watch {
  /** Seconds since the switch started, or null while it does not answer. */
  readonly look: () => Promise<number | null>;
  /** Seconds since it started when it was told to reboot; null when that is not known. */
  readonly before: number | null;
  readonly pause: () => Promise<void>;
  readonly now: () => number;
  readonly forMs: number;
}

/** Waits until the switch answers with a shorter time since its start, or after a silence. @throws DriverError. */
export const untilBack = async ({ look, before, pause, now, forMs }: Watch): Promise<number> => {
  const deadline = now() + forMs;
  let wasGone = false;
  while (now() < deadline) {
    const upTime = await look();
    if (upTime === null) wasGone = true;
    else if ((before !== null && upTime < before) || (wasGone && before === null)) return upTime;
    await pause();
  }
  const seen = wasGone ? "did not come back" : "still runs as before";
  throw new DriverError(
    "device_error",
    `The switch took the reboot, but ${seen} after ${Math.round(forMs / 60_000)} minutes. Look at its console.`,
  );
};
