/** The Prometheus driver against a real Prometheus. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { PrometheusDriver } from "../../integrations/prometheus/driver.ts";
import { asTargets, asTestResult } from "../../src/model/dry-run.ts";
import type { Json } from "../../src/model/json.ts";
import { createDirectDriver, type DirectDriver } from "../kit/direct-driver.ts";
import { hasPrometheus, startPrometheus, type TestPrometheus } from "../kit/prometheus.ts";
import { listing } from "../kit/proxmox.ts";

const http = { timeout_s: 2, retries: 0 };
let opened: DirectDriver<PrometheusDriver>[] = [];
const connect = (url: string): PrometheusDriver => {
  const direct = createDirectDriver(PrometheusDriver, { pack: "prometheus", config: { url }, http });
  opened.push(direct);
  return direct.driver;
};
afterEach(async () => {
  await Promise.all(opened.map((direct) => direct.close()));
  opened = [];
});

describe.skipIf(!hasPrometheus)("a real Prometheus", () => {
  let server: TestPrometheus;
  beforeAll(async () => {
    server = await startPrometheus();
  });
  afterAll(() => server.stop());

  const list = async (targetType: string) =>
    asTargets((await connect(server.url).inventory_list(listing(targetType))) as unknown as Json, targetType);

  it("is connected, with its version and how many targets are up", async () => {
    await vi.waitFor(
      async () => {
        const result = asTestResult((await connect(server.url).test_connection()) as unknown as Json);
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

describe("failures of a Prometheus", () => {
  it.each([
    [401, "{}", "auth_failed"],
    [403, "{}", "permission_denied_remote"],
    [503, "Service Unavailable", "device_error"],
    [200, "<html>", "protocol_mismatch"],
    [200, '{"status":"error","errorType":"internal","error":"storage is broken"}', "device_error"],
  ])("%i %s is %s", async (status, body, code) => {
    const server = createServer((_, response) => response.writeHead(status).end(body)).listen(0, "127.0.0.1");
    await vi.waitFor(() => expect(server.listening).toBe(true));
    const { port } = server.address() as AddressInfo;
    await expect(connect(`http://127.0.0.1:${port}`).test_connection()).rejects.toMatchObject({ code });
    server.closeAllConnections();
    server.close();
  });
});

describe("credentials for a Prometheus", () => {
  it.each([
    [{ username: "ada" }, { password: "a-long-password" }, `Basic ${btoa("ada:a-long-password")}`],
    [{}, { bearer_token: "a-long-token" }, "Bearer a-long-token"],
    [{}, {}, undefined],
  ])("%o %o become %s", async (config, secrets, expected) => {
    const seen: (string | undefined)[] = [];
    const server = createServer((request, response) => {
      seen.push(request.headers.authorization);
      response.end('{"status":"success","data":{"version":"0","activeTargets":[]}}');
    }).listen(0, "127.0.0.1");
    await vi.waitFor(() => expect(server.listening).toBe(true));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const direct = createDirectDriver(PrometheusDriver, { pack: "prometheus", config: { url, ...config }, secrets });
    opened.push(direct);
    await direct.driver.test_connection();
    expect(seen).toEqual([expected, expected]);
    server.closeAllConnections();
    server.close();
  });
});
