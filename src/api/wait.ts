/** `Prefer: wait=N`: an answer that waits for the outcome of its job. */
import { SwitchyardError } from "../errors.ts";
import { isSettled, type Job } from "../model/job.ts";
import { findJob } from "../store/jobs.ts";
import type { Store } from "../store/store.ts";
import { errorOfJob } from "./problem.ts";
import type { Feed } from "./streams/feed.ts";

const maxSeconds = 60;

/** Seconds that the caller wants to wait; undefined when it does not. */
export const preferredWait = (header: string | undefined): number | undefined => {
  const asked = /(?:^|[,;\s])wait\s*=\s*"?(\d{1,6})"?(?=$|[,;\s])/i.exec(header ?? "")?.[1];
  return asked === undefined ? undefined : Math.min(Number(asked), maxSeconds);
};

interface WaitDeps {
  readonly store: Store;
  readonly feed: Feed;
  readonly signal: AbortSignal;
}

const untilDone = ({ feed, signal }: WaitDeps, jobId: string, ms: number) => {
  let leave = (): void => undefined;
  const done = new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, ms);
    const unwatch = feed.watchJob(jobId, (entry) => {
      if (entry.type === "job.done") resolve();
    });
    const stop = (): void => resolve();
    signal.addEventListener("abort", stop);
    leave = () => {
      clearTimeout(timer);
      unwatch();
      signal.removeEventListener("abort", stop);
    };
  });
  return { done, leave };
};

/** The job when it is settled, or as it is when the time is over. */
export const waitForJob = async (deps: WaitDeps, job: Job, seconds: number): Promise<Job> => {
  if (isSettled(job.state) || seconds === 0) return job;
  const { done, leave } = untilDone(deps, job.id, seconds * 1000);
  try {
    const before = await deps.store.read(() => findJob(job.id));
    if (before && isSettled(before.state)) return before;
    await done;
    return (await deps.store.read(() => findJob(job.id))) ?? job;
  } finally {
    leave();
  }
};

const bare = {
  timed_out: "timed_out",
  cancelled: "job_cancelled",
  unknown_outcome: "outcome_unknown",
} as const;

/** The error that a settled job answers with; undefined when it did what was asked. */
export const failureOf = (job: Job): SwitchyardError | undefined => {
  if (job.state === "succeeded" || !isSettled(job.state)) return undefined;
  if (job.error) {
    const error = errorOfJob(job.error);
    return job.state === "unknown_outcome" && error.code !== "outcome_unknown"
      ? new SwitchyardError("outcome_unknown", { detail: error.message, details: error.details })
      : error;
  }
  return job.state in bare ? new SwitchyardError(bare[job.state as keyof typeof bare]) : undefined;
};
