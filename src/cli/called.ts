/** How a person calls the program: hints are lines that work as they stand. */
import { shellWord } from "../model/shell-word.ts";

/** From a checkout, which is where it lives, it is on nobody's path; npx finds it there. */
export const program = "npx switchyard";

/** A command as it is typed; a word that the shell would read otherwise is quoted. */
export const call = (...words: readonly string[]): string => [program, ...words.map(shellWord)].join(" ");

/** The same with places to fill in, such as `<type>`: taken as it is written. */
export const form = (words: string): string => `${program} ${words}`;
