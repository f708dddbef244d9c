/** The Prometheus driver against a real Prometheus. */
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { PrometheusDriver } from "../../integrations/prometheus/driver.ts";
import { hasPrometheus, startPrometheus, type TestPrometheus } from "../kit/prometheus.ts";
import { useDirect } from "../kit/use-direct.ts";

const { connect, test, list: listAt, itFailsAs, itLogsInTo } = useDirect(PrometheusDriver, "prometheus");

describe.skipIf(!hasPrometheus)("a real Prometheus", () => {
  let server: TestPrometheus;
  beforeAll(async () => {
    server = await startPrometheus();
  });
  afterAll(() => server.stop());

  const list = (targetType: string) => listAt(server.url, targetType);

  it("is connected, with its version and how many targets are up", async () => {
    await vi.waitFor(
      async () => {
        const result = await test(server.url);
        expect(result).toMatchObject({ status: "connected", details: { targets: 2, targets_up: 1 } });
        expect(result.message).toMatch(/^Prometheus \d+\.\d+/);
      },
      { timeout: 15_000, interval: 200 },
    );
  });

  it("shows a target that is up and one that is down with its error", async () => {
    await vi.waitFor(
      async () => {
        const [gone, self] = (await list("scrape_target")).toSorted((a, b) =>
          a.external_id.localeCompare(b.external_id),
        );
        expect(self).toMatchObject({ attrs: { status: "up", job: "self" }, labels: { site: "lab" } });
        expect(gone).toMatchObject({ attrs: { status: "down", last_error: expect.stringContaining("refused") } });
      },
      { timeout: 15_000, interval: 200 },
    );
  });

  it("shows a rule that fires, and rules of one name apart", async () => {
    await vi.waitFor(
      async () => {
        const rules = await list("alert_rule");
        expect(rules.map(({ name }) => name)).toEqual(["TargetDown", "NeverFires", "NeverFires"]);
        expect(rules[0]).toMatchObject({
          attrs: { status: "firing", group: "lab", for_s: 1, active_alerts: 1, summary: "A target is down" },
          labels: { severity: "critical" },
        });
        expect(rules[2]?.external_id).toBe(`${rules[1]?.external_id}#2`);
      },
      { timeout: 15_000, interval: 200 },
    );
  });

  it("is told from a wrong path prefix", async () => {
    const call = connect(server.url.replace("/prom", "/other")).test_connection();
    await expect(call).rejects.toMatchObject({ code: "protocol_mismatch", message: expect.stringContaining("prefix") });
  });
});

describe("a Prometheus in the way of its contact", () => {
  itFailsAs([
    [401, "{}", "auth_failed"],
    [403, "{}", "permission_denied_remote"],
    [503, "Service Unavailable", "device_error"],
    [200, "<html>", "protocol_mismatch"],
    [200, '{"status":"error","errorType":"internal","error":"storage is broken"}', "device_error"],
  ]);
  itLogsInTo('{"status":"success","data":{"version":"0","activeTargets":[]}}', { targets: 0 });
});
