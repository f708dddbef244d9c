/** A worker is killed while it runs a job: how long until the job runs again in the worker that is started after it. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import Database from "better-sqlite3";
import { actionsPath } from "../kit/jobs.ts";
import { atMost, type Measure, type Options, type Row } from "../kit/row.ts";
import { type Stack, withStack } from "../kit/stack.ts";
import { listed, quantile } from "../kit/statistics.ts";
import { until } from "../kit/until.ts";

/** A job that talks for so long, and only waits in between. */
const startTalk = async (stack: Stack, seconds: number): Promise<string> => {
  const { body } = await stack.call<{ id: string }>("POST", actionsPath(stack), {
    capability: "bench.talk",
    verb: "get",
    target: { type: "vm", id: "1" },
    params: { count: seconds * 20, every_ms: 50 },
  });
  await until(async () => (await attemptOf(stack, body.id)) === 1, "the job to run");
  return body.id;
};

const attemptOf = async (stack: Stack, jobId: string): Promise<number> => {
  const { body } = await stack.call<{ attempt: number; state: string }>("GET", `/api/jobs/${jobId}`);
  return body.state === "running" ? body.attempt : 0;
};

const cancel = async (stack: Stack, jobId: string): Promise<void> => {
  await stack.call("POST", `/api/jobs/${jobId}/cancel`);
  await until(async () => (await attemptOf(stack, jobId)) === 0, "the job to be cancelled");
};

interface Killed {
  readonly tookMs: number;
  readonly jobId: string;
}

/** One kill; the supervising code starts the worker again by itself. */
const killOnce = async (stack: Stack): Promise<Killed> => {
  const worker = await stack.startWorker();
  const jobId = await startTalk(stack, 60);
  await new Promise((resolve) => setTimeout(resolve, 500));
  process.kill(worker.pid ?? 0, "SIGKILL");
  const killedAt = performance.now();
  await until(async () => (await attemptOf(stack, jobId)) === 2, "the job to run again", { everyMs: 25 });
  const tookMs = performance.now() - killedAt;
  await cancel(stack, jobId);
  await worker.stop(20_000);
  return { tookMs, jobId };
};

const killAgainAndAgain = async (stack: Stack, times: number): Promise<Killed[]> => {
  const kills: Killed[] = [];
  for (let kill = 0; kill < times; kill += 1) kills.push(await killOnce(stack));
  return kills;
};

const secondsOf = (kills: readonly Killed[]): number[] => kills.map(({ tookMs }) => tookMs / 1000);

const bar = 8;

export const recoveryRow: Measure = {
  name: "recovery",
  run: ({ size }) =>
    withStack({}, async (stack): Promise<Row[]> => {
      const took = secondsOf(await killAgainAndAgain(stack, size(10, 2)));
      const facts = { name: "killed worker to its job running again, p95", unit: "s", note: listed(took, 1) };
      return [atMost(facts, quantile(took, 0.95), bar)];
    }),
};

/** One process for each core that never rests, until the work is over. */
const withBusyCores = async <T>(work: () => Promise<T>): Promise<T> => {
  const spinners: ChildProcess[] = [];
  try {
    for (let core = 0; core < availableParallelism(); core += 1) {
      const spinner = spawn(process.execPath, ["-e", "for (;;);"], { stdio: "ignore" });
      spinners.push(spinner);
      await once(spinner, "spawn");
    }
    return await work();
  } finally {
    const ended = spinners.map((spinner) => once(spinner, "exit"));
    for (const spinner of spinners) spinner.kill("SIGKILL");
    await Promise.all(ended);
  }
};

/** Attempts that began although nobody had killed the worker of the one before. */
const falselyStalled = ({ dataDir }: Stack, kept: string, killed: readonly Killed[]): number => {
  const db = new Database(join(dataDir, "switchyard.db"), { readonly: true });
  const read = db.prepare("select attempt, lost_workers as lost from jobs where id = ?");
  const beyond = (id: string, kills: number): number => {
    const { attempt, lost } = read.get(id) as { attempt: number; lost: number };
    return Math.max(attempt - 1, lost) - kills;
  };
  const sum = killed.reduce((total, { jobId }) => total + beyond(jobId, 1), beyond(kept, 0));
  db.close();
  return sum;
};

/** As long as an action may run at most. */
const keptSeconds = 890;

const underLoad = async (stack: Stack, { size }: Options): Promise<Row[]> => {
  // Its one slot is taken: all other jobs go to the worker that is killed.
  const keeper = await stack.startWorker(1);
  const kept = await startTalk(stack, keptSeconds);
  const kills = await withBusyCores(() => killAgainAndAgain(stack, size(20, 2)));
  const isKept = (await attemptOf(stack, kept)) === 1;
  const stalled = falselyStalled(stack, kept, kills);
  await cancel(stack, kept);
  await keeper.stop(20_000);
  const took = secondsOf(kills);
  const note = `${listed(took, 1)}; a spinning process for each core`;
  const looked = `${kills.length} jobs of killed workers; one of a worker that lives ${isKept ? "runs on" : "was ended"}`;
  return [
    atMost(
      { name: "killed worker to its job running again, cores busy, p95", unit: "s", note },
      quantile(took, 0.95),
      bar,
    ),
    atMost(
      { name: "jobs falsely taken for stalled meanwhile", unit: "jobs", note: looked },
      stalled + (isKept ? 0 : 1),
      0,
    ),
  ];
};

export const busyRecoveryRow: Measure = {
  name: "busy-recovery",
  run: (options) => withStack({}, (stack) => underLoad(stack, options)),
};
