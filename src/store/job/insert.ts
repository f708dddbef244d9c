/** Admits a job into the store: replays, joins, refuses or inserts it, in one unit. */
import type { Job } from "../../model/job.ts";
import { requireLivingKey } from "../key-fence.ts";
import { prepared, query, run } from "../query.ts";
import type { Tables } from "../tables.ts";
import type { Unit } from "../unit.ts";
import { findJob, holdJob } from "./find.ts";
import { addJob, type NewJob } from "./new.ts";
import { jobOf } from "./row.ts";
import { findUndo } from "./undo.ts";

/** How long an idempotency key is kept. */
const idempotencyMs = 24 * 3_600_000;

export interface Admission {
  readonly outcome: "created" | "joined" | "replayed" | "idempotency_conflict" | "action_conflict" | "undone";
  /** The new job, or the one that was met. */
  readonly job: Job;
}

const keyOwner = prepared<
  { principal: string; key: string },
  { job_id: string; request_hash: string; created_at: number }
>((value) =>
  query
    .selectFrom("idempotency_keys")
    .select(["job_id", "request_hash", "created_at"])
    .where("principal_id", "=", value("principal"))
    .where("idempotency_key", "=", value("key")),
);

const keyInserted = prepared<Tables["idempotency_keys"], unknown>((value) =>
  query.insertInto("idempotency_keys").values({
    principal_id: value("principal_id"),
    idempotency_key: value("idempotency_key"),
    request_hash: value("request_hash"),
    job_id: value("job_id"),
    created_at: value("created_at"),
  }),
);

function* forgetKey(principal: string, key: string): Unit<void> {
  yield* run(
    query.deleteFrom("idempotency_keys").where("principal_id", "=", principal).where("idempotency_key", "=", key),
  );
}

/** The job that an unexpired idempotency key stands for. */
function* replayOf(job: NewJob): Unit<Admission | undefined> {
  if (job.idempotencyKey === null) return undefined;
  const owner = (yield* keyOwner({ principal: job.principalId, key: job.idempotencyKey })).rows[0];
  if (owner === undefined) return undefined;
  const earlier = yield* findJob(owner.job_id);
  if (earlier === undefined || owner.created_at <= job.createdAt - idempotencyMs) {
    yield* forgetKey(job.principalId, job.idempotencyKey);
    return undefined;
  }
  return {
    outcome: owner.request_hash === (job.requestHash ?? "") ? "replayed" : "idempotency_conflict",
    job: earlier,
  };
}

/** The open job that does, or is about to do, what is asked for; the job's own key comes before those it may join. */
function* openTwinOf(job: NewJob): Unit<Admission | undefined> {
  const keys = [...(job.dedupeKey === null ? [] : [job.dedupeKey]), ...job.joinKeys];
  if (keys.length === 0) return undefined;
  const { rows } = yield* run(query.selectFrom("jobs").selectAll().where("dedupe_key", "in", keys));
  const twin = [...rows].sort((a, b) => keys.indexOf(a.dedupe_key ?? "") - keys.indexOf(b.dedupe_key ?? ""))[0];
  if (twin === undefined) return undefined;
  const isSame = job.dedupeHash === null || job.dedupeHash === twin.dedupe_hash;
  return { outcome: isSame ? "joined" : "action_conflict", job: jobOf(twin) };
}

/** The job that took back, or is about to, what this one would. Many may ask at once: they come here one by one. */
function* otherUndoOf({ undoOf, subject: { instanceId } }: NewJob): Unit<Admission | undefined> {
  const undone = undoOf === null ? undefined : yield* holdJob(undoOf);
  if (undone === undefined || instanceId === undefined) return undefined;
  const job = yield* findUndo({ ...undone, instanceId });
  return job === undefined ? undefined : { outcome: "undone", job };
}

function* createdOf(job: NewJob): Unit<Admission> {
  yield* requireLivingKey(job.sealedInput === null ? [] : [job.sealedInput]);
  return { outcome: "created", job: yield* addJob(job) };
}

/** The key stands for the job from now on, also when the job was joined and not made. */
function* rememberKey(job: NewJob, jobId: string): Unit<void> {
  if (job.idempotencyKey === null) return;
  yield* keyInserted({
    principal_id: job.principalId,
    idempotency_key: job.idempotencyKey,
    request_hash: job.requestHash ?? "",
    job_id: jobId,
    created_at: job.createdAt,
  });
}

/** Admits one job. Before a row is made, its idempotency key, another undo of the same job and an open twin are looked for, in this order. */
export function* insertJob(job: NewJob): Unit<Admission> {
  const replay = yield* replayOf(job);
  if (replay !== undefined) return replay;
  const admission = (yield* otherUndoOf(job)) ?? (yield* openTwinOf(job)) ?? (yield* createdOf(job));
  const isRefused = admission.outcome === "action_conflict" || admission.outcome === "undone";
  if (!isRefused) yield* rememberKey(job, admission.job.id);
  return admission;
}
