/** How help is asked for: before a command as behind it, and of commands that there are. */
import type { Command } from "commander";
import { placeOf } from "./completion.ts";

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
