/** What happens after something was enqueued: nothing more, wait for the outcome, or watch every line. */

import { isSettled } from "../model/job.ts";
import { call } from "./called.ts";
import { followEvents } from "./client/events.ts";
import { paths } from "./client/find.ts";
import type { ArtifactDocument, EventDocument, JobDocument, Page } from "./client/wire.ts";
import { type ExitCode, exitCodes, exitOfJob } from "./exit-codes.ts";
import { CliFailure } from "./failure.ts";
import { adviseAfter } from "./next-steps.ts";
import { printJson, type Session } from "./session.ts";
import { printOpen, printOutcome, type SaidAs } from "./view/job.ts";
import { createLiveView, type LiveView } from "./view/live.ts";
import { printWayBack } from "./way-back.ts";

export interface FollowOptions {
  readonly wait?: boolean;
  readonly watch?: boolean;
  /** Seconds; waits by itself. */
  readonly timeout?: number;
}

const silent: LiveView = { event: () => undefined, away: () => undefined, back: () => undefined, end: () => undefined };

/** Each event on a line of JSON, as it came. */
const jsonLines = ({ terminal }: Session): ((data: string) => void) => terminal.print;

const left = (jobId: string, timeout: AbortSignal | undefined): CliFailure => {
  const hints = [`Follow it with: ${call("watch", jobId)}`, `Stop it with: ${call("cancel", jobId)}`];
  const facts = timeout?.aborted
    ? { title: "The job is not over in time", code: "wait_timed_out", detail: `${jobId} goes on.` }
    : { title: "Left before the job was over", code: "interrupted", detail: `${jobId} goes on.` };
  const exitCode = timeout?.aborted ? exitCodes.timedOut : exitCodes.interrupted;
  return new CliFailure(exitCode, { ...facts, job_id: jobId }, hints);
};

const follow = async (session: Session, jobId: string, options: FollowOptions & { readonly isQuiet?: boolean }) => {
  const { terminal, isJson, api } = session;
  const timeout = options.timeout === undefined ? undefined : AbortSignal.timeout(options.timeout * 1000);
  const signal = timeout ? AbortSignal.any([session.signal, timeout]) : session.signal;
  const printData = isJson && options.watch ? jsonLines(session) : undefined;
  const view = isJson || options.isQuiet ? silent : createLiveView(terminal, options.watch ? "lines" : "phases");
  try {
    for await (const { event, data } of followEvents(api, jobId, { signal, onAway: view.away, onBack: view.back })) {
      printData?.(data);
      if (event === "job.done") return;
      view.event(JSON.parse(data) as EventDocument);
    }
  } finally {
    view.end();
  }
  throw left(jobId, timeout);
};

const readJob = (session: Session, jobId: string): Promise<JobDocument> =>
  session.api.read(`${paths.jobs}/${encodeURIComponent(jobId)}`);

/**
 * Waits until the job is settled, showing what the options ask for.
 * @throws CliFailure when the time is over, when the person leaves, when the server stays away.
 */
export const awaitJob = async (
  session: Session,
  jobId: string,
  options: FollowOptions & { readonly isQuiet?: boolean },
): Promise<JobDocument> => {
  await follow(session, jobId, options);
  return readJob(session, jobId);
};

/** A person who has just said yes sees what comes of it, unless they asked for something else. */
export const watched = ({ isJson }: Session, options: FollowOptions): FollowOptions =>
  isJson || options.wait || options.timeout !== undefined ? options : { ...options, watch: true };

/** The files that an action kept with its job, and how to have them; never fails. */
const printFiles = async ({ api, terminal }: Session, { id, kind, state }: JobDocument): Promise<void> => {
  if (kind !== "action.run" || state !== "succeeded") return;
  const path = `${paths.jobs}/${id}/artifacts`;
  const { items } = await api.read<Page<ArtifactDocument>>(path).catch(() => ({ items: [] }));
  for (const { name, size } of items) {
    terminal.note(`It kept ${name} (${size} bytes): ${call("api", "GET", `${path}/${name}`)}`);
  }
};

/** How a settled job ended, and what to know and do when it did not do what was asked. */
export const printEnd = async (session: Session, job: JobDocument, as: SaidAs = "note"): Promise<void> => {
  printOutcome(session.terminal, job, { advice: await adviseAfter(session, job), as });
  await printFiles(session, job);
  await printWayBack(session, job);
};

/** Prints what the options ask for, and says how it ended. */
export const finish = async (session: Session, job: JobDocument, options: FollowOptions): Promise<ExitCode> => {
  const waits = options.wait || options.watch || options.timeout !== undefined;
  const settled = waits && !(isSettled(job.state) && !options.watch) ? await awaitJob(session, job.id, options) : job;
  if (session.isJson) {
    // The lines of a watch end with job.done, which says it all.
    if (!options.watch) printJson(session, settled);
  } else if (isSettled(settled.state)) await printEnd(session, settled);
  else printOpen(session.terminal, settled);
  return exitOfJob(settled);
};
