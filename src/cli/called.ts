/** How a person calls the program: hints are lines that work as they stand. */

/** From a checkout, which is where it lives, it is on nobody's path; npx finds it there. */
export const program = "npx switchyard";

/** A command as it is typed. */
export const call = (...words: readonly string[]): string => [program, ...words].join(" ");
