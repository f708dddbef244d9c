/** A worker is killed while it runs a job: how long until the job runs again in the worker that is started after it. */
import { actionsPath } from "../kit/jobs.ts";
import { atMost, type Measure, type Row } from "../kit/row.ts";
import { type Stack, withStack } from "../kit/stack.ts";
import { listed, quantile } from "../kit/statistics.ts";
import { until } from "../kit/until.ts";

const attemptOf = async (stack: Stack, jobId: string): Promise<number> => {
  const { body } = await stack.call<{ attempt: number; state: string }>("GET", `/api/jobs/${jobId}`);
  return body.state === "running" ? body.attempt : 0;
};

/** One kill; the supervising code starts the worker again by itself. */
const killOnce = async (stack: Stack): Promise<number> => {
  const worker = await stack.startWorker();
  const { body } = await stack.call<{ id: string }>("POST", actionsPath(stack), {
    capability: "bench.talk",
    verb: "get",
    target: { type: "vm", id: "1" },
    params: { count: 1_200, every_ms: 50 },
  });
  await until(async () => (await attemptOf(stack, body.id)) === 1, "the job to run");
  await new Promise((resolve) => setTimeout(resolve, 500));
  process.kill(worker.pid ?? 0, "SIGKILL");
  const killedAt = performance.now();
  await until(async () => (await attemptOf(stack, body.id)) === 2, "the job to run again", { everyMs: 25 });
  const tookMs = performance.now() - killedAt;
  await stack.call("POST", `/api/jobs/${body.id}/cancel`);
  await until(async () => (await attemptOf(stack, body.id)) === 0, "the job to be cancelled");
  await worker.stop(20_000);
  return tookMs;
};

export const recoveryRow: Measure = {
  name: "recovery",
  run: ({ size }) =>
    withStack({}, async (stack): Promise<Row[]> => {
      const took: number[] = [];
      for (let kill = 0; kill < size(10, 2); kill += 1) took.push((await killOnce(stack)) / 1000);
      const facts = { name: "killed worker to its job running again, p95", unit: "s", note: listed(took, 1) };
      return [atMost(facts, quantile(took, 0.95), 8)];
    }),
};
