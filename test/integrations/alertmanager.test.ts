/** The Alertmanager driver against a real Alertmanager, and a silence planned, made and taken back by a whole system. */
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { AlertmanagerDriver } from "../../integrations/prometheus.alertmanager/driver.ts";
import { hasAlertmanager, startAlertmanager, type TestAlertmanager } from "../kit/alertmanager.ts";
import { type Answer, type Asked, type Caller, callerOf } from "../kit/caller.ts";
import { type System, startSystem, until } from "../kit/system.ts";
import { useDirect } from "../kit/use-direct.ts";

const pack = "prometheus.alertmanager";
const { connect, test, list: listAt, itFailsAs, itLogsInTo } = useDirect(AlertmanagerDriver, pack);

const diskFull = { alertname: "DiskFull", instance: "db.example:9100", severity: "critical" };
const hostDown = { alertname: "HostDown", instance: "web.example:9100", severity: "warning" };
const broad = {
  matchers: [{ name: "severity", value: "warn.*", isRegex: true, isEqual: true }],
  ...{ startsAt: "2026-01-01T00:00:00Z", endsAt: "2099-01-01T00:00:00Z", createdBy: "jane", comment: "can wait" },
};

describe.skipIf(!hasAlertmanager)("a real Alertmanager", () => {
  let server: TestAlertmanager;
  let system: System;
  let caller: Caller;
  let instance: string;
  let alert: string;

  beforeAll(async () => {
    [server, system] = await Promise.all([startAlertmanager(), startSystem()]);
    caller = callerOf(system);
    alert = await server.fire(diskFull);
    await server.fire(hostDown);
    await server.post("/silences", broad);
    await until(async () => {
      const { body } = await system.call("GET", `/api/integrations/types/${pack}`);
      return body["status"] === "valid" ? true : undefined;
    }, "the type");
    instance = await caller.addInstance(pack, "alerts", { url: server.url, author: "the night shift" });
  }, 120_000);
  afterAll(async () => {
    await system?.dispose();
    await server?.stop();
  }, 60_000);

  const list = (targetType: string) => listAt(server.url, targetType);
  const silencesOfOurs = async () => (await server.silences()).filter(({ comment }) => comment !== "can wait");
  const act = (asked: Omit<Asked, "target"> & { target?: { type: string; id: string } }): Promise<Answer> => {
    const body = { capability: "alert.silence", target: { type: "alert", id: alert }, ...asked };
    return system.call("POST", `/api/integrations/instances/${instance}/actions`, body, { prefer: "wait=30" });
  };
  const undo = ({ body }: Answer): Promise<Answer> =>
    system.call("POST", `/api/jobs/${body.id}/undo`, {}, { prefer: "wait=30" });

  it("is connected, with its version", async () => {
    const result = await test(server.url);
    expect(result).toMatchObject({ status: "connected", details: { cluster: "disabled", peers: 0 } });
    expect(result.message).toMatch(/^Alertmanager \d+\.\d+/);
  });

  it("is told from a wrong route prefix", async () => {
    const call = connect(server.url.replace("/am", "/other")).test_connection();
    await expect(call).rejects.toMatchObject({ code: "protocol_mismatch", message: expect.stringContaining("prefix") });
  });

  it("shows alerts with what silences them, and silences with what they match", async () => {
    await vi.waitFor(async () => {
      const alerts = new Map((await list("alert")).map(({ name, attrs, labels }) => [name, { attrs, labels }]));
      const [silence] = await list("silence");
      expect(alerts.get("DiskFull")).toMatchObject({ attrs: { status: "active" }, labels: diskFull });
      expect(alerts.get("HostDown")?.attrs).toMatchObject({
        status: "suppressed",
        silenced_by: [silence?.external_id],
      });
      expect(silence).toMatchObject({ name: 'severity=~"warn.*"', attrs: { author: "jane", comment: "can wait" } });
    });
  });

  it("is planned, silenced and undone, there and back", async () => {
    const until = "2098-12-31T00:00:00+01:00";
    const params = { until, comment: "A new disk comes at noon" };
    const plan = await act({ verb: "create", params, dry_run: true });
    expect(plan.body.result).toMatchObject({ ok: true, pinned: true });
    expect(await silencesOfOurs()).toEqual([]);

    const run = await act({ verb: "create", params, plan_id: String(plan.body.result?.["plan_id"]) });
    const effect = { until: "2098-12-30T23:00:00.000Z", comment: params.comment };
    expect(run.body).toMatchObject({
      state: "succeeded",
      result: { pinned: true, effects: { per_target: [{ id: alert, from: null, to: effect }] } },
    });
    expect(await silencesOfOurs()).toMatchObject([{ state: "active", comment: params.comment }]);

    const back = await undo(run);
    expect(back.body).toMatchObject({ state: "succeeded" });
    expect(await silencesOfOurs()).toMatchObject([{ state: "expired" }]);

    const again = await undo(back);
    expect(again.body).toMatchObject({
      state: "succeeded",
      result: { effects: { per_target: [{ from: null, to: effect }] } },
    });
    expect((await silencesOfOurs()).map(({ state }) => state).sort()).toEqual(["active", "expired"]);
    expect((await act({ verb: "expire" })).body).toMatchObject({ state: "succeeded" });
  });

  it("is not asked for what it would refuse, nor for an alert that does not fire", async () => {
    const before = await server.silences();
    const codes = await Promise.all([
      act({ verb: "create", params: { until: "2020-01-01T00:00:00Z" } }),
      act({ verb: "create", params: {} }),
      act({ verb: "create", params: { until: "tomorrow" } }),
      act({ verb: "expire", target: { type: "alert", id: "0000000000000000" } }),
    ]);
    expect(codes.map(caller.codeOf)).toEqual(["plan_blocked", "plan_blocked", "params_invalid", "target_not_found"]);
    expect(await server.silences()).toEqual(before);
  });

  it("keeps what somebody changed meanwhile", async () => {
    const run = await act({ verb: "create", params: { until: "2098-01-01T00:00:00Z" } });
    const [made] = (await silencesOfOurs()).filter(({ state }) => state === "active");
    const matchers = Object.entries(diskFull).map(([name, value]) => ({ name, value, isRegex: false, isEqual: true }));
    await server.post("/silences", { ...broad, id: made?.id, matchers, comment: "prolonged" });
    expect(caller.codeOf(await undo(run))).toBe("undo_conflict");
    expect((await silencesOfOurs()).filter(({ state }) => state === "active")).toMatchObject([
      { comment: "prolonged" },
    ]);
    expect((await act({ verb: "expire" })).body).toMatchObject({ state: "succeeded" });
  });
});

describe("an Alertmanager in the way of its contact", () => {
  itFailsAs([
    [401, "{}", "auth_failed"],
    [403, "{}", "permission_denied_remote"],
    [503, "Service Unavailable", "device_error"],
    [200, "<html>", "protocol_mismatch"],
    [200, "[]", "protocol_mismatch"],
  ]);
  itLogsInTo('{"versionInfo":{"version":"0"},"cluster":{"status":"ready","peers":[{}]}}', { peers: 1 });
});
