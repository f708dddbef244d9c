/** Uploaded archives, by digest, until they are installed: any worker finds them here. */
import { query, run, runOne } from "./query.ts";
import type { Unit } from "./unit.ts";

/** Keeps an archive. Sent again, it counts as new. */
export function* insertUpload(upload: {
  readonly digest: string;
  readonly fileName: string;
  readonly bytes: Uint8Array;
  readonly now: number;
}): Unit<void> {
  const { digest, fileName, bytes, now } = upload;
  yield* run(
    query
      .insertInto("uploads")
      .values({ digest, file_name: fileName, bytes, created_at: now })
      .onConflict((conflict) => conflict.column("digest").doUpdateSet({ file_name: fileName, created_at: now })),
  );
}

export function* readUpload(digest: string): Unit<{ fileName: string; bytes: Uint8Array } | undefined> {
  const row = yield* runOne(query.selectFrom("uploads").select(["file_name", "bytes"]).where("digest", "=", digest));
  return row === undefined ? undefined : { fileName: row.file_name, bytes: row.bytes };
}

/** Forgets archives that came before, at most `limit` of them; returns how many. */
export function* pruneUploads({ before, limit }: { readonly before: number; readonly limit: number }): Unit<number> {
  const due = query.selectFrom("uploads").select("digest").where("created_at", "<", before).limit(limit);
  return (yield* run(query.deleteFrom("uploads").where("digest", "in", due))).changes;
}
