/** Writes what became of a pack: each change of a type is one transaction, and only the current attempt may make it. */
import { SwitchyardError } from "../errors.ts";
import type { IntegrationType, PackFile, RecordedType, TypeStatus } from "../model/integration-type.ts";
import type { JsonObject } from "../model/json.ts";
import { requiredPermissions } from "../model/permissions.ts";
import { type ExaminedPack, isValid } from "../packs/examine.ts";
import { qualityIn } from "../packs/quality.ts";
import { signerOf } from "../packs/signature.ts";
import { instancesOfType } from "../store/instances.ts";
import { findJob } from "../store/jobs.ts";
import { insertRelease, setReleaseStatus } from "../store/releases.ts";
import { restoreInstances, setTypeStatus, upsertType } from "../store/types.ts";
import type { Unit } from "../store/unit.ts";
import type { JobContext } from "./context.ts";
import { announceInstance } from "./subject.ts";

/**
 * A write of this attempt, or none: a worker that lost the job changes nothing, however late it is.
 * What it writes becomes true before the job settles; a job that is run again finds it done.
 */
export const writeFenced = <T>({ store, job }: JobContext, unit: () => Unit<T>): Promise<T> =>
  store.write(function* () {
    const current = yield* findJob(job.id);
    if (current?.state !== "running" || current.attempt !== job.attempt) {
      throw new SwitchyardError("internal", { detail: "Another attempt owns this job: nothing was written." });
    }
    return yield* unit();
  });

export interface Recorded {
  readonly pack: ExaminedPack;
  readonly files: readonly PackFile[];
  /** What was there before. */
  readonly previous: IntegrationType | undefined;
  readonly isShipped: boolean;
}

/** The row of a type as a look at its pack found it. */
export const typeRow = (context: JobContext, { pack, files, previous, isShipped }: Recorded): RecordedType => {
  const now = context.now();
  return {
    id: pack.file.id,
    status: isValid(pack) ? "valid" : "invalid",
    errors: pack.errors,
    manifest: pack.manifest,
    manifestYaml: pack.file.yaml,
    language: pack.language,
    digest: pack.digest,
    installedAt: now,
    isShipped,
    isRemoved: false,
    permissions: requiredPermissions(pack.manifest),
    signedBy: signerOf(files, context.signatures),
    quality: qualityIn(files),
    sandboxLevel: context.sandboxLevel,
    lastValidatedAt: now,
    createdAt: previous?.createdAt ?? now,
    updatedAt: now,
  };
};

/** Makes a release the active one, in one transaction; instances of a type that was gone come back. */
export const recordRelease = async (context: JobContext, recorded: Recorded): Promise<IntegrationType> => {
  const type = typeRow(context, recorded);
  const { previous, files } = recorded;
  const { id: typeId, digest, status, installedAt } = type;
  await writeFenced(context, function* () {
    if (previous !== undefined && previous.digest !== digest && previous.status !== "invalid") {
      yield* setReleaseStatus({ typeId, digest: previous.digest, status: "superseded" });
    }
    yield* insertRelease({ digest, typeId, version: type.manifest.version, installedAt, status }, files);
    yield* upsertType(type);
    if (status === "valid") yield* restoreInstances({ typeId, now: installedAt });
  });
  announceType(context, type.id, type.status, type.errors);
  await refreshInstances(context, type.id);
  return type;
};

/** Whether an earlier attempt of this job, killed before it settled, already made the type's release the active one. */
export const wasRecordedBefore = ({ job }: JobContext, type: IntegrationType): boolean =>
  job.attempt > 1 && job.startedAt !== null && type.installedAt >= job.startedAt;

/** What a validation of the active release found. */
export const recordStatus = async (
  context: JobContext,
  type: IntegrationType,
  found: { readonly status: TypeStatus; readonly errors: JsonObject },
): Promise<void> => {
  const now = context.now();
  await writeFenced(context, function* () {
    yield* setTypeStatus({ id: type.id, ...found, sandboxLevel: context.sandboxLevel, now });
    yield* setReleaseStatus({ typeId: type.id, digest: type.digest, status: found.status });
    if (found.status === "valid") yield* restoreInstances({ typeId: type.id, now });
  });
  announceType(context, type.id, found.status, found.errors);
};

/** Watchers hear of a type once the job has settled. */
export const announceType = (context: JobContext, id: string, status: TypeStatus, errors: JsonObject): void =>
  context.afterSettle(() => context.announce({ type: "integration_type.updated", id, status, errors }));

/** Instances of a type that changed: their schedules follow its defaults, and watchers hear how they stand. */
export const refreshInstances = async (context: JobContext, typeId: string): Promise<void> => {
  const instances = await context.store.read(() => instancesOfType(typeId));
  context.afterSettle(async () => {
    for (const { id } of instances) {
      await context.reschedule(id);
      await announceInstance(context, id);
    }
  });
};
