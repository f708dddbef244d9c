/** Lines that are longer than a terminal is wide, broken where a word ends. */
import { stripVTControlCharacters } from "node:util";

/**
 * What stays on one line: a command that is copied from there, with the words that are quoted in it, and any other
 * word; with the space before it.
 */
const piece = /\s*(?:`[^`]*`\S*|npx switchyard (?:(?<= |\\')'[^']*'|\\'|(?![,;:] ).)*|\S+)/g;

const widthOf = (text: string): number => stripVTControlCharacters(text).length;

/** Where what follows stands: under the last column, or under the words behind an arrow. */
const hangOf = (line: string, width: number): number => {
  const bare = stripVTControlCharacters(line);
  const start = /^\s*/.exec(bare)?.[0].length ?? 0;
  const column = /^(?:.*\S {2,}|\s*-> )(?=\S)/.exec(bare)?.[0].length ?? start;
  return column <= width / 2 ? column : start + 2;
};

/** A pipe is endlessly wide: there a line stays as it is. */
export const wrapped = (line: string, width: number): string => {
  if (widthOf(line) <= width) return line;
  const hang = " ".repeat(hangOf(line, width));
  const [first = "", ...rest] = line.trimEnd().match(piece) ?? [];
  const lines: string[] = [];
  let last = first;
  for (const next of rest) {
    if (widthOf(last + next) <= width) last += next;
    else {
      lines.push(last);
      last = hang + next.trimStart();
    }
  }
  return [...lines, last].join("\n");
};

/** The same for each line of a text. */
export const wrappedLines = (text: string, width: number): string =>
  text
    .split("\n")
    .map((line) => wrapped(line, width))
    .join("\n");
