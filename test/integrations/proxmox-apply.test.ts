/** The Proxmox VE driver applies: the planned request once, the task to its end, the state read back. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import {
  applied,
  applyPlan,
  type Bench,
  container,
  failed,
  type GuestCall,
  host,
  lines,
  planned,
  plannedHost,
  startBench,
  vm,
} from "../kit/proxmox.ts";

let bench: Bench;
beforeEach(async () => {
  bench = await startBench();
});
afterEach(() => bench.close());

/** An action that the cluster has taken and whose task goes on. */
const begun = async (facts: GuestCall) => {
  bench.lab.state.taskMs = 400;
  const direct = bench.connect();
  const running = applied(direct, facts);
  running.catch(() => undefined);
  await vi.waitFor(() => expect(bench.lab.state.tasks).toHaveLength(1));
  return { direct, running };
};
/** What is asked about tasks from now on is answered with this. */
const fail = (message: string): void => bench.lab.faults.add({ kind: "error", status: 500, path: "/tasks/", message });

describe("apply", () => {
  it("sends the plan's request once, follows the task with its log, and reads the state back", async () => {
    const direct = bench.connect("limited");
    const result = await applied(direct, vm(100, "shutdown"));
    expect(result).toMatchObject({
      ok: true,
      task_id: expect.stringMatching(/^UPID:pve1:.*:qmshutdown:100:/),
      effects: { per_target: [{ id: "100", from: "running", to: "stopped" }] },
      details: { exit_status: "OK" },
    });
    expect(bench.lab.writes.map(({ path }) => path)).toEqual(["/nodes/pve1/qemu/100/status/shutdown"]);
    expect(lines(direct)).toEqual(["sending ACPI power button event", "TASK OK"]);
    expect(bench.guest(100).state).toBe("stopped");
  });

  it.each([
    [vm(101, "start"), "running"],
    [vm(100, "stop"), "stopped"],
    [vm(100, "suspend"), "suspended"],
    [vm(100, "reset"), "running"],
    [container(200, "shutdown"), "stopped"],
    [container(201, "start"), "running"],
    [container(200, "suspend"), "stopped"],
  ])("%o leads to %s", async (facts, to) => {
    expect(await applied(bench.connect(), facts)).toMatchObject({ effects: { per_target: [{ to }] } });
  });

  it("undoes suspend by resume", async () => {
    await applied(bench.connect(), vm(100, "suspend"));
    expect(await applied(bench.connect(), vm(100, "resume"))).toMatchObject({
      effects: { per_target: [{ from: "suspended", to: "running" }] },
    });
  });

  it("wakes a VM that sleeps on disk", async () => {
    Object.assign(bench.guest(101), { lock: "suspended" });
    expect(await applied(bench.connect(), vm(101, "resume"))).toMatchObject({
      effects: { per_target: [{ from: "suspended", to: "running" }] },
    });
  });

  it("waits for the HA manager, which acts after the task is over", async () => {
    bench.lab.state.taskMs = 500;
    const direct = bench.connect();
    const result = await applied(direct, vm(102, "shutdown"));
    expect(result).toMatchObject({ task_id: expect.stringContaining(":hastop:102:") });
    expect(bench.guest(102).state).toBe("stopped");
    expect(lines(direct)).toContain("Requesting HA stop for VM 102");
  });

  it("fails with the exit status when the task does not end well", async () => {
    const direct = bench.connect();
    await expect(applied(direct, vm(105, "start"))).rejects.toMatchObject({
      code: "device_error",
      message: expect.stringContaining("QEMU exited with code 1"),
      details: { exit_status: "start failed: QEMU exited with code 1" },
    });
    expect(lines(direct)).toContainEqual(expect.stringContaining("Could not open"));
  });

  it("fails when a hung shutdown is over, and stops the guest when it may", async () => {
    await expect(applied(bench.connect(), vm(104, "shutdown", { timeout: 0 }))).rejects.toMatchObject({
      details: { exit_status: "VM quit/powerdown failed - got timeout" },
    });
    expect(await applied(bench.connect(), vm(104, "shutdown", { timeout: 0, forceStop: true }))).toMatchObject({
      ok: true,
    });
  });

  it("goes on following with the answer that an earlier attempt got", async () => {
    const direct = bench.connect();
    const facts = vm(100, "shutdown");
    const plan = await planned(direct, facts);
    await direct.driver.vm_lifecycle(direct.applying(facts, plan));
    const upid = bench.lab.state.tasks[0]?.upid ?? "";
    const body = JSON.stringify({ data: upid });
    const answer = { ok: true, status: 200, answer: { status: 200, headers: {}, body, latency_ms: 1 }, ms: 1 };
    const again = bench.connect();
    const result = await again.driver.vm_lifecycle(again.applying(facts, plan, [answer]));
    expect(result).toMatchObject({ task_id: upid, effects: { per_target: [{ from: "running", to: "stopped" }] } });
    expect(bench.lab.writes).toHaveLength(1);
  });

  it.each([
    ["it purged its list", () => bench.lab.state.tasks.splice(0)],
    ["the node was taken away", () => fail("hostname lookup 'pve1' failed - failed to get address info for: pve1")],
    ["an older one says so in its words", () => fail("no such task")],
  ])("takes the guest's state for the end of a task that the cluster forgot: %s", async (_, forget) => {
    const { direct, running } = await begun(vm(100, "shutdown"));
    forget();
    expect(await running).toMatchObject({ ok: true, effects: { per_target: [{ from: "running", to: "stopped" }] } });
    expect(lines(direct)).toContainEqual(expect.stringContaining("does not know the task any more"));
    expect(bench.lab.writes).toHaveLength(1);
  });

  it.each([
    [vm(104, "shutdown"), "qemu 104 is running where stopped was expected"],
    [vm(100, "reset"), "qemu 100 is as it was before: running"],
  ])("says of a forgotten task, %o, that nobody knows what came of it", async (facts, words) => {
    const { running } = await begun(facts);
    bench.lab.state.tasks.splice(0);
    await expect(running).rejects.toMatchObject({
      code: "device_error",
      message: expect.stringMatching(new RegExp(`does not know its task any more, and ${words}.* cannot be told`)),
      details: { upid: expect.stringContaining("UPID:pve"), seen: "running" },
    });
  });

  it("bears passing failures while it follows", async () => {
    const direct = bench.connect();
    const plan = await planned(direct, vm(100, "stop"));
    bench.lab.faults.add({ kind: "error", status: 596, path: "/tasks/", times: 2 });
    bench.lab.faults.add({ kind: "reset", path: "/tasks/", times: 1 });
    bench.lab.faults.add({ kind: "half", path: "/status/current", times: 1 });
    expect(await applyPlan(direct, vm(100, "stop"), plan)).toMatchObject({ ok: true });
    expect(bench.lab.faults.list()).toEqual([]);
    expect(bench.lab.writes).toHaveLength(1);
  });

  it("gives up following at once when the token is no longer accepted", async () => {
    const direct = bench.connect();
    const plan = await planned(direct, vm(100, "stop"));
    bench.lab.faults.add({ kind: "error", status: 401, path: "/tasks/" });
    await expect(applyPlan(direct, vm(100, "stop"), plan)).rejects.toMatchObject({ code: "auth_failed" });
  });

  it("reads a log of many lines, page by page, each line once", async () => {
    bench.lab.state.taskMs = 400;
    const direct = bench.connect();
    const running = applied(direct, vm(100, "stop"));
    await vi.waitFor(() => expect(bench.lab.state.tasks).toHaveLength(1));
    bench.lab.state.tasks[0]?.log.push(...Array.from({ length: 1200 }, (_, index) => `line ${index}`));
    await running;
    expect(lines(direct)).toEqual([...Array.from({ length: 1200 }, (_, index) => `line ${index}`), "TASK OK"]);
  });
});

