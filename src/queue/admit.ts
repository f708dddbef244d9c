/** Admission: the one door by which work comes in. Authorise, validate, record, and send its id to the queue. */
import { setTimeout } from "node:timers/promises";
import { asSwitchyardError, SwitchyardError } from "../errors.ts";
import { expectJobs } from "../live/locks.ts";
import type { Log } from "../log.ts";
import { newId } from "../model/ids.ts";
import type { Job } from "../model/job.ts";
import type { Redis } from "../redis.ts";
import { appendAudit } from "../store/audit.ts";
import { type Admission as Insertion, insertJob, type NewJob } from "../store/jobs.ts";
import type { Store } from "../store/store.ts";
import type { Unit } from "../store/unit.ts";
import type { Tracer } from "../trace/trace.ts";
import { draftJob, draftProbe } from "./draft.ts";
import { createOutbox, type Outbox } from "./outbox.ts";
import type { JobQueue } from "./queue.ts";
import {
  type AdmissionRequest,
  type Known,
  readKnown,
  requireKnown,
  requireRole,
  requireValid,
  textField,
} from "./request.ts";
import type { Sealer } from "./secret-params.ts";

export interface AdmissionDeps {
  readonly store: Store;
  readonly queue: JobQueue;
  readonly vault: Sealer;
  readonly now: () => number;
  readonly isRedisUp: () => boolean;
  /** Where locks are; absent where only one worker claims. */
  readonly redis?: Redis;
  readonly log: Log;
  readonly metrics?: { jobAdmitted(kind: string): void; jobParked(kind: string): void };
  readonly tracer?: Tracer | undefined;
}

export interface Admission {
  /**
   * Records the job durably and sends it on its way; `isNew` is false for a job that was there already.
   * @throws SwitchyardError every refusal of the contract at admission, with all problems at once
   */
  admit(request: AdmissionRequest): Promise<{ job: Job; isNew: boolean }>;
  /** Sends what is still on its way. */
  close(): Promise<void>;
}

interface AuditEntry {
  readonly objectType: string;
  readonly objectId: string | null;
  readonly outcome: string;
}

function* audit(request: AdmissionRequest, at: number, entry: AuditEntry): Unit<void> {
  // A schedule's tick is on record as the job it made; the log is for what people and programs ask.
  if (request.principal.scheduleId !== undefined) return;
  yield* appendAudit({
    id: newId("aud", at),
    at,
    principalId: request.principal.id,
    principalName: request.principal.name,
    action: request.action,
    address: request.address ?? null,
    ...entry,
  });
}

const auditOutcome: Record<Insertion["outcome"], string> = {
  created: "accepted",
  joined: "joined",
  replayed: "replayed",
  idempotency_conflict: "idempotency_conflict",
  action_conflict: "action_conflict",
  undone: "undo_conflict",
};

function* record(request: AdmissionRequest, job: NewJob): Unit<Insertion> {
  const insertion = yield* insertJob(job);
  const outcome = auditOutcome[insertion.outcome];
  yield* audit(request, job.createdAt, { objectType: "job", objectId: insertion.job.id, outcome });
  return insertion;
}

const requireUp = (isUp: boolean): void => {
  if (isUp) return;
  throw new SwitchyardError("queue_unavailable", {
    detail: "Redis cannot be reached, so nothing was accepted; send the request again in a moment.",
  });
};

const requireAccepted = ({ outcome, job }: Insertion, request: AdmissionRequest): void => {
  if (outcome === "idempotency_conflict") {
    throw new SwitchyardError("idempotency_conflict", {
      detail: `The idempotency key ${request.idempotencyKey} was used within 24 hours for another request, the job ${job.id}; use a new key.`,
      details: { job_id: job.id },
    });
  }
  if (outcome === "action_conflict") {
    throw new SwitchyardError("action_conflict", {
      detail: `The job ${job.id} does the same action with other parameters or another plan; wait for it or cancel it.`,
      details: { job_id: job.id },
    });
  }
  if (outcome === "undone") {
    throw new SwitchyardError("undo_conflict", {
      detail: `The job ${job.id} undoes ${request.undoOf} already: look at that one. To change the target again, run an action.`,
      details: { job_id: job.id },
    });
  }
};

