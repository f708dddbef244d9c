/** How many jobs a second go their whole way: they lie ready when the worker starts, and its first third warms it up. */
import type { Bull, BullWorker } from "./bull.ts";
import { enqueue, lastAdmission, noopBody, settledSince, untilSettled } from "./jobs.ts";
import type { Stack } from "./stack.ts";
import { rateOf } from "./statistics.ts";

const warmUp = 0.34;

export const ourRate = async (stack: Stack, count: number): Promise<number> => {
  const since = lastAdmission(stack);
  await enqueue(stack, count, () => noopBody);
  const worker = await stack.startWorker();
  await untilSettled(stack, since);
  await worker.stop(20_000);
  const settled = settledSince(stack, since).map(({ finishedAt }) => finishedAt);
  return rateOf(settled, warmUp);
};

/** Of a worker that was just started on a queue that is full. */
export const plainRate = async (bull: Bull, worker: BullWorker): Promise<number> => {
  await bull.untilIdle();
  const times = await worker.take();
  await worker.stop();
  return rateOf(times, warmUp);
};
