/** A worker that is told to stop: what it ran is done, told and closed; what it was just claiming goes back to the queue. */
import { existsSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { findJob } from "../../src/store/jobs.ts";
import { openStore } from "../../src/store/open.ts";
import { usePowerBench } from "../kit/power-bench.ts";
import { until } from "../kit/system.ts";

const folder = mkdtempSync(join(tmpdir(), "sw-drain-"));
const file = join(folder, "pause");
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("a worker that is told to stop", () => {
  const env = { SWITCHYARD_WORKERS: "1", SWITCHYARD_PAUSE_FILE: file, SWITCHYARD_LOG: "info" };
  const bench = usePowerBench({ env });
  const jobOf = async (id: string) => {
    const store = await openStore({ url: join(bench.system.dataDir, "switchyard.db") });
    const job = await store.read(() => findJob(id));
    await store.close();
    return job;
  };
  /** Starts a machine whose device answers only when it is told to. */
  const startOne = async () => {
    const target = bench.fresh();
    const hold = bench.device.hold(`POST /${target}/start`);
    const { body } = await bench.act({ verb: "start", target }, { wait: 0 });
    return { id: body.id, hold };
  };
  /** Tells the worker to stop; resolves when it does so, with the wait for its end. */
  const stopWorker = async () => {
    const [pid = 0] = bench.system.pids("switchyard-worker");
    const said = () => bench.system.output().split("the worker stops").length;
    const before = said();
    process.kill(pid, "SIGTERM");
    await until(() => said() > before || undefined, "the drain");
    return () => until(() => !existsSync(`/proc/${pid}`) || undefined, "the end of the worker");
  };
  const lastEventOf = async (id: string) => (await bench.system.watch(id)).at(-1)?.event;

  it("brings what it runs to its end, tells it and closes it before it ends itself", async () => {
    const { id, hold } = await startOne();
    await until(() => hold.held > 0 || undefined, "the write");
    const ended = await stopWorker();
    hold.release();
    await ended();
    expect(await jobOf(id)).toMatchObject({ state: "succeeded", tail: "closed", attempt: 1 });
    expect(await lastEventOf(id)).toBe("job.done");
    expect(bench.writes()).toHaveLength(1);
  }, 60_000);

  it("puts back what it was claiming in that moment, and the next worker does it", async () => {
    // The next worker, if the one before has just ended, is there when it has done something.
    await bench.act({ verb: "start", target: bench.fresh() });
    writeFileSync(`${file}.draft`, "claim.locked");
    renameSync(`${file}.draft`, file);
    const { id, hold } = await startOne();
    await until(() => existsSync(`${file}.reached`) || undefined, "the claim");
    const ended = await stopWorker();
    rmSync(`${file}.reached`);
    await ended();
    expect(await jobOf(id)).toMatchObject({ error: null, triesUsed: 0 });
    hold.release();
    expect(await lastEventOf(id)).toBe("job.done");
    expect(await jobOf(id)).toMatchObject({ state: "succeeded", attempt: 2 });
    expect(bench.writes()).toHaveLength(2);
  }, 60_000);
});
