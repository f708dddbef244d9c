/** What the driver makes of a cluster, as it was recorded: every verb planned, applied and taken back. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { openPack } from "switchyard/testing";

const pack = await openPack(import.meta.dirname);
after(() => pack.close());

test("does what was recorded", async () => {
  for (const { call, differences } of await pack.replay()) assert.deepEqual(differences, [], call);
});

test("plans a shutdown as one write", async () => {
  const plan = (await pack.call("plan vm.lifecycle shutdown vm/100")) as { plan: { preview: string[] } };
  assert.deepEqual(plan.plan.preview, ["POST /api2/json/nodes/pve1/qemu/100/status/shutdown"]);
});

test("names a guest that is not there", async () => {
  await assert.rejects(pack.call("plan vm.lifecycle start vm/999"), { code: "target_not_found" });
});
