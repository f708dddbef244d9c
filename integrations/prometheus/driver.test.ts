/** What the driver makes of a real Prometheus, as it was recorded, and of answers that no Prometheus gives. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { openPack } from "switchyard/testing";

const pack = await openPack(import.meta.dirname);
after(() => pack.close());

const config = { url: "http://prometheus.example:9090" };
const answered = (status: number, body: string) => () => ({ status, headers: {}, body, latency_ms: 1 });

test("does what was recorded", async () => {
  for (const { call, differences } of await pack.replay()) assert.deepEqual(differences, [], call);
});

test("tells targets that are up from those that are down, and why", async () => {
  const targets = (await pack.call("inventory_list type=scrape_target")) as { attrs: Record<string, string> }[];
  assert.deepEqual(targets.map(({ attrs }) => attrs["status"]).sort(), ["down", "up"]);
  assert.match(targets.find(({ attrs }) => attrs["status"] === "down")?.attrs["last_error"] ?? "", /refused/);
});

test("keeps rules of one name apart", async () => {
  const rules = (await pack.call("inventory_list type=alert_rule")) as { name: string; external_id: string }[];
  assert.deepEqual(
    rules.map(({ name }) => name),
    ["TargetDown", "NeverFires", "NeverFires"],
  );
  assert.equal(new Set(rules.map(({ external_id }) => external_id)).size, 3);
});

test("names what is wrong with an answer", async () => {
  const codeOf = (status: number, body: string) =>
    pack.call("test_connection", { config, answer: answered(status, body) }).then(
      () => "connected",
      (error: { code: string }) => error.code,
    );
  assert.equal(await codeOf(401, "{}"), "auth_failed");
  assert.equal(await codeOf(200, "<html>"), "protocol_mismatch");
  assert.equal(await codeOf(503, "Service Unavailable"), "device_error");
});
