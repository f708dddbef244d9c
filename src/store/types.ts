/** Integration types, and what their coming and going does to their instances. */
import type { IntegrationType, SandboxLevel, TypeStatus } from "../model/integration-type.ts";
import type { JsonObject } from "../model/json.ts";
import { codec } from "./codec.ts";
import { prepared, query, run } from "./query.ts";
import type { TypesTable } from "./tables.ts";
import type { Unit } from "./unit.ts";

const types = codec<IntegrationType, TypesTable>({
  id: "plain",
  status: "plain",
  errors: "json",
  manifest: "document",
  manifestYaml: "plain",
  language: "plain",
  digest: "plain",
  installedAt: "plain",
  isShipped: "flag",
  isRemoved: "flag",
  permissions: "json",
  signedBy: "plain",
  sandboxLevel: "plain",
  lastValidatedAt: "plain",
  createdAt: "plain",
  updatedAt: "plain",
});

const byId = prepared<{ id: string }, TypesTable>((value) =>
  query.selectFrom("integration_types").selectAll().where("id", "=", value("id")),
);

export function* findType(id: string): Unit<IntegrationType | undefined> {
  const row = (yield* byId({ id })).rows[0];
  return row === undefined ? undefined : types.decode(row);
}

/** All types by id, the removed ones too. */
export function* listTypes(): Unit<IntegrationType[]> {
  return (yield* run(query.selectFrom("integration_types").selectAll().orderBy("id"))).rows.map(types.decode);
}

/** Records a type; one that is known keeps the time when it was first seen. */
export function* upsertType(type: IntegrationType): Unit<void> {
  const row = types.encode(type);
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
