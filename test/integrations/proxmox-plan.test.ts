/** The Proxmox VE driver plans: preconditions, the exact request, before and after, and no write. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { applied, applyPlan, type Bench, container, failed, planned, startBench, vm } from "../kit/proxmox.ts";

let bench: Bench;
beforeEach(async () => {
  bench = await startBench();
});
afterEach(() => bench.close());

describe("plan", () => {
  it("shows the exact request and before and after, and sends no write", async () => {
    const plan = await planned(bench.connect(), vm(100, "shutdown", { timeout: 30, forceStop: true }));
    expect(plan).toMatchObject({
      ok: true,
      severity: "warn",
      effects: { per_target: [{ id: "100", from: "running", to: "stopped" }] },
    });
    expect(plan.plan.steps).toEqual([
      {
        transport: "http",
        method: "POST",
        path: "/nodes/pve1/qemu/100/status/shutdown",
        form: [
          ["timeout", "30"],
          ["forceStop", "1"],
        ],
      },
    ]);
    expect(bench.lab.writes).toEqual([]);
  });

  it("is the same each time while nothing changes", async () => {
    const direct = bench.connect();
    expect(await planned(direct, vm(100, "shutdown"))).toEqual(await planned(direct, vm(100, "shutdown")));
  });

  it.each([
    [103, "shutdown", "not_locked"],
    [107, "stop", "not_locked"],
    [106, "start", "not_template"],
    [101, "reset", "state"],
    [101, "suspend", "state"],
    [101, "resume", "state"],
  ])("of VM %i and %s fails on %s", async (id, verb, check) => {
    const plan = await planned(bench.connect(), vm(id, verb));
    expect(plan).toMatchObject({ ok: false, severity: "error" });
    expect(failed(plan)).toEqual([check]);
    expect(plan.reason).toContain(check);
  });

  it("says that containers cannot be reset", async () => {
    const plan = await planned(bench.connect(), container(200, "reset"));
    expect(failed(plan)).toEqual(["verb_offered"]);
    expect(plan.plan.steps).toEqual([]);
  });

  it("says which parameters a verb does not take", async () => {
    expect(failed(await planned(bench.connect(), container(201, "start", { timeout: 5 })))).toEqual(["params_offered"]);
    expect(failed(await planned(bench.connect(), vm(101, "start", { timeout: 5 })))).toEqual([]);
  });

  it("fails on the missing privilege, by pool or by path", async () => {
    expect(failed(await planned(bench.connect("limited"), vm(102, "shutdown")))).toEqual([]);
    const plan = await planned(bench.connect("auditor"), vm(100, "shutdown"));
    expect(failed(plan)).toEqual(["permission"]);
    expect(plan.reason).toContain("VM.PowerMgmt on /vms/100");
  });

  it("fails while another task of the guest runs, unless that is the shutdown which a stop may overrule", async () => {
    const direct = bench.connect();
    const plan = await planned(direct, vm(104, "shutdown"));
    const hanging = expect(applyPlan(direct, vm(104, "shutdown"), plan)).rejects.toMatchObject({
      code: "device_error",
      details: { exit_status: "received interrupt" },
    });
    await vi.waitFor(() => expect(bench.lab.state.tasks).toHaveLength(1));
    const second = bench.connect();
    const blocked = await planned(second, vm(104, "stop"));
    expect(failed(blocked)).toEqual(["no_running_task"]);
    expect(blocked.reason).toContain("qmshutdown of root@pam!lab");
    expect(await applied(second, vm(104, "stop", { "overrule-shutdown": true }))).toMatchObject({ ok: true });
    await hanging;
  });

  it("fails while the HA manager is busy with the guest", async () => {
    bench.guest(102).ha = "migrate";
    expect(failed(await planned(bench.connect(), vm(102, "stop")))).toEqual(["ha_ready"]);
  });

  it("has no steps when there is nothing to do", async () => {
    const plan = await planned(bench.connect(), vm(100, "start"));
    expect(plan).toMatchObject({ ok: true, severity: "info", plan: { steps: [] } });
    expect(await applied(bench.connect(), vm(100, "start"))).toMatchObject({ ok: true });
    expect(bench.lab.writes).toEqual([]);
  });

  it("refuses a paused VM's shutdown unless it may be forced", async () => {
    bench.guest(100).state = "paused";
    expect(failed(await planned(bench.connect(), vm(100, "shutdown")))).toEqual(["state"]);
    expect(failed(await planned(bench.connect(), vm(100, "shutdown", { forceStop: true })))).toEqual([]);
  });

  it("tells an unknown guest, a guest of the other kind and a guest out of sight", async () => {
    const unknown = { code: "target_not_found" };
    await expect(planned(bench.connect(), vm(999, "start"))).rejects.toMatchObject(unknown);
    await expect(planned(bench.connect(), vm(200, "start"))).rejects.toMatchObject({
      ...unknown,
      message: expect.stringContaining("200 is a container"),
    });
    await expect(planned(bench.connect("limited"), vm(104, "start"))).rejects.toMatchObject(unknown);
  });

  it("keeps to the instance's node", async () => {
    expect(failed(await planned(bench.connect("admin", { config: { node: "pve2" } }), vm(100, "shutdown")))).toEqual([
      "node",
    ]);
  });
});
