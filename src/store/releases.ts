/** Releases: what was installed when, and its content by digest. */
import type { PackFile, Release, TypeStatus } from "../model/integration-type.ts";
import { codec } from "./codec.ts";
import { query, run, runOne } from "./query.ts";
import { packContent, unpackContent } from "./release-content.ts";
import type { ReleasesTable } from "./tables.ts";
import type { Unit } from "./unit.ts";

const releases = codec<Release, ReleasesTable>({
  digest: "plain",
  typeId: "plain",
  version: "plain",
  installedAt: "plain",
  status: "plain",
});

interface ReleaseKey {
  readonly typeId: string;
  readonly digest: string;
}

const select = () => query.selectFrom("releases").selectAll();

function* hasContent(digest: string): Unit<boolean> {
  const found = query.selectFrom("release_contents").select("digest").where("digest", "=", digest);
  return (yield* runOne(found)) !== undefined;
}

/** Records a release with its files. Once more with the same digest: its time and status are those of the last. */
export function* insertRelease(release: Release, files: readonly PackFile[]): Unit<void> {
  const row = releases.encode(release);
  yield* run(
    query
      .insertInto("releases")
      .values(row)
      .onConflict((conflict) =>
        conflict
          .columns(["type_id", "digest"])
          .doUpdateSet({ version: row.version, installed_at: row.installed_at, status: row.status }),
      ),
  );
  if (yield* hasContent(release.digest)) return;
  yield* run(
    query
      .insertInto("release_contents")
      .values({ digest: release.digest, content: packContent(files) })
      .onConflict((conflict) => conflict.doNothing()),
  );
}

/** The files of a release, by digest. */
export function* readContent(digest: string): Unit<PackFile[] | undefined> {
  const row = yield* runOne(query.selectFrom("release_contents").select("content").where("digest", "=", digest));
  return row === undefined ? undefined : unpackContent(row.content);
}

/** The releases of a type, the last installed first. */
export function* listReleases(typeId: string): Unit<Release[]> {
  const { rows } = yield* run(select().where("type_id", "=", typeId).orderBy("installed_at", "desc").orderBy("digest"));
  return rows.map(releases.decode);
}

export function* findRelease(typeId: string, digest: string): Unit<Release | undefined> {
  const row = yield* runOne(select().where("type_id", "=", typeId).where("digest", "=", digest));
  return row === undefined ? undefined : releases.decode(row);
}

/** False when there is no such release. */
export function* setReleaseStatus(asked: ReleaseKey & { readonly status: TypeStatus }): Unit<boolean> {
  const { changes } = yield* run(
    query
      .updateTable("releases")
      .set({ status: asked.status })
      .where("type_id", "=", asked.typeId)
      .where("digest", "=", asked.digest),
  );
  return changes > 0;
}

/** So many releases of a type can be gone back to, however old they are. */
export const keptReleases = 10;

/**
 * Forgets releases that were installed before, beyond the newest ones of their type; returns how many. The
 * one that a type runs on stays.
 */
export function* pruneReleases({ before, limit }: { readonly before: number; readonly limit: number }): Unit<number> {
  const due = query
    .selectFrom("releases as old")
    .select(["old.type_id", "old.digest"])
    .where("old.installed_at", "<", before)
    .where(({ selectFrom, not, exists }) =>
      not(
        exists(
          selectFrom("integration_types as type")
            .select("type.id")
            .whereRef("type.id", "=", "old.type_id")
            .whereRef("type.digest", "=", "old.digest"),
        ),
      ),
    )
    .where(
      ({ selectFrom, fn }) =>
        selectFrom("releases as newer")
          .select(fn.countAll<number>().as("count"))
          .whereRef("newer.type_id", "=", "old.type_id")
          .whereRef("newer.installed_at", ">", "old.installed_at"),
      ">=",
      keptReleases,
    )
    .limit(limit);
  const { rows } = yield* run(due);
  for (const { type_id, digest } of rows) {
    yield* run(query.deleteFrom("releases").where("type_id", "=", type_id).where("digest", "=", digest));
  }
  return rows.length;
}

/** Forgets contents that no release and no type names any more; returns how many. */
export function* pruneContents({ limit }: { readonly limit: number }): Unit<number> {
  const due = query
    .selectFrom("release_contents")
    .select("digest")
    .where("digest", "not in", query.selectFrom("releases").select("digest"))
    .where("digest", "not in", query.selectFrom("integration_types").select("digest"))
    .limit(limit);
  return (yield* run(query.deleteFrom("release_contents").where("digest", "in", due))).changes;
}
