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
