/** Cancelling: at once when the job never started, else a word to the worker that holds it. */
import { SwitchyardError } from "../errors.ts";
import { askCancel } from "../live/cancel.ts";
import type { Log } from "../log.ts";
import { newId } from "../model/ids.ts";
import { isSettled, type Job } from "../model/job.ts";
import { hasRole, type Principal, seesInstance } from "../model/principal.ts";
import { appendAudit } from "../store/audit.ts";
import { requestCancel, settleUnstarted } from "../store/jobs.ts";
import type { Unit } from "../store/unit.ts";
import { closeTailOf, jobErrorOf, type TailDeps } from "./tail.ts";

export interface CancelDeps extends TailDeps {
  readonly now: () => number;
  readonly log: Log;
  readonly metrics?: { jobSettled(kind: string, state: string, runSeconds: null): void };
}

export interface CancelRequest {
  readonly job: Job;
  readonly principal: Principal;
  /** Where it came from, for the audit log. */
  readonly address?: string;
}

const requireAllowed = ({ job, principal }: CancelRequest): void => {
  const { instanceId } = job.subject;
  if (instanceId !== undefined && !seesInstance(principal, instanceId)) {
    throw new SwitchyardError("not_found", { detail: `There is no job ${job.id}.` });
  }
  if (!hasRole(principal, "operator")) {
    throw new SwitchyardError("forbidden", {
      detail: `Cancelling a job needs the role operator; ${principal.name} has the role ${principal.role}.`,
    });
  }
};

const overAlready = (job: Job): SwitchyardError =>
  new SwitchyardError("job_settled", {
    detail: `The job ${job.id} is over (${job.state}); there is nothing left to cancel.`,
    details: { state: job.state },
  });

interface Asked {
  readonly job: Job;
  /** It never started and is settled by this. */
  readonly isSettledNow: boolean;
}

function* ask({ job, principal, address }: CancelRequest, now: number): Unit<Asked | undefined> {
  const asked = yield* requestCancel({ id: job.id, now });
  if (asked === undefined || isSettled(asked.state)) return undefined;
  yield* appendAudit({
    id: newId("aud", now),
    at: now,
    principalId: principal.id,
    principalName: principal.name,
    action: "job.cancel",
    objectType: "job",
    objectId: job.id,
    address: address ?? null,
    outcome: "accepted",
  });
  if (asked.state === "running") return { job: asked, isSettledNow: false };
  const error = jobErrorOf("job_cancelled", `${principal.name} cancelled the job before it started.`);
  const settled = yield* settleUnstarted({ id: job.id, state: "cancelled", error, now });
  return settled === undefined ? { job: asked, isSettledNow: false } : { job: settled, isSettledNow: true };
}

/**
 * Gives the job as it is afterwards: cancelled, or running with its cancel on record.
 * @throws SwitchyardError `job_settled`, `forbidden`, `not_found`
 */
export const cancelJob = async (deps: CancelDeps, request: CancelRequest): Promise<Job> => {
  requireAllowed(request);
  const asked = await deps.store.write(() => ask(request, deps.now()));
  if (asked === undefined) throw overAlready(request.job);
  if (asked.isSettledNow) deps.metrics?.jobSettled(asked.job.kind, asked.job.state, null);
  // What is on record happens even when Redis is away: the worker reads it again, the sweep closes the tail.
  const follow = asked.isSettledNow ? closeTailOf(deps, asked.job) : askCancel(deps.redis, asked.job.id);
  await Promise.resolve(follow).catch((error: unknown) =>
    deps.log.warn({ err: error, job_id: asked.job.id }, "A cancel is on record; its message comes later"),
  );
  return asked.job;
};
