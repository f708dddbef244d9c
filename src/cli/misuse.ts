/** What the parser of a command line refuses, in the form of every other failure. */
import type { Command, CommanderError } from "commander";
import { call } from "./called.ts";
import { placeOf } from "./completion.ts";
import { type ExitCode, exitCodes } from "./exit-codes.ts";
import { usage } from "./failure.ts";
import { printJson } from "./session.ts";
import { printFailure } from "./view/problem.ts";
import { oneLine, type Terminal } from "./view/terminal.ts";

interface Refused {
  readonly terminal: Terminal;
  readonly isJson: boolean;
  readonly root: Command;
  /** The command line that was refused. */
  readonly words: readonly string[];
}

const nameOf = (command: Command): readonly string[] =>
  command.parent === null ? [] : [...nameOf(command.parent), command.name()];

const sentence = (text: string): string => {
  const line = oneLine(text);
  return `${line.charAt(0).toUpperCase()}${line.slice(1)}${/[.?!]$/.test(line) ? "" : "."}`;
};

/** Says what was refused, what may have been meant, and where it stands how the command is used. */
export const printMisuse = (thrown: CommanderError, { terminal, isJson, root, words }: Refused): ExitCode => {
  if (thrown.exitCode === 0) return exitCodes.succeeded;
  // A command that only gathers others has shown its help already.
  const isHelped = thrown.code === "commander.help";
  const message = isHelped ? "Expected a command, got none." : thrown.message.replace("error: ", "");
  if (isJson) printJson({ terminal }, usage(oneLine(message)).problem);
  if (isHelped) return exitCodes.usage;
  const [, said = message, near] = /^([\s\S]*)\n\((Did you mean .*)\)$/.exec(message) ?? [];
  const help = `How it is used: ${call(...nameOf(placeOf(root, words).command), "--help")}`;
  printFailure(terminal, usage(sentence(said), [...(near === undefined ? [] : [near]), help]), { isJson: false });
  return exitCodes.usage;
};
