/** instance.refresh_inventory: asks the driver for everything and remembers it, with what changed. */
import { SwitchyardError } from "../errors.ts";
import { asTargets } from "../model/dry-run.ts";
import type { InventoryPayload } from "../model/inventory.ts";
import { diffInventory, isUnchanged } from "../model/inventory-diff.ts";
import type { Json, JsonObject } from "../model/json.ts";
import { inventoryTargets, inventoryTtlSeconds } from "../model/manifest.ts";
import { targetTypeOf } from "../model/target.ts";
import { lastInventory, recordInventoryFailure, saveInventory } from "../store/inventory.ts";
import type { JobInput } from "./catalog.ts";
import type { DriverHandle, JobContext } from "./context.ts";
import { type JobSubject, readSubject } from "./subject.ts";

const askedTypes = ({ type }: JobSubject, asked: string | undefined): readonly string[] => {
  const declared = inventoryTargets(type.manifest);
  if (asked === undefined) return declared;
  const targetType = targetTypeOf(asked);
  if (!declared.includes(targetType)) {
    throw new SwitchyardError("target_type_unknown", {
      detail: `expected one of ${declared.join(", ") || "none"}, got ${targetType}`,
    });
  }
  return [targetType];
};

const fetchType = async (
  context: JobContext,
  driver: DriverHandle,
  subject: JobSubject,
  targetType: string,
): Promise<InventoryPayload> => {
  const startedAt = context.now();
  const args = { targetType, activeOnly: false, options: {} };
  const { value } = await driver.call("inventory_list", args, {
    mode: "read",
    capability: "inventory.list",
    verb: "list",
  });
  return {
    instanceId: subject.instance.id,
    targetType,
    items: asTargets(driver.redact(value), targetType),
    fetchedAt: context.now(),
    fetchDurationMs: context.now() - startedAt,
    ttlSeconds: inventoryTtlSeconds(subject.type.manifest, targetType),
  };
};

/** Remembers the payload with the job's settlement, and gives the readers their copy after it. */
const keep = async (
  context: JobContext,
  payload: InventoryPayload,
  era: string,
): Promise<{ row: JsonObject; isSame: boolean }> => {
  const { instanceId, targetType: type, items, fetchedAt } = payload;
  const before = await context.store.read(() => lastInventory({ instanceId, targetType: type }));
  const difference = diffInventory(before?.items ?? [], items);
  const isSame = before !== undefined && isUnchanged(difference);
  const change = isSame ? null : { at: fetchedAt, jobId: context.job.id, instanceId, type, ...difference };
  context.onSettle(() => saveInventory({ payload, change }));
  context.afterSettle(() => context.cacheInventory(payload, era));
  const row = {
    count: items.length,
    added: difference.added.length,
    removed: difference.removed.length,
    changed: difference.changed.length,
    duration_ms: payload.fetchDurationMs,
  };
  return { row, isSame };
};

/** A failed refresh keeps the last good payload and says why it is not newer; one that a person cancelled failed at nothing. */
const noteFailure = (context: JobContext, instanceId: string, targetType: string): void => {
  context.onSettle(function* ({ state, error, at }) {
    if (error === null || state === "cancelled") return;
    const failure = { code: error.code, detail: error.detail, at };
    yield* recordInventoryFailure({ instanceId, targetType, failure });
  });
};

export const refreshInventory = async (context: JobContext): Promise<Json> => {
  const input = context.job.input as unknown as JobInput<"instance.refresh_inventory">;
  const subject = await readSubject(context, input.instance_id);
  const types = askedTypes(subject, input.type);
  const byType: Record<string, JsonObject> = {};
  let isRoutine = true;
  for (const targetType of types) noteFailure(context, input.instance_id, targetType);
  const driver = await context.driver(subject.instance, subject.type);
  const era = await context.inventoryEra(input.instance_id);
  for (const [index, targetType] of types.entries()) {
    context.progress("fetch", `Asking for ${targetType}`, Math.round((100 * index) / types.length));
    const payload = await fetchType(context, driver, subject, targetType);
    const { row, isSame } = await keep(context, payload, era);
    byType[targetType] = row;
    isRoutine &&= isSame;
    context.emit("fetch", "info", `${row["count"]} of type ${targetType}`, row);
  }
  if (isRoutine) context.markRoutine();
  return { by_type: byType };
};
