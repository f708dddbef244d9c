/** What a driver call of a recording or replay may do, as its door is told. */
import type { JournalEntry } from "../model/plan.ts";
import type { Grant, Journal } from "../transports/contract.ts";
import type { CallRights } from "./perform.ts";

/** How long a write in flight may go on after a cancel. */
const graceMs = 5_000;

interface GrantMore {
  readonly journal?: Partial<Journal>;
  readonly earlier?: readonly JournalEntry[];
  readonly signal: AbortSignal;
}

export const grantOf = ({ mode, capability, action, steps = [] }: CallRights, more: GrantMore): Grant => ({
  mode,
  ...(capability === undefined ? {} : { capability }),
  ...(action === undefined ? {} : { verb: action.verb, target: action.target }),
  steps,
  journal: {
    earlier: more.earlier ?? [],
    sent: async () => undefined,
    answered: async () => undefined,
    ...more.journal,
  },
  fence: () => undefined,
  record: () => undefined,
  signal: more.signal,
  graceMs,
  debug: false,
});
