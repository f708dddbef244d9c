/** How a command is declared: its function, and the options that several share. */
import { type Command, InvalidArgumentError } from "commander";
import { didYouMean } from "../model/nearest.ts";
import type { RunAlone } from "./alone.ts";
import type { ExitCode } from "./exit-codes.ts";
import { usage } from "./failure.ts";
import type { Session } from "./session.ts";

/** What a command does; without an exit code it succeeded. */
export type Run = (session: Session, args: readonly string[], options: never) => Promise<ExitCode | undefined>;

/** Makes a commander action of a command's function. */
export type Act = (run: Run) => (...given: unknown[]) => Promise<void>;

/** Makes a commander action of a command's function that needs no server. */
export type ActAlone = (run: RunAlone) => (...given: unknown[]) => Promise<void>;

/** Declares the commands of one group. */
export type Group = (program: Command, act: Act, alone: ActAlone) => void;

const seconds = (text: string): number => {
  const value = Number(text);
  if (text.trim() === "" || !(value > 0 && value <= 1_000_000)) {
    throw new InvalidArgumentError("Expected seconds, such as 30.");
  }
  return value;
};

/** The option of a command that waits. */
export const timed = (command: Command): Command =>
  command.option("--timeout <seconds>", "wait at most so long; the job goes on, the exit code is 124", seconds);

/** The options of a command that enqueues a job. */
export const enqueuing = (command: Command): Command =>
  timed(command.option("--wait", "wait for the outcome")).option("--watch", "show every line of the job as it comes");

/** One of the known words; the refusal lists them and names the near ones. */
export const oneOf =
  (option: string, known: readonly string[]) =>
  (word: string): string => {
    if (known.includes(word)) return word;
    throw usage(`${option} ${word}: expected one of ${known.join(", ")}.`, didYouMean(word, known));
  };

/** An option that may be given more than once. */
export const collected = (value: string, before: readonly string[]): readonly string[] => [...before, value];
