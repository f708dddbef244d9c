/** Reading an inventory that is fresh in the cache. */
import { requestBytes, streamRounds, volley } from "../kit/load.ts";
import { atMost, type Measure, type Row } from "../kit/row.ts";
import { withStack } from "../kit/stack.ts";
import { listed, median } from "../kit/statistics.ts";

export const inventoryRow: Measure = {
  name: "inventory",
  run: ({ size }) =>
    withStack({}, async (stack): Promise<Row[]> => {
      await stack.startWorker();
      const path = `/api/integrations/instances/${stack.instanceId}/inventory?type=vm`;
      const { body } = await stack.call<{ items: unknown[] }>("GET", path, undefined, 30);
      if (body.items.length !== 1_000) throw new Error(`expected 1000 items, got ${body.items.length}`);
      const request = requestBytes(stack, "GET", path);
      await volley(stack.url, { count: size(500, 100), inFlight: 4, expected: 200, request: () => request });
      const asked = { perSecond: 200, seconds: 3, expected: 200, request: () => request };
      const { p50, p99s } = await streamRounds(stack.url, size(7, 1), asked);
      const note = `p50 ${p50.toFixed(1)} ms; p99 of each round ${listed(p99s, 1)}`;
      return [atMost({ name: "cached inventory of 1,000 items, p99 at 200/s", unit: "ms", note }, median(p99s), 10)];
    }),
};
