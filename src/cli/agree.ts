/** A person's word on what they may regret: asked for on a terminal, given by --yes elsewhere. */
import { declined, usage } from "./failure.ts";
import type { Session } from "./session.ts";
import { oneLine } from "./view/terminal.ts";

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

interface GraveQuestion {
  /** What makes it grave, as a sentence: `This cannot be undone.` */
  readonly warns: string;
  /** Any of these typed is a yes, and nothing else is. */
  readonly names: readonly string[];
  readonly otherwise: string;
}

/**
 * Asks for the name of what is acted on: a habit types y, but not a name.
 * @throws CliFailure when something else is typed, or nothing.
 */
export const agreeByName = async ({ terminal }: Session, { warns, names, otherwise }: GraveQuestion): Promise<void> => {
  const wanted = names.map(oneLine);
  const words = wanted.join(" or ");
  const said = oneLine((await terminal.ask(`${terminal.styleError("yellow", warns)} Type ${words} to do it: `)) ?? "");
  if (wanted.includes(said)) return;
  throw declined(said === "" ? otherwise : `${otherwise} Expected ${words}, got ${JSON.stringify(said)}.`);
};
