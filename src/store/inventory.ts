/** The last good inventory per instance and target type, why the last refresh failed, and what changed when. */
import type { InventoryChange, InventoryFailure, InventoryPayload } from "../model/inventory.ts";
import { codec } from "./codec.ts";
import { cursorOf, type Page, placeOf } from "./paging.ts";
import { query, run, runOne } from "./query.ts";
import type { Tables } from "./tables.ts";
import type { Unit } from "./unit.ts";

interface InventoryKey {
  readonly instanceId: string;
  readonly targetType: string;
}

const payloads = codec<InventoryPayload, Tables["inventory_payloads"]>({
  instanceId: "plain",
  targetType: "plain",
  items: "json",
  fetchedAt: "plain",
  fetchDurationMs: "plain",
  ttlSeconds: "plain",
});

const changes = codec<InventoryChange, Omit<Tables["inventory_changes"], "number">>({
  at: "plain",
  jobId: "plain",
  instanceId: "plain",
  type: "plain",
  added: "json",
  removed: "json",
  changed: "json",
});

function* exists(instanceId: string): Unit<boolean> {
  const found = query.selectFrom("instances").select("id").where("id", "=", instanceId);
  return (yield* runOne(found)) !== undefined;
}

function* clearFailure({ instanceId, targetType }: InventoryKey): Unit<void> {
  yield* run(
    query.deleteFrom("inventory_failures").where("instance_id", "=", instanceId).where("target_type", "=", targetType),
  );
}

/** Keeps a payload and what changed; says nothing when the instance is gone. A newer payload is never replaced. */
export function* saveInventory(saved: {
  readonly payload: InventoryPayload;
  readonly change: InventoryChange | null;
}): Unit<void> {
  const { payload, change } = saved;
  if (!(yield* exists(payload.instanceId))) return;
  const row = payloads.encode(payload);
  const { instance_id, target_type, ...fresh } = row;
  yield* run(
    query
      .insertInto("inventory_payloads")
      .values(row)
      .onConflict((conflict) =>
        conflict
          .columns(["instance_id", "target_type"])
          .doUpdateSet(fresh)
          .where("inventory_payloads.fetched_at", "<=", row.fetched_at),
      ),
  );
  yield* clearFailure(payload);
  if (change === null) return;
  yield* run(
    query
      .insertInto("inventory_changes")
      .values(changes.encode(change))
      .onConflict((conflict) => conflict.columns(["job_id", "instance_id", "type"]).doNothing()),
  );
}

export function* lastInventory({ instanceId, targetType }: InventoryKey): Unit<InventoryPayload | undefined> {
  const row = yield* runOne(
    query
      .selectFrom("inventory_payloads")
      .selectAll()
      .where("instance_id", "=", instanceId)
      .where("target_type", "=", targetType),
  );
  return row === undefined ? undefined : payloads.decode(row);
}

/** Notes why a refresh failed, until one succeeds; the payload stays. */
export function* recordInventoryFailure(failed: InventoryKey & { readonly failure: InventoryFailure }): Unit<void> {
  const { instanceId, targetType, failure } = failed;
  if (!(yield* exists(instanceId))) return;
  const { code, detail, at } = failure;
  yield* run(
    query
      .insertInto("inventory_failures")
      .values({ instance_id: instanceId, target_type: targetType, code, detail, at })
      .onConflict((conflict) => conflict.columns(["instance_id", "target_type"]).doUpdateSet({ code, detail, at })),
  );
}

export function* inventoryFailure({ instanceId, targetType }: InventoryKey): Unit<InventoryFailure | undefined> {
  return yield* runOne(
    query
      .selectFrom("inventory_failures")
      .select(["code", "detail", "at"])
      .where("instance_id", "=", instanceId)
      .where("target_type", "=", targetType),
  );
}

/** What changed on an instance, newest first. */
export function* listChanges(filter: {
  readonly instanceId: string;
  readonly type?: string;
  readonly since?: number;
  readonly cursor?: string | null;
  readonly limit: number;
}): Unit<Page<InventoryChange>> {
  const { instanceId, type, since, cursor, limit } = filter;
  let select = query.selectFrom("inventory_changes").selectAll().where("instance_id", "=", instanceId);
  if (type !== undefined) select = select.where("type", "=", type);
  if (since !== undefined) select = select.where("at", ">=", since);
  if (typeof cursor === "string") select = select.where("number", "<", placeOf(cursor).at);
  const { rows } = yield* run(select.orderBy("number", "desc").limit(limit + 1));
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  const hasMore = rows.length > limit && last !== undefined;
  return {
    items: shown.map(changes.decode),
    nextCursor: hasMore ? cursorOf({ at: last.number, id: last.job_id }) : null,
  };
}

/** Forgets changes noted before; returns how many. */
export function* pruneChanges({ before, limit }: { readonly before: number; readonly limit: number }): Unit<number> {
  const due = query.selectFrom("inventory_changes").select("number").where("at", "<", before).limit(limit);
  return (yield* run(query.deleteFrom("inventory_changes").where("number", "in", due))).changes;
}
