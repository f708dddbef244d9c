/** Files that jobs keep: a saved configuration, for instance. */
import type { Artifact } from "../model/artifact.ts";
import { query, run, runOne } from "./query.ts";
import type { Unit } from "./unit.ts";

/** Keeps a file; one of the same name of the same job is replaced. */
export function* saveArtifact(saved: Artifact & { readonly jobId: string; readonly content: Uint8Array }): Unit<void> {
  const { jobId, name, content } = saved;
  const columns = { content_type: saved.contentType, size: content.byteLength, created_at: saved.createdAt, content };
  yield* run(
    query
      .insertInto("job_artifacts")
      .values({ job_id: jobId, name, ...columns })
      .onConflict((conflict) => conflict.columns(["job_id", "name"]).doUpdateSet(columns)),
  );
}

/** What a job kept, by name. */
export function* listArtifacts(jobId: string): Unit<Artifact[]> {
  const { rows } = yield* run(
    query
      .selectFrom("job_artifacts")
      .select(["name", "content_type as contentType", "size", "created_at as createdAt"])
      .where("job_id", "=", jobId)
      .orderBy("name"),
  );
  return rows.map((row) => ({ ...row }));
}

export function* readArtifact(
  jobId: string,
  name: string,
): Unit<{ readonly contentType: string; readonly content: Uint8Array } | undefined> {
  return yield* runOne(
    query
      .selectFrom("job_artifacts")
      .select(["content_type as contentType", "content"])
      .where("job_id", "=", jobId)
      .where("name", "=", name),
  );
}

interface Predecessor {
  readonly instanceId: string;
  readonly kind: string;
  /** `capability` and `verb` of the input; both null for a job that is no action. */
  readonly isSame: (input: Readonly<Record<string, unknown>>) => boolean;
  readonly name: string;
}

const mostLookedAt = 200;

/** The file of this name that the newest succeeded job of the same kind and purpose kept; of the newest 200 jobs that kept one. */
export function* lastArtifact({ instanceId, kind, isSame, name }: Predecessor): Unit<Uint8Array | undefined> {
  const { rows } = yield* run(
    query
      .selectFrom("job_artifacts")
      .innerJoin("jobs", "jobs.id", "job_artifacts.job_id")
      .select(["jobs.id as jobId", "jobs.input as input"])
      .where("jobs.instance_id", "=", instanceId)
      .where("jobs.kind", "=", kind)
      .where("jobs.state", "=", "succeeded")
      .where("job_artifacts.name", "=", name)
      .orderBy("jobs.id", "desc")
      .limit(mostLookedAt),
  );
  const found = rows.find(({ input }) => isSame(JSON.parse(input)));
  return found === undefined ? undefined : (yield* readArtifact(found.jobId, name))?.content;
}
