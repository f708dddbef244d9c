/** A whole job through a warm sandbox with a driver that does nothing, against BullMQ's own sandboxed processor. */
import { openBull } from "../kit/bull.ts";
import { payload } from "../kit/jobs.ts";
import { atLeast, atMost, type Measure, type Options, type Row } from "../kit/row.ts";
import { withStack } from "../kit/stack.ts";
import { listed, median } from "../kit/statistics.ts";
import { ourRate, plainRate } from "../kit/whole-job.ts";

const atConcurrency = ({ size }: Options, concurrency: number): Promise<Row[]> =>
  withStack({ concurrency }, async (stack) => {
    const bull = openBull(stack.redisUrl, "bench-raw");
    const count = concurrency === 1 ? size(600, 120) : size(2_400, 300);
    const [ours, raw]: [number[], number[]] = [[], []];
    for (let round = 0; round < size(3, 1); round += 1) {
      await bull.add(count, 16, { data: payload });
      raw.push(await plainRate(bull, await bull.startWorker(concurrency, "sandboxed")));
      ours.push(await ourRate(stack, count));
    }
    await bull.close();
    const note = `per second: ${listed(ours, 0)}; BullMQ sandboxed ${listed(raw, 0)}`;
    if (concurrency > 1) {
      const name = `whole job at concurrency ${concurrency}, of BullMQ sandboxed`;
      return [atLeast({ name, unit: "x", note }, median(ours) / median(raw), 0.6)];
    }
    const added = 1000 / median(ours) - 1000 / median(raw);
    return [atMost({ name: "whole job at concurrency 1, added to BullMQ sandboxed", unit: "ms", note }, added, 2)];
  });

export const wholeJobRow: Measure = {
  name: "whole-job",
  run: async (options) => [
    ...(await atConcurrency(options, 1)),
    ...(await atConcurrency(options, 8)),
    ...(await atConcurrency(options, 32)),
  ],
};
