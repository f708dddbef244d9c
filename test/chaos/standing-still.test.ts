/** A worker that stands still with a job is as good as lost: the third time, the job is given up and the others go on. */
import { describe, expect, it } from "vitest";
import { usePowerBench } from "../kit/power-bench.ts";
import { until } from "../kit/system.ts";

const bench = usePowerBench({ env: { SWITCHYARD_WORKERS: "1" } });
const { act, fresh } = bench;
/** Longer than a lease lives. */
const stillMs = 5_000;

const workerPid = (): number => bench.system.pids("switchyard-worker")[0] ?? 0;

describe("a job with which its only worker stands still again and again", () => {
  it("ends as crash_loop the third time, and the worker serves others", async () => {
    const target = fresh();
    const hold = bench.device.hold(`GET /${target}`);
    const { body } = await act({ verb: "start", target, dry_run: true }, { wait: 0 });
    for (let time = 1; time <= 3; time += 1) {
      await until(() => (hold.held >= time ? true : undefined), `the device to be asked for time ${time}`, 20_000);
      const worker = workerPid();
      process.kill(worker, "SIGSTOP");
      const since = Date.now();
      await until(() => (Date.now() - since > stillMs ? true : undefined), "the lease to run out", 2 * stillMs);
      process.kill(worker, "SIGCONT");
    }
    const job = await bench.caller.settled(body.id, 30_000);
    expect(job).toMatchObject({ state: "failed", error: { code: "crash_loop" } });
    hold.open();
    expect((await act({ verb: "start", target: fresh() })).body.state).toBe("succeeded");
    expect(bench.system.output()).toContain("the worker stood still and lost its lease");
  }, 90_000);
});
