/** Help: how it is asked for, and how it is laid out. */
import { type Command, Help, type OutputConfiguration } from "commander";
import { placeOf } from "./completion.ts";
import type { Terminal } from "./view/terminal.ts";
import { wrappedLines } from "./view/wrap.ts";

const flags: ReadonlySet<string> = new Set(["--help", "-h"]);

/** Commander's own help for a command that there is not is that of all, without a word on it. */
const isOfNothing = (root: Command, words: readonly string[]): boolean => {
  const { command, given } = placeOf(root, words);
  return command.commands.length > 0 && command.registeredArguments.length === 0 && given.length > 0;
};

/** The words to parse: `help plan` is `plan --help`, and help of no command is that word alone, which is refused. */
export const withHelpBehind = (root: Command, argv: readonly string[]): readonly string[] => {
  const [first, ...rest] = argv;
  const words = first === "help" ? [...rest, "--help"] : argv;
  const at = words.findIndex((word) => flags.has(word));
  return at >= 0 && isOfNothing(root, words.slice(0, at)) ? words.filter((word) => !flags.has(word)) : words;
};

/** A longer term has its words below it; the others need not stand far to the right for it. */
const widestTerm = 24;
const pipeWidth = 80;
const plainly = new Help();

export const helpLayout: Partial<Help> = {
  showGlobalOptions: true,
  subcommandTerm: (command) => plainly.subcommandTerm(command).replace(" [options]", ""),
  optionDescription: (option) => plainly.optionDescription(option).replace(" (default: [])", ""),
  padWidth: (command, helper) => Math.min(widestTerm, plainly.padWidth(command, helper)),
  formatItem(term, termWidth, description, helper) {
    const format = (head: string): string =>
      Help.prototype.formatItem.call(helper, head, termWidth, description, helper);
    return term.length <= termWidth || description === "" ? format(term) : `  ${term}\n${format("")}`;
  },
};

/** Where commander writes to. */
export const helpOutput = (terminal: Terminal): OutputConfiguration => {
  const width = (): number => (Number.isFinite(terminal.width) ? terminal.width : pipeWidth);
  return {
    getOutHelpWidth: width,
    getErrHelpWidth: width,
    writeOut: (text) => terminal.raw(wrappedLines(text, terminal.width)),
    writeErr: (text) => terminal.note(text.trimEnd()),
    // What is refused is told in the form of every other failure, when it is known for which command.
    outputError: () => undefined,
  };
};
