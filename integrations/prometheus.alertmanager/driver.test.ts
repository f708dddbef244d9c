/** What the driver makes of a real Alertmanager, as it was recorded, and of answers that were not. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { openPack } from "switchyard/testing";

const pack = await openPack(import.meta.dirname);
after(() => pack.close());

const config = { url: "http://alertmanager.example:9093" };
const silenced = "alert/9c1be185c94f421d";

interface Asked {
  readonly path?: string;
}
const alert = {
  ...{ fingerprint: "9c1be185c94f421d", labels: { alertname: "DiskFull" }, annotations: {} },
  ...{ startsAt: "2026-01-01T00:00:00.000Z", status: { state: "suppressed", silencedBy: ["a", "b"], inhibitedBy: [] } },
};
const silence = (id: string, matchers: readonly object[], more: object = {}) => ({
  ...{ id, status: { state: "active" }, createdBy: "jane", comment: "", matchers, ...more },
  ...{ startsAt: "2026-01-01T00:00:00.000Z", endsAt: "2098-01-01T00:00:00.000Z" },
});
const answer = (silences: readonly object[]) => (asked: unknown) => ({
  ...{ status: 200, headers: {}, latency_ms: 1 },
  body: JSON.stringify((asked as Asked).path === "/api/v2/silences" ? silences : [alert]),
});
const plan = (call: string, silences: readonly object[]) =>
  pack.call(`plan alert.silence ${call}`, { config, answer: answer(silences) }) as Promise<{
    ok: boolean;
    severity: string;
    preconditions: { check: string; ok: boolean }[];
    plan: { steps: { path: string }[] };
  }>;
const failedIn = ({ preconditions }: Awaited<ReturnType<typeof plan>>) =>
  preconditions.filter(({ ok }) => !ok).map(({ check }) => check);

const equal = { name: "alertname", value: "DiskFull", isRegex: false, isEqual: true };

test("does what was recorded", async () => {
  for (const { call, differences } of await pack.replay()) assert.deepEqual(differences, [], call);
});

test("tells an alert that is silenced from one that is not, and shows by what", async () => {
  const alerts = (await pack.call("inventory_list type=alert")) as { attrs: { status: string } }[];
  assert.deepEqual(alerts.map(({ attrs }) => attrs.status).sort(), ["active", "suppressed"]);
  const silences = (await pack.call("inventory_list type=silence")) as { name: string }[];
  assert.deepEqual(
    silences.map(({ name }) => name),
    ['severity=~"warn.*"'],
  );
});

test("ends the silences that are about this alert alone", async () => {
  const others = [
    silence("regex", [{ ...equal, isRegex: true }]),
    silence("not", [{ ...equal, isEqual: false }]),
    silence("more", [equal, { ...equal, name: "severity" }]),
    silence("over", [equal], { status: { state: "expired" } }),
  ];
  const found = await plan(`expire ${silenced}`, [...others, silence("own", [equal])]);
  assert.deepEqual(
    found.plan.steps.map(({ path }) => path),
    ["/api/v2/silence/own"],
  );
  assert.equal(found.severity, "warn", "another one goes on to silence it");
  assert.deepEqual(failedIn(await plan(`expire ${silenced}`, others)), ["has_a_silence_of_its_own"]);
});

test("asks for a time that lies ahead, and silences nothing twice", async () => {
  assert.deepEqual(failedIn(await plan(`create ${silenced}`, [])), ["until_lies_ahead"]);
  assert.deepEqual(failedIn(await plan(`create ${silenced} until=2020-01-01T00:00:00Z`, [])), ["until_lies_ahead"]);
  const again = await plan(`create ${silenced} until=2098-01-01T00:00:00Z`, [silence("own", [equal])]);
  assert.deepEqual(failedIn(again), ["has_no_silence_of_its_own"]);
});
