/** Whether a long queue slows the worker: two systems side by side, one of them with 20,000 jobs waiting. */
import { enqueue, lastAdmission, noopBody, settledSince, untilSettled } from "../kit/jobs.ts";
import { atLeast, type Measure, type Row } from "../kit/row.ts";
import { type Stack, withStack } from "../kit/stack.ts";
import { listed, median, rateOf } from "../kit/statistics.ts";

const warmUp = 0.3;

/** How fast the next `count` jobs are done. */
const rate = async (stack: Stack, from: number, count: number): Promise<number> => {
  const left = lastAdmission(stack) - from - count;
  const worker = await stack.startWorker();
  await untilSettled(stack, from, left);
  await worker.stop(20_000);
  const times = settledSince(stack, from).map(({ finishedAt }) => finishedAt);
  return rateOf(times.toSorted((a, b) => a - b).slice(0, count), warmUp);
};

const fill = async (stack: Stack, count: number): Promise<void> => {
  await enqueue(stack, count, () => noopBody);
};

export const backlogRow: Measure = {
  name: "backlog",
  run: ({ size }) =>
    withStack({}, (empty) =>
      withStack({}, async (full): Promise<Row[]> => {
        const count = size(1_500, 300);
        const waiting = size(20_000, 1_000);
        const [fast, slow]: [number[], number[]] = [[], []];
        await fill(full, waiting);
        for (let round = 0; round < size(3, 1); round += 1) {
          await fill(empty, count);
          fast.push(await rate(empty, lastAdmission(empty) - count, count));
          await fill(full, count);
          slow.push(await rate(full, lastAdmission(full) - waiting - count, count));
        }
        const note = `per second: ${listed(slow, 0)}; empty ${listed(fast, 0)}`;
        const name = `throughput with ${waiting} jobs waiting, of an empty queue`;
        return [atLeast({ name, unit: "x", note }, median(slow) / median(fast), 0.9)];
      }),
    ),
};
