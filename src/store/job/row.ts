/** Jobs as rows: every column of a job, and how it is coded. */
import type { Selectable } from "kysely";
import type { Job, JobError, Subject } from "../../model/job.ts";
import type { TargetRef } from "../../model/target.ts";
import { codec } from "../codec.ts";
import type { Tables } from "../tables.ts";

export type JobRow = Selectable<Tables["jobs"]>;

/** A job with its subject laid out in columns, so that it can be searched by them. */
type FlatJob = Omit<Job, "subject"> & {
  readonly typeId: string | null;
  readonly instanceId: string | null;
  readonly target: TargetRef | null;
  readonly dedupeHash: string | null;
  readonly isRoutine: boolean;
};

export const jobCodec = codec<FlatJob, JobRow>({
  id: "plain",
  kind: "plain",
  state: "plain",
  attempt: "plain",
  maxAttempts: "plain",
  triesUsed: "plain",
  lostWorkers: "plain",
  createdAt: "plain",
  startedAt: "plain",
  finishedAt: "plain",
  requestedBy: "json",
  typeId: "plain",
  instanceId: "plain",
  target: "json",
  input: "json",
  sealedInput: "plain",
  result: "json",
  error: "json",
  sandboxLevel: "plain",
  queue: "plain",
  locks: "json",
  admission: "plain",
  timeoutMs: "plain",
  debug: "flag",
  cancelRequestedAt: "plain",
  tail: "plain",
  lastSeq: "plain",
  workerId: "plain",
  enqueuedAt: "plain",
  runAt: "plain",
  principalId: "plain",
  idempotencyKey: "plain",
  dedupeKey: "plain",
  dedupeHash: "plain",
  planId: "plain",
  retryOf: "plain",
  undoOf: "plain",
  progress: "json",
  isRoutine: "flag",
});

const subjectOf = ({ typeId, instanceId, target }: FlatJob): Subject => ({
  ...(typeId === null ? {} : { typeId }),
  ...(instanceId === null ? {} : { instanceId }),
  ...(target === null ? {} : { target }),
});

export const jobOf = (row: JobRow): Job => {
  const flat = jobCodec.decode(row);
  const { typeId, instanceId, target, dedupeHash, isRoutine, ...job } = flat;
  return { ...job, subject: subjectOf(flat) };
};

export const subjectColumns = ({ typeId, instanceId, target }: Subject) => ({
  type_id: typeId ?? null,
  instance_id: instanceId ?? null,
  target: target === undefined ? null : JSON.stringify(target),
});

export const errorText = (error: JobError | null): string | null => (error === null ? null : JSON.stringify(error));
