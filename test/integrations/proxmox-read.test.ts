/** The Proxmox VE driver looks: connection tests, inventories, failures told apart. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { asTargets, asTestResult } from "../../src/model/dry-run.ts";
import type { Json, JsonObject } from "../../src/model/json.ts";
import { type Bench, listing, planned, startBench, vm } from "../kit/proxmox.ts";

let bench: Bench;
beforeEach(async () => {
  bench = await startBench();
});
afterEach(() => bench.close());

describe("test_connection", () => {
  it("says connected, with version and what there is", async () => {
    const result = asTestResult((await bench.connect().driver.test_connection()) as unknown as Json);
    expect(result).toMatchObject({ status: "connected", details: { version: "8.4.1", hosts: 3, guests: 12 } });
  });

  it("is degraded while a host is away", async () => {
    bench.lab.state.nodes[1]!.online = false;
    const result = await bench.connect().driver.test_connection();
    expect(result).toMatchObject({ status: "degraded", message: expect.stringContaining("host pve2 is offline") });
  });

  it("is degraded when the token may look at no guest, but not when there is none", async () => {
    bench.lab.state.guests.clear();
    expect(await bench.connect("limited").driver.test_connection()).toMatchObject({ status: "connected" });
    bench.lab.tokens.limited.grants.length = 0;
    expect(await bench.connect("limited").driver.test_connection()).toMatchObject({
      status: "degraded",
      message: expect.stringContaining("VM.Audit"),
    });
  });

  it("names the nodes there are when the configured one is none of them", async () => {
    const call = bench.connect("admin", { config: { node: "pve9" } }).driver.test_connection();
    await expect(call).rejects.toMatchObject({ code: "target_not_found", message: expect.stringContaining("pve1") });
  });
});

describe("inventory", () => {
  it("lists VMs, containers and hosts with one request each", async () => {
    const { driver } = bench.connect();
    for (const [targetType, count] of [
      ["vm", 8],
      ["container", 4],
      ["host", 3],
    ] as const) {
      const items = await driver.inventory_list(listing(targetType));
      expect(asTargets(items as unknown as Json, targetType)).toHaveLength(count);
    }
    expect(bench.lab.requests).toEqual(Array(3).fill("GET /cluster/resources"));
  });

  it("shows status, node, pool, lock, tags and what the HA manager thinks", async () => {
    bench.guest(100).state = "paused";
    const items = await bench.connect().driver.inventory_list(listing("vm"));
    const byId = Object.fromEntries(items.map((item) => [item.external_id, item]));
    expect(byId["100"]).toMatchObject({
      name: "web-1",
      attrs: { status: "suspended", node: "pve1", pool: "prod", cpus: 4 },
      labels: { prod: true, web: true },
    });
    expect(byId["102"]?.attrs).toMatchObject({ ha_state: "started" });
    expect(byId["103"]?.attrs).toMatchObject({ lock: "backup" });
    expect(byId["106"]?.attrs).toMatchObject({ template: true, status: "stopped" });
  });

  it("keeps to one node when the instance names one", async () => {
    const { driver } = bench.connect("admin", { config: { node: "pve2" } });
    const vms = await driver.inventory_list(listing("vm"));
    expect(new Set(vms.map(({ attrs }) => attrs["node"]))).toEqual(new Set(["pve2"]));
    expect(await driver.inventory_list(listing("host"))).toHaveLength(1);
  });

  it("holds ten thousand guests", async () => {
    const large = await startBench({ vms: 9000, containers: 1000 });
    const items = await large.connect().driver.inventory_list(listing("vm"));
    expect(asTargets(items as unknown as Json, "vm")).toHaveLength(9000);
    await large.close();
  });
});

describe("failures", () => {
  it("tells a wrong token with what to check", async () => {
    const call = bench.connect("admin", { secret: "a-wrong-secret" }).driver.test_connection();
    await expect(call).rejects.toMatchObject({ code: "auth_failed", message: expect.stringContaining("token_name") });
  });

  it("tells a write that the API denies, with its own words", async () => {
    const direct = bench.connect();
    const plan = await planned(direct, vm(104, "stop"));
    const auditor = bench.connect("auditor");
    const call = auditor.driver.vm_lifecycle(auditor.applying(vm(104, "stop"), plan));
    await expect(call).rejects.toMatchObject({
      code: "permission_denied_remote",
      message: expect.stringContaining("Permission check failed (/vms/104, VM.PowerMgmt)"),
    });
  });

  it.each([
    [404, "target_not_found"],
    [500, "device_error"],
    [503, "device_error"],
    [596, "device_error"],
    [302, "protocol_mismatch"],
  ])("tells a %i as %s", async (status, code) => {
    bench.lab.faults.add({ kind: "error", status, path: "/version" });
    await expect(bench.connect().driver.test_connection()).rejects.toMatchObject({ code });
  });

  it("says of a 596 that the other node cannot be reached", async () => {
    bench.lab.faults.add({ kind: "error", status: 596, path: "/status/current" });
    const call = planned(bench.connect(), vm(100, "stop"));
    await expect(call).rejects.toMatchObject({
      message: expect.stringMatching(/596.*cannot reach the node in charge/),
    });
  });
});

describe("contact", () => {
  const http = { timeout_s: 0.3, retries: 0 };
  const codeOf = (config: JsonObject): Promise<string> =>
    bench
      .connect("admin", { config, http })
      .driver.test_connection()
      .then(
        ({ status }) => status,
        (thrown: { code: string }) => thrown.code,
      );

  it("is trusted by fingerprint, by authority, or not looked at", async () => {
    const ca = { tls_fingerprint: "", ca_pem: bench.lab.caPem };
    expect(await codeOf({})).toBe("connected");
    expect(await codeOf(ca)).toBe("connected");
    expect(await codeOf({ tls_fingerprint: "" })).toBe("tls_untrusted");
    expect(await codeOf({ tls_fingerprint: "", verify_ssl: false })).toBe("connected");
  });

  it.each([
    ["unknown", "tls_untrusted"],
    ["other_name", "tls_name_mismatch"],
    ["expired", "tls_untrusted"],
  ] as const)("with the certificate %s is %s", async (choice, code) => {
    bench.lab.faults.certificate(choice);
    expect(await codeOf({ tls_fingerprint: "", ca_pem: bench.lab.caPem })).toBe(code);
    expect(await codeOf({})).toBe("tls_untrusted");
  });

  it.each([
    ["hung", "response_timeout"],
    ["half", "device_error"],
    ["reset", "device_error"],
  ] as const)("that is %s is %s", async (kind, code) => {
    bench.lab.faults.add({ kind });
    expect(await codeOf({})).toBe(code);
  });

  it("that is slow is waited for", async () => {
    bench.lab.faults.add({ kind: "slow", ms: 100 });
    expect(await codeOf({})).toBe("connected");
  });

  it("with nobody is told", async () => {
    expect(await codeOf({ port: 1 })).toBe("connection_refused");
  });
});
