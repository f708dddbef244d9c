/** The ArubaOS-Switch driver reboots a switch that may be rebooted, and waits for one that was told to. */
import { describe, expect, it } from "vitest";
import type { DryRunResult } from "../../src/model/plan.ts";
import { applied, applyPlan, netInterface, onSwitch, openAoss, planned } from "../kit/aoss.ts";

const failed = ({ preconditions }: DryRunResult): string[] =>
  preconditions.filter(({ ok }) => !ok).map(({ check }) => check);

describe("a reboot", () => {
  it("is refused while changes are not saved, unless they are to be lost", async () => {
    await using bench = await openAoss();
    const direct = bench.connect();
    await applied(direct, netInterface("5", "down"));
    expect(failed(await planned(direct, onSwitch("switch.reboot", "exec")))).toEqual(["config_saved"]);
    await applied(direct, onSwitch("switch.reboot", "exec", { discard_unsaved: true }));
    expect(bench.port("5").admin).toBe(true);
  }, 60_000);

  it("is over when the switch answers again, with a shorter time since its start", async () => {
    await using bench = await openAoss({ kind: "stack" });
    const direct = bench.connect();
    const before = bench.lab.state.startedAt;
    const result = await applied(direct, onSwitch("switch.reboot", "exec"));
    expect(result.details).toMatchObject({ is_back: true });
    expect(bench.lab.state.startedAt).toBeGreaterThan(before);
    expect(bench.lab.writes).toEqual(["reload"]);
    expect(await direct.driver.test_connection()).toMatchObject({ status: "connected" });
  }, 60_000);

  it("that the switch does not take is not waited for", async () => {
    await using bench = await openAoss();
    const direct = bench.connect();
    const plan = await planned(direct, onSwitch("switch.reboot", "exec"));
    bench.lab.faults.add({ kind: "refuse", command: "reload" });
    const applying = applyPlan(direct, onSwitch("switch.reboot", "exec"), plan);
    await expect(applying).rejects.toMatchObject({
      code: "device_error",
      message: expect.stringContaining("did not take the reboot: Invalid input"),
    });
    expect(bench.lab.writes).toEqual([]);
  });
});
