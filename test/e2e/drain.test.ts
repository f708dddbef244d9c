/** A worker that is told to stop in the moment in which it claims a job: what that job leaves behind is seen to. */
import { existsSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, describe, expect, it } from "vitest";
import { findJob } from "../../src/store/jobs.ts";
import { openStore } from "../../src/store/open.ts";
import { usePowerBench } from "../kit/power-bench.ts";
import { until } from "../kit/system.ts";

const folder = mkdtempSync(join(tmpdir(), "sw-drain-"));
const file = join(folder, "pause");
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("a job that was being claimed when the worker was told to stop", () => {
  const bench = usePowerBench({ env: { SWITCHYARD_WORKERS: "1", SWITCHYARD_PAUSE_FILE: file } });
  const tailOf = async (id: string) => {
    const store = await openStore({ url: join(bench.system.dataDir, "switchyard.db") });
    const job = await store.read(() => findJob(id));
    await store.close();
    return [job?.state, job?.tail];
  };

  it("is done, told and closed before the worker ends", async () => {
    const { system, fresh, act } = bench;
    const [pid = 0] = system.pids("switchyard-worker");
    const asked = { capability: "vm.queue", verb: "add", target: fresh() };
    // A sandbox that is warm: the job must be over while the worker still waits for it.
    await act(asked);
    writeFileSync(`${file}.draft`, "claim.locked");
    renameSync(`${file}.draft`, file);
    const { body } = await act(asked, { wait: 0 });
    await until(() => existsSync(`${file}.reached`) || undefined, "the claim");
    process.kill(pid, "SIGTERM");
    await pause(50);
    rmSync(`${file}.reached`);
    await until(() => !existsSync(`/proc/${pid}`) || undefined, "the end of the worker");
    expect(await tailOf(body.id)).toEqual(["succeeded", "closed"]);
    expect((await system.watch(body.id)).at(-1)?.event).toBe("job.done");
  }, 60_000);
});
