/** Commands that need no server: what they get, and how their failures are worded. */
import { SettingError } from "../config.ts";
import { SwitchyardError } from "../errors.ts";
import { type ExitCode, exitCodes } from "./exit-codes.ts";
import { CliFailure } from "./failure.ts";
import type { Terminal } from "./view/terminal.ts";

export interface Alone {
  readonly terminal: Terminal;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** Aborts when the person leaves. */
  readonly signal: AbortSignal;
  readonly now: () => number;
  readonly version: string;
  /** Print JSON. */
  readonly isJson: boolean;
}

/** What such a command does; without an exit code it succeeded. */
export type RunAlone = (alone: Alone, args: readonly string[], options: never) => Promise<ExitCode | undefined>;

/** What our own parts throw, in the form that is shown; anything else as it is. */
export const asFailure = (thrown: unknown): unknown => {
  if (thrown instanceof SwitchyardError) {
    const { title, message, code, status } = thrown;
    return new CliFailure(exitCodes.failed, { title, detail: message, code, status });
  }
  if (thrown instanceof SettingError) {
    return new CliFailure(exitCodes.usage, { title: "A setting is wrong", detail: thrown.message, code: "usage" });
  }
  return thrown;
};

/** Runs it, and puts its failures into the form that is shown. */
export const runAlone = async (
  run: RunAlone,
  given: { readonly alone: Alone; readonly args: readonly string[]; readonly options: unknown },
): Promise<ExitCode> => {
  try {
    return (await run(given.alone, given.args, given.options as never)) ?? exitCodes.succeeded;
  } catch (thrown) {
    throw asFailure(thrown);
  }
};
