/** What was open when a backup was taken is not begun again by a restore: it went on elsewhere since. */
import { SwitchyardError } from "../errors.ts";
import type { JobError } from "../model/job.ts";
import { type OpenJob, settleJob, settleUnstarted, unsettledJobs } from "../store/jobs.ts";
import { readJournal } from "../store/journal.ts";
import type { Unit } from "../store/unit.ts";

const pageSize = 500;

const errorOf = (code: "outcome_unknown" | "job_cancelled"): JobError => {
  const { title } = new SwitchyardError(code);
  const seen = code === "outcome_unknown" ? "It had written to its device: look there what came of it." : "";
  return {
    code,
    title,
    detail: `The job was open when the backup was taken, and a restore does not run it again. ${seen}`.trim(),
  };
};

function* settleOne({ id, attempt, state }: OpenJob, now: number): Unit<void> {
  const hasWritten = (yield* readJournal(id)).length > 0;
  const error = errorOf(hasWritten ? "outcome_unknown" : "job_cancelled");
  if (state === "running") {
    const end = hasWritten ? "unknown_outcome" : "cancelled";
    yield* settleJob({ id, attempt, state: end, result: null, error, events: [], now });
    return;
  }
  yield* settleUnstarted({ id, state: hasWritten ? "failed" : "cancelled", error, now });
}

/** Settles every open job; returns how many. */
export function* settleOpenJobs(now: number): Unit<number> {
  let after = 0;
  for (let settled = 0; ; ) {
    const jobs = yield* unsettledJobs({ limit: pageSize, after });
    for (const job of jobs) yield* settleOne(job, now);
    settled += jobs.length;
    after = jobs.at(-1)?.admission ?? after;
    if (jobs.length < pageSize) return settled;
  }
}