describe("power.control", () => {
  it("shuts a host down for real and sees it go", async () => {
    const direct = bench.connect();
    const plan = await plannedHost(direct, host("pve2", "shutdown"));
    expect(plan).toMatchObject({ ok: true, effects: { per_target: [{ id: "pve2", from: "online", to: "offline" }] } });
    expect(plan.plan.notes?.join(" ")).toContain("running guests");
    const result = await direct.driver.power_control(direct.applying(host("pve2", "shutdown"), plan));
    expect(result).toMatchObject({ effects: { per_target: [{ to: "offline" }] } });
    expect(bench.lab.writes).toMatchObject([{ path: "/nodes/pve2/status", params: { command: "shutdown" } }]);
    expect(bench.lab.state.nodes[1]?.online).toBe(false);
  });

  it("takes silence for the end of the host that was asked", async () => {
    const direct = bench.connect();
    const plan = await plannedHost(direct, host("pve1", "shutdown"));
    const result = await direct.driver.power_control(direct.applying(host("pve1", "shutdown"), plan));
    expect(result).toMatchObject({ effects: { per_target: [{ to: "offline" }] } });
  });

  it.each([20, 500])("waits until a host that reboots in %i ms is back", async (taskMs) => {
    bench.lab.state.taskMs = taskMs;
    const direct = bench.connect();
    const plan = await plannedHost(direct, host("pve3", "cycle"));
    expect(plan.plan.steps).toMatchObject([{ path: "/nodes/pve3/status", form: [["command", "reboot"]] }]);
    const result = await direct.driver.power_control(direct.applying(host("pve3", "cycle"), plan));
    expect(result).toMatchObject({ effects: { per_target: [{ from: "online", to: "online" }] } });
    expect(bench.lab.state.nodes[2]).toMatchObject({ online: true });
  });

  it("needs Sys.PowerMgmt, a host that is there and online, and no running task", async () => {
    expect(failed(await plannedHost(bench.connect("auditor"), host("pve2", "shutdown")))).toEqual(["permission"]);
    bench.lab.state.nodes[1]!.online = false;
    expect(failed(await plannedHost(bench.connect(), host("pve2", "shutdown")))).toEqual(["state"]);
    await expect(plannedHost(bench.connect(), host("pve9", "shutdown"))).rejects.toMatchObject({
      code: "target_not_found",
    });
  });
});
