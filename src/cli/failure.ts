/** What ends a command early: a problem as the API words it, and the exit code that says so. */
import type { FieldProblem } from "../errors.ts";
import { type ExitCode, exitCodes } from "./exit-codes.ts";

/** A problem document of the API, or one of the command line's own in the same form. */
export interface Problem {
  readonly title: string;
  readonly detail: string;
  readonly code: string;
  readonly status?: number;
  readonly errors?: readonly FieldProblem[];
  readonly job_id?: string;
  readonly details?: unknown;
}

type Shown = Partial<Pick<CliFailure, "isSaid" | "isRaw">>;

export class CliFailure extends Error {
  readonly exitCode: ExitCode;
  readonly problem: Problem;
  /** What to do next, where the code alone does not tell. */
  readonly hints: readonly string[];
  /** What the code alone would advise is in sight already. */
  readonly isSaid: boolean;
  /** The person spoke to the API in its own words, and hears them. */
  readonly isRaw: boolean;

  constructor(exitCode: ExitCode, problem: Problem, hints: readonly string[] = [], shown: Shown = {}) {
    super(problem.detail);
    this.name = "CliFailure";
    this.exitCode = exitCode;
    this.problem = problem;
    this.hints = hints;
    this.isSaid = shown.isSaid ?? false;
    this.isRaw = shown.isRaw ?? false;
  }
}

export const usage = (detail: string, hints: readonly string[] = []): CliFailure =>
  new CliFailure(exitCodes.usage, { title: "The command is not used as it should be", detail, code: "usage" }, hints);

/** A person was asked and said no. */
export const declined = (detail: string): CliFailure =>
  new CliFailure(exitCodes.cancelled, { title: "Left as it was", detail, code: "declined" });

export const notFound = (detail: string, hints: readonly string[] = []): CliFailure =>
  new CliFailure(exitCodes.notFound, { title: "There is no such thing", detail, code: "not_found" }, hints);

export const noServer = (detail: string, hints: readonly string[] = []): CliFailure =>
  new CliFailure(exitCodes.noServer, { title: "No server", detail, code: "no_server" }, hints);
