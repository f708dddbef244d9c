/** Enqueue over HTTP against awaited raw adds, with nobody consuming. */
import { openBull } from "../kit/bull.ts";
import { enqueue, noopBody, payload } from "../kit/jobs.ts";
import { atLeast, type Measure, type Row } from "../kit/row.ts";
import { withStack } from "../kit/stack.ts";
import { listed, median } from "../kit/statistics.ts";

const inFlight = 16;

export const enqueueRow: Measure = {
  name: "enqueue",
  run: ({ size }) =>
    withStack({}, async (stack): Promise<Row[]> => {
      const bull = openBull(stack.redisUrl, "bench-raw");
      const count = size(2_500, 400);
      const [ours, raw]: [number[], number[]] = [[], []];
      await enqueue(stack, count / 2, () => noopBody, inFlight);
      await bull.add(count / 2, inFlight, { data: payload });
      for (let round = 0; round < size(7, 2); round += 1) {
        raw.push(await bull.add(count, inFlight, { data: payload }));
        ours.push(await enqueue(stack, count, () => noopBody, inFlight));
      }
      await bull.close();
      const note = `per second: ${listed(ours, 0)}; raw ${listed(raw, 0)}`;
      return [atLeast({ name: "enqueue over HTTP, of raw adds", unit: "x", note }, median(ours) / median(raw), 0.4)];
    }),
};
