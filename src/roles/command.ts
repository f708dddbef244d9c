/** The command line of a process of ours. */

/** Left to itself, the engine's nursery grows to many times what it saves; at this size a job costs no more. */
export const roleCommand: readonly [string, ...string[]] = [
  process.execPath,
  "--disable-warning=ExperimentalWarning",
  "--max-semi-space-size=4",
  new URL("../main.ts", import.meta.url).pathname,
];
