/** The entry of the command line: the only one of its files that sees the environment and the process. */
import { readFileSync } from "node:fs";
import { impatience } from "../model/impatience.ts";
import { exitCodes } from "./exit-codes.ts";
import { runCommand } from "./program.ts";
import { createTerminal } from "./view/terminal.ts";

const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as {
  version: string;
};

/** The first interrupt leaves what is watched, another one, a while later, ends at once. */
const leaving = (): AbortSignal => {
  const controller = new AbortController();
  const isImpatient = impatience(() => performance.now());
  const leave = (): void => {
    if (isImpatient()) process.exit(exitCodes.interrupted);
    controller.abort();
  };
  process.on("SIGINT", leave);
  process.on("SIGTERM", leave);
  return controller.signal;
};

// The reader of a pipe that has seen enough ends the command, quietly.
process.stdout.on("error", () => process.exit(exitCodes.succeeded));

const { stdin, stdout, stderr, env } = process;
process.exit(
  await runCommand(
    {
      terminal: createTerminal({ stdin, stdout, stderr, environment: env }),
      environment: env,
      cwd: process.cwd(),
      signal: leaving(),
      now: Date.now,
      version,
    },
    process.argv.slice(2),
  ),
);
