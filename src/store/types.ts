/** Integration types, and what their coming and going does to their instances. */
import type { IntegrationType, RecordedType, SandboxLevel, TypeStatus } from "../model/integration-type.ts";
import type { JsonObject } from "../model/json.ts";
import type { Manifest } from "../model/manifest.ts";
import { codec, frozen } from "./codec.ts";
import { prepared, query, run } from "./query.ts";
import type { TypesTable } from "./tables.ts";
import type { Unit } from "./unit.ts";

type Facts = Omit<IntegrationType, "manifest">;
type FactsTable = Omit<TypesTable, "manifest" | "manifest_yaml">;

const facts = codec<Facts, FactsTable>({
  id: "plain",
  status: "plain",
  errors: "json",
  language: "plain",
  digest: "plain",
  installedAt: "plain",
  isShipped: "flag",
  isRemoved: "flag",
  permissions: "json",
  signedBy: "plain",
  quality: "json",
  sandboxLevel: "plain",
  lastValidatedAt: "plain",
  createdAt: "plain",
  updatedAt: "plain",
});

const factsById = prepared<{ id: string }, FactsTable>((value) =>
  query.selectFrom("integration_types").select(facts.columns).where("id", "=", value("id")),
);
const textsById = prepared<{ id: string }, Pick<TypesTable, "manifest" | "manifest_yaml">>((value) =>
  query.selectFrom("integration_types").select(["manifest", "manifest_yaml"]).where("id", "=", value("id")),
);

const keptManifests = 100;
/** By type and the time of its last change: manifests are long, and read far more often than they change. */
const manifests = new Map<string, Manifest>();

function* manifestOf({ id, digest, updatedAt }: Facts): Unit<Manifest | undefined> {
  const key = `${id} ${digest} ${updatedAt}`;
  const known = manifests.get(key);
  if (known !== undefined) return known;
  const row = (yield* textsById({ id })).rows[0];
  if (row === undefined) return undefined;
  if (manifests.size >= keptManifests) manifests.clear();
  const read = frozen(JSON.parse(row.manifest)) as Manifest;
  manifests.set(key, read);
  return read;
}

function* completed(row: FactsTable): Unit<IntegrationType | undefined> {
  const known = facts.decode(row);
  const manifest = yield* manifestOf(known);
  return manifest === undefined ? undefined : { ...known, manifest };
}

export function* findType(id: string): Unit<IntegrationType | undefined> {
  const row = (yield* factsById({ id })).rows[0];
  return row === undefined ? undefined : yield* completed(row);
}

/** The text of a type's `plugin.yaml`. */
export function* findManifestYaml(id: string): Unit<string | undefined> {
  return (yield* textsById({ id })).rows[0]?.manifest_yaml;
}

/** All types by id, the removed ones too. */
export function* listTypes(): Unit<IntegrationType[]> {
  const { rows } = yield* run(query.selectFrom("integration_types").select(facts.columns).orderBy("id"));
  const found: IntegrationType[] = [];
  for (const row of rows) {
    const type = yield* completed(row);
    if (type !== undefined) found.push(type);
  }
  return found;
}

/** Records a type; one that is known keeps the time when it was first seen. */
export function* upsertType({ manifest, manifestYaml, ...known }: RecordedType): Unit<void> {
  const row = { ...facts.encode(known), manifest: JSON.stringify(manifest), manifest_yaml: manifestYaml };
  const { id, created_at, ...changing } = row;
  yield* run(
    query
      .insertInto("integration_types")
      .values(row)
      .onConflict((conflict) => conflict.column("id").doUpdateSet(changing)),
  );
}

/** What a validation found; false when there is no such type. */
export function* setTypeStatus(found: {
  readonly id: string;
  readonly status: TypeStatus;
  readonly errors: JsonObject;
  readonly sandboxLevel?: SandboxLevel | null;
  readonly now: number;
}): Unit<boolean> {
  const { id, status, errors, sandboxLevel, now } = found;
  const { changes } = yield* run(
    query
      .updateTable("integration_types")
      .set({
        status,
        errors: JSON.stringify(errors),
        last_validated_at: now,
        updated_at: now,
        ...(sandboxLevel === undefined ? {} : { sandbox_level: sandboxLevel }),
      })
      .where("id", "=", id),
  );
  return changes > 0;
}

/** Moves a type from one of these statuses to another; false when it is in none of them. */
export function* changeTypeStatus(change: {
  readonly id: string;
  readonly from: readonly TypeStatus[];
  readonly to: TypeStatus;
  readonly now: number;
}): Unit<boolean> {
  const { id, from, to, now } = change;
  const { changes } = yield* run(
    query
      .updateTable("integration_types")
      .set({ status: to, updated_at: now })
      .where("id", "=", id)
      .where("status", "in", [...from]),
  );
  return changes > 0;
}

/** Forgets a type that is in this status; one in another stays. */
export function* forgetType({ id, status }: { readonly id: string; readonly status: TypeStatus }): Unit<void> {
  yield* run(query.deleteFrom("integration_types").where("id", "=", id).where("status", "=", status));
}

/**
 * Makes a type `unavailable` and its instances `type_unavailable`; returns how many instances it has.
 * `isRemoved`: a user removed it, so that a shipped pack stays away.
 */
export function* removeType(removal: {
  readonly id: string;
  readonly now: number;
  readonly isRemoved: boolean;
}): Unit<number> {
  const { id, now, isRemoved } = removal;
  yield* run(
    query
      .updateTable("integration_types")
      .set({ status: "unavailable", is_removed: isRemoved ? 1 : 0, updated_at: now })
      .where("id", "=", id),
  );
  const { changes } = yield* run(
    query.updateTable("instances").set({ state: "type_unavailable", updated_at: now }).where("type_id", "=", id),
  );
  return changes;
}

/** Brings the instances of a type that came back to `needs_review`; returns their ids. */
export function* restoreInstances({ typeId, now }: { readonly typeId: string; readonly now: number }): Unit<string[]> {
  const { rows } = yield* run(
    query
      .updateTable("instances")
      .set({ state: "needs_review", updated_at: now })
      .where("type_id", "=", typeId)
      .where("state", "=", "type_unavailable")
      .returning("id"),
  );
  return rows.map(({ id }) => id);
}