const auditRefusal = (deps: AdmissionDeps, request: AdmissionRequest, outcome: string): void => {
  const at = deps.now();
  const instanceId = textField(request.input, "instance_id");
  const objectId = instanceId ?? textField(request.input, "type_id") ?? null;
  const entry = { objectType: instanceId === undefined ? "type" : "instance", objectId, outcome };
  deps.store
    .write(() => audit(request, at, entry))
    .catch((error: unknown) => deps.log.warn({ err: error }, "A refusal could not be written to the audit log"));
};

/** A request that was accepted once stays accepted, whatever became of its instance since. */
const replay = async (deps: AdmissionDeps, request: AdmissionRequest, refusal: unknown): Promise<Job> => {
  const isRefusal = refusal instanceof SwitchyardError && refusal.status < 500;
  if (request.idempotencyKey === undefined || !isRefusal) throw refusal;
  const probe = draftProbe(request, deps.now());
  const insertion = await deps.store.write(function* () {
    const found = yield* insertJob(probe);
    if (found.outcome === "created") throw refusal;
    return found;
  });
  requireAccepted(insertion, request);
  return insertion.job;
};

const check = async (deps: AdmissionDeps, request: AdmissionRequest): Promise<NewJob> => {
  requireValid(request);
  const known: Known = await deps.store.read(() => readKnown(request));
  requireKnown(request, known);
  return draftJob(request, known, { vault: deps.vault, at: deps.now() });
};

const authorise = (deps: AdmissionDeps, request: AdmissionRequest): void => {
  try {
    requireRole(request);
  } catch (error) {
    auditRefusal(deps, request, "forbidden");
    throw error;
  }
};

const numberPatienceMs = 250;

/**
 * The job's number counts at its locks from here on, before anybody is told of the job: who asks later comes later.
 * Answers whether it stands in line now and is woken when its turn comes.
 */
const takeNumber = async ({ redis, log }: AdmissionDeps, job: Job): Promise<boolean> => {
  if (redis === undefined || job.locks.length === 0) return false;
  const over = new AbortController();
  const late = setTimeout(numberPatienceMs, false, { signal: over.signal }).catch(() => false);
  const taken = expectJobs(redis, [job]).then(
    (standing) => standing.has(job.id),
    (error: unknown) => {
      log.warn(
        { err: error, job: job.id },
        "A job comes to its locks without a number; it is served when it is claimed",
      );
      return false;
    },
  );
  const stands = await Promise.race([taken, late]);
  over.abort();
  return stands;
};

const admitNew = async (deps: AdmissionDeps, outbox: Outbox, request: AdmissionRequest, draft: NewJob) => {
  const insertion = await deps.store.write(() => record(request, draft));
  requireAccepted(insertion, request);
  const { outcome, job } = insertion;
  if (outcome !== "created") return { job, isNew: false };
  deps.metrics?.jobAdmitted(job.kind);
  if (await takeNumber(deps, job)) {
    deps.metrics?.jobParked(job.kind);
    outbox.mark(job.id);
  } else await outbox.put({ id: job.id, queue: job.queue });
  return { job, isNew: true };
};

/** One admission as a span; the job carries its context on. */
const traced = async (
  tracer: Tracer,
  request: AdmissionRequest,
  admit: Admission["admit"],
): ReturnType<Admission["admit"]> => {
  const attributes = { "switchyard.job.kind": request.kind };
  const span = tracer.start({ name: `admit ${request.kind}`, kind: "producer", attributes }, request.trace);
  try {
    const admitted = await admit({ ...request, trace: span.context });
    span.set({ "switchyard.job.id": admitted.job.id, "switchyard.job.is_new": admitted.isNew });
    return admitted;
  } catch (thrown) {
    span.fail(asSwitchyardError(thrown).code);
    throw thrown;
  } finally {
    span.end();
  }
};

/** Each process that accepts work makes one. */
export const createAdmission = (deps: AdmissionDeps): Admission => {
  const outbox = createOutbox(deps);
  const { tracer } = deps;
  const admit: Admission["admit"] = async (request) => {
    authorise(deps, request);
    let draft: NewJob;
    try {
      draft = await check(deps, request);
    } catch (error) {
      return { job: await replay(deps, request, error), isNew: false };
    }
    requireUp(deps.isRedisUp());
    return admitNew(deps, outbox, request, draft);
  };
  return {
    admit: tracer === undefined ? admit : (request) => traced(tracer, request, admit),
    close: () => outbox.close(),
  };
};
