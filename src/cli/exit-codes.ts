/** The exit codes of every command, and which state of a job and which answer lead to which. */
import type { JobState } from "../model/job.ts";

export const exitCodes = {
  succeeded: 0,
  failed: 1,
  usage: 2,
  notAllowed: 3,
  notFound: 4,
  noServer: 5,
  cancelled: 6,
  unknownOutcome: 7,
  partial: 8,
  timedOut: 124,
  interrupted: 130,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

const byState: Readonly<Record<JobState, ExitCode>> = {
  queued: exitCodes.succeeded,
  running: exitCodes.succeeded,
  retrying: exitCodes.succeeded,
  succeeded: exitCodes.succeeded,
  failed: exitCodes.failed,
  timed_out: exitCodes.timedOut,
  cancelled: exitCodes.cancelled,
  unknown_outcome: exitCodes.unknownOutcome,
  partial: exitCodes.partial,
};

/** An open job was accepted, which is what was asked for; a failed one may have missed what it was for. */
export const exitOfJob = ({ state, error }: JobEnd): ExitCode =>
  state === "failed" && missing.has(error?.code ?? "") ? exitCodes.notFound : byState[state];

interface JobEnd {
  readonly state: JobState;
  readonly error: { readonly code: string } | null;
}

const missing: ReadonlySet<string> = new Set(["target_not_found", "not_found"]);

const byStatus: Readonly<Record<number, ExitCode>> = {
  401: exitCodes.notAllowed,
  403: exitCodes.notAllowed,
  404: exitCodes.notFound,
  409: exitCodes.failed,
  429: exitCodes.failed,
};

/** What was asked in a wrong way is wrong usage; what the server could not do has failed. */
export const exitOfStatus = (status: number): ExitCode => {
  if (status < 400) return exitCodes.succeeded;
  return byStatus[status] ?? (status < 500 ? exitCodes.usage : exitCodes.failed);
};
