/** A person's word on what cannot be taken back: asked for on a terminal, given by --yes elsewhere. */
import { declined, usage } from "./failure.ts";
import type { Session } from "./session.ts";

interface Question {
  /** Names what goes, without the question mark's answers: `Delete pve with its secrets?` */
  readonly asks: string;
  /** What holds when the answer is no. */
  readonly otherwise: string;
  readonly yes?: boolean | undefined;
}

/**
 * Returns when it may be done.
 * @throws CliFailure when the answer is no, or when there is nobody to ask.
 */
export const agree = async ({ terminal }: Session, { asks, otherwise, yes }: Question): Promise<void> => {
  if (yes === true) return;
  if (!terminal.canAsk) {
    throw usage(`This asks before it acts, and nobody can be asked here: ${asks}`, [
      "To do it all the same, add --yes.",
    ]);
  }
  if (!(await terminal.confirm(`${asks} [y/N] `))) throw declined(otherwise);
};
