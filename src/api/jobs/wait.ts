/** `Prefer: wait=N`: an answer that waits for the outcome of its job. */
import { SwitchyardError } from "../../errors.ts";
import { isSettled, type Job } from "../../model/job.ts";
import { findJob } from "../../store/jobs.ts";
import type { Store } from "../../store/store.ts";
import { errorOfJob } from "../http/problem.ts";
import type { Feed } from "../streams/feed.ts";

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

/** A message may be lost, with Redis for instance; the row is looked at again all the same. */
const lookAgainMs = 1_500;

/** Tells when there may be something new to see of a job. */
const watchEnd = ({ feed, signal }: WaitDeps, jobId: string) => {
  let wake = (): void => undefined;
  let isNew = false;
  const tell = (): void => {
    isNew = true;
    wake();
  };
  const leaves = [
    feed.watchJob(jobId, (entry) => {
      if (entry.type === "job.done") tell();
    }),
    feed.watchGaps(tell),
  ];
  signal.addEventListener("abort", tell);
  return {
    /** Resolves with news, at the latest after so many ms. */
    news: async (ms: number): Promise<void> => {
      if (!isNew) {
        let timer: NodeJS.Timeout | undefined;
        await new Promise<void>((resolve) => {
          wake = resolve;
          timer = setTimeout(resolve, ms);
        });
        clearTimeout(timer);
      }
      isNew = false;
    },
    leave: (): void => {
      for (const unwatch of leaves) unwatch();
      signal.removeEventListener("abort", tell);
    },
  };
};

/** The job when it is settled, or as it is when the time is over. */
export const waitForJob = async (deps: WaitDeps, job: Job, seconds: number): Promise<Job> => {
  if (isSettled(job.state) || seconds === 0) return job;
  const watch = watchEnd(deps, job.id);
  const deadline = performance.now() + seconds * 1000;
  try {
    for (;;) {
      const found = (await deps.store.read(() => findJob(job.id))) ?? job;
      const leftMs = deadline - performance.now();
      if (isSettled(found.state) || leftMs <= 0 || deps.signal.aborted) return found;
      await watch.news(Math.min(leftMs, lookAgainMs));
    }
  } finally {
    watch.leave();
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
