/** What changed between two inventories of the same target type. */
import { canonicalJson } from "./canonical.ts";
import type { ChangedTarget, InventoryChange } from "./inventory.ts";
import type { Json, JsonObject } from "./json.ts";
import type { Target } from "./target.ts";

type Difference = Pick<InventoryChange, "added" | "removed" | "changed">;

const nameOf = ({ external_id, name }: Target) => ({ external_id, name });
const facts = ({ name, attrs, labels }: Target): JsonObject => ({ name, attrs, labels });

/** Attributes that move at each look and say nothing about a change of the thing itself. */
const isMeasure = (name: string): boolean => /(^|_)(uptime|usage|used|load|latency|power_w)(_|$)/.test(name);
const steady = (attrs: JsonObject): Json =>
  Object.fromEntries(Object.entries(attrs).filter(([name]) => !isMeasure(name)));
const fingerprint = (target: Target): string => canonicalJson({ ...facts(target), attrs: steady(target.attrs) });

const changedFrom = (before: Target | undefined, after: Target): ChangedTarget[] =>
  before === undefined || fingerprint(before) === fingerprint(after)
    ? []
    : [{ external_id: after.external_id, name: after.name, before: facts(before), after: facts(after) }];

/**
 * Compares by `external_id`. Measures (attributes named like `uptime`, `cpu_usage`, `mem_used`, `poe_power_w`) do not count
 * as a change.
 */
export const diffInventory = (before: readonly Target[], after: readonly Target[]): Difference => {
  const old = new Map(before.map((target) => [target.external_id, target]));
  const now = new Set(after.map((target) => target.external_id));
  return {
    added: after.filter((target) => !old.has(target.external_id)).map(nameOf),
    removed: before.filter((target) => !now.has(target.external_id)).map(nameOf),
    changed: after.flatMap((target) => changedFrom(old.get(target.external_id), target)),
  };
};

export const isUnchanged = ({ added, removed, changed }: Difference): boolean =>
  added.length + removed.length + changed.length === 0;
