/** Enqueue over HTTP while a worker consumes, against raw adds while a plain worker consumes; latency at a steady rate. */
import { openBull } from "../kit/bull.ts";
import { actionRequest, enqueue, lastAdmission, noopBody, payload, untilSettled } from "../kit/jobs.ts";
import { streamRounds } from "../kit/load.ts";
import { atLeast, atMost, type Measure, type Row } from "../kit/row.ts";
import { type Stack, withStack } from "../kit/stack.ts";
import { listed, median } from "../kit/statistics.ts";

const inFlight = 16;

const ratio = async (stack: Stack, rounds: number, count: number): Promise<Row> => {
  const bull = openBull(stack.redisUrl, "bench-raw");
  const [ours, raw]: [number[], number[]] = [[], []];
  for (let round = 0; round <= rounds; round += 1) {
    const plain = await bull.startWorker(inFlight, "sandboxed");
    await bull.add(100, inFlight, { data: payload });
    await bull.untilIdle();
    raw.push(await bull.add(count, inFlight, { data: payload }));
    await bull.untilIdle();
    await plain.stop();
    const since = lastAdmission(stack);
    const worker = await stack.startWorker();
    await enqueue(stack, 100, () => noopBody, inFlight);
    await untilSettled(stack, since);
    ours.push(await enqueue(stack, count, () => noopBody, inFlight));
    await untilSettled(stack, since);
    await worker.stop(20_000);
  }
  await bull.close();
  const [a, b] = [ours.slice(1), raw.slice(1)];
  const note = `per second: ${listed(a, 0)}; raw ${listed(b, 0)}`;
  const facts = { name: "enqueue over HTTP with a worker, of raw adds with a worker", unit: "x", note };
  return atLeast(facts, median(a) / median(b), 0.8);
};

const latency = async (stack: Stack, rounds: number): Promise<Row> => {
  const worker = await stack.startWorker();
  const bytes = actionRequest(stack, noopBody);
  const since = lastAdmission(stack);
  await enqueue(stack, 600, () => noopBody, inFlight);
  await untilSettled(stack, since);
  const asked = { perSecond: 200, seconds: 3, expected: 202, request: () => bytes };
  const { p50, p99s } = await streamRounds(stack.url, rounds, asked);
  await worker.stop(20_000);
  const note = `p50 ${p50.toFixed(1)} ms; p99 of each round ${listed(p99s, 1)}`;
  return atMost({ name: "enqueue p99 at 200/s with a worker", unit: "ms", note }, median(p99s), 15);
};

export const enqueueConsumedRow: Measure = {
  name: "enqueue-consumed",
  run: ({ size }) =>
    withStack(
      {},
      async (stack): Promise<Row[]> => [
        await latency(stack, size(7, 1)),
        await ratio(stack, size(4, 1), size(1_500, 300)),
      ],
    ),
};
