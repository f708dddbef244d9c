/** What counts as a change between two looks at the same things, and what only moves. */
import { expect, it } from "vitest";
import { diffInventory, isUnchanged } from "../../src/model/inventory-diff.ts";
import type { JsonObject } from "../../src/model/json.ts";

const port = (id: string, attrs: JsonObject = {}) => ({
  ...{ type: "port", external_id: id, name: `port ${id}`, labels: {} },
  attrs,
});

it("is what came, what went, and what is another than before", () => {
  const before = [port("1", { admin: "up" }), port("2"), port("3")];
  const after = [port("1", { admin: "down" }), port("3"), port("4")];
  const difference = diffInventory(before, after);
  expect(difference).toMatchObject({
    added: [{ external_id: "4" }],
    removed: [{ external_id: "2" }],
    changed: [{ external_id: "1", before: { attrs: { admin: "up" } }, after: { attrs: { admin: "down" } } }],
  });
  expect(isUnchanged(difference)).toBe(false);
});

it.each(["uptime_s", "cpu_usage", "mem_used", "load", "latency_ms", "poe_power_w"])(
  "is nothing where only %s moved, which says nothing of the thing itself",
  (name) => {
    const [before, after] = [[port("1", { [name]: 1, vlan: 7 })], [port("1", { [name]: 2, vlan: 7 })]];
    expect(isUnchanged(diffInventory(before, after))).toBe(true);
  },
);
