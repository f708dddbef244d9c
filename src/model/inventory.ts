/** Inventory: the last good payload per instance and target type, and what changed since the one before. */
import type { JsonObject } from "./json.ts";
import type { Target } from "./target.ts";

export interface InventoryPayload {
  readonly instanceId: string;
  readonly targetType: string;
  readonly items: readonly Target[];
  readonly fetchedAt: number;
  readonly fetchDurationMs: number;
  readonly ttlSeconds: number;
}

/** Why the last refresh failed; a failed refresh never replaces a payload. */
export interface InventoryFailure {
  readonly code: string;
  readonly detail: string;
  readonly at: number;
}

export interface ChangedTarget {
  readonly external_id: string;
  readonly name: string;
  readonly before: JsonObject;
  readonly after: JsonObject;
}

export interface InventoryChange {
  readonly at: number;
  readonly jobId: string;
  readonly instanceId: string;
  readonly type: string;
  readonly added: readonly { readonly external_id: string; readonly name: string }[];
  readonly removed: readonly { readonly external_id: string; readonly name: string }[];
  readonly changed: readonly ChangedTarget[];
}
