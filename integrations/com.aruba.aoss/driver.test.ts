/** What the driver makes of a stack and of a switch by itself, as they were recorded. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { openPack } from "switchyard/testing";

const pack = await openPack(import.meta.dirname);
after(() => pack.close());

test("does what was recorded", async () => {
  for (const { call, differences } of await pack.replay()) assert.deepEqual(differences, [], call);
});

test("plans three ranges as one session of configuration that names all three", async () => {
  const plan = (await pack.call("plan poe.port set poe_port/1/9-1/11,2/9,3/20-3/21 state=off")) as {
    plan: { preview: string[] };
  };
  assert.deepEqual(plan.plan.preview, [
    "ssh: configure; interface 1/9-1/11,2/9,3/20-3/21; no power-over-ethernet; end",
  ]);
});

test("refuses a range across members with the reason", async () => {
  await assert.rejects(pack.call("plan poe.port set poe_port/1/9-2/3 state=off"), /runs across members/);
});

test("does not shut the port behind which another switch is", async () => {
  const plan = (await pack.call("plan net.interface set interface/1/25 admin=down")) as { ok: boolean; reason: string };
  assert.equal(plan.ok, false);
  assert.match(plan.reason, /core-1/);
});
