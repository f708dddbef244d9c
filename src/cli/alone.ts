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

/** What a file system says, in words. */
const fileWords: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file or folder",
  EACCES: "this user may not",
  EPERM: "this user may not",
  EROFS: "it lies where nothing can be written",
  EEXIST: "a file is there already",
  ENOTDIR: "a part of the path is a file, not a folder",
  EISDIR: "it is a folder, not a file",
  ENOSPC: "there is no room left",
};

/** A path that a person named and that cannot be used is no mistake of the command line. */
const fileFailure = (thrown: unknown): CliFailure | undefined => {
  const { code = "", path } = thrown as NodeJS.ErrnoException;
  const words = fileWords[code];
  if (!(thrown instanceof Error) || path === undefined || words === undefined) return undefined;
  const detail = `${path}: ${words} (${code}).`;
  return new CliFailure(exitCodes.failed, { title: "A file cannot be read or written", detail, code: "file_unusable" });
};

/** What our own parts throw, in the form that is shown; anything else as it is. */
export const asFailure = (thrown: unknown): unknown => {
  if (thrown instanceof SwitchyardError) {
    const { title, message, code, status } = thrown;
    return new CliFailure(exitCodes.failed, { title, detail: message, code, status });
  }
  if (thrown instanceof SettingError) {
    return new CliFailure(exitCodes.usage, { title: "A setting is wrong", detail: thrown.message, code: "usage" });
  }
  return fileFailure(thrown) ?? thrown;
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
