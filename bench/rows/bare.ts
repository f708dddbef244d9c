/**
 * How much of a ratio is the machine's: in the same rounds as ours and plain BullMQ, the least that an API and a worker
 * can do which keep a durable row of each job. They check nothing, lock nothing, redact nothing and limit nothing.
 */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { type Bull, type BullWorker, openBull, startConsumer } from "../kit/bull.ts";
import { enqueue, lastAdmission, noopBody, payload, untilSettled } from "../kit/jobs.ts";
import { requestBytes, volley } from "../kit/load.ts";
import { type Measure, type Row, told } from "../kit/row.ts";
import { type Stack, withStack } from "../kit/stack.ts";
import { listed, median } from "../kit/statistics.ts";
import { ourRate, plainRate } from "../kit/whole-job.ts";

const serverFile = new URL("../bare/server.ts", import.meta.url);
const workerFile = new URL("../bare/worker.ts", import.meta.url);
const inFlight = 16;
const queueName = "bench-bare";

interface Bare {
  readonly bull: Bull;
  enqueue(count: number): Promise<number>;
  startWorker(concurrency: number): Promise<BullWorker>;
  stop(): Promise<void>;
}

const startBare = async ({ redisUrl, dataDir, token }: Stack): Promise<Bare> => {
  const file = join(dataDir, "bare.db");
  const server: ChildProcess = fork(serverFile, [redisUrl, queueName, file, token]);
  const [{ port }] = (await once(server, "message")) as [{ port: number }];
  const url = `http://127.0.0.1:${port}`;
  const request = requestBytes({ url, token }, "POST", "/jobs", noopBody);
  const bull = openBull(redisUrl, queueName);
  return {
    bull,
    enqueue: (count) => volley(url, { count, inFlight, expected: 202, request: () => request }),
    startWorker: (concurrency) => startConsumer(workerFile, [redisUrl, queueName, file, String(concurrency)]),
    stop: async () => {
      await bull.close();
      const ended = once(server, "exit");
      server.disconnect();
      await ended;
    },
  };
};

interface Rates {
  readonly raw: number[];
  readonly bare: number[];
  readonly ours: number[];
}

const rowsOf = (name: string, rates: Rates): Row[] => {
  const raw = median(rates.raw);
  const note = (of: readonly number[]): string => `per second: ${listed(of, 0)}; raw ${listed(rates.raw, 0)}`;
  return [
    told({ name: `${name}: the bare one, of raw`, unit: "x", note: note(rates.bare) }, median(rates.bare) / raw),
    told({ name: `${name}: Switchyard, of raw`, unit: "x", note: note(rates.ours) }, median(rates.ours) / raw),
  ];
};

interface Sides {
  readonly stack: Stack;
  readonly bare: Bare;
  readonly raw: Bull;
}

const withSides = (concurrency: number, work: (sides: Sides) => Promise<Row[]>): Promise<Row[]> =>
  withStack({ concurrency }, async (stack) => {
    const bare = await startBare(stack);
    const raw = openBull(stack.redisUrl, "bench-raw");
    try {
      return await work({ stack, bare, raw });
    } finally {
      await raw.close();
      await bare.stop();
    }
  });

const enqueueing = (rounds: number, count: number): Promise<Row[]> =>
  withSides(inFlight, async ({ stack, bare, raw }) => {
    const rates: Rates = { raw: [], bare: [], ours: [] };
    for (let round = 0; round <= rounds; round += 1) {
      rates.raw.push(await raw.add(count, inFlight, { data: payload }));
      rates.bare.push(await bare.enqueue(count));
      rates.ours.push(await enqueue(stack, count, () => noopBody, inFlight));
    }
    // The first round warms all of them up.
    for (const side of [rates.raw, rates.bare, rates.ours]) side.shift();
    return rowsOf("enqueue over HTTP", rates);
  });

/** The rate at which a side takes jobs while its worker runs them. */
const besideWorker = async (bull: Bull, worker: BullWorker, add: () => Promise<number>): Promise<number> => {
  const rate = await add();
  await bull.untilIdle();
  await worker.stop();
  return rate;
};

const oursBesideWorker = async (stack: Stack, count: number): Promise<number> => {
  const since = lastAdmission(stack);
  const worker = await stack.startWorker();
  const rate = await enqueue(stack, count, () => noopBody, inFlight);
  await untilSettled(stack, since);
  await worker.stop(20_000);
  return rate;
};

const enqueueingBesideWorkers = (rounds: number, count: number): Promise<Row[]> =>
  withSides(inFlight, async ({ stack, bare, raw }) => {
    const rates: Rates = { raw: [], bare: [], ours: [] };
    for (let round = 0; round <= rounds; round += 1) {
      const plain = await raw.startWorker(inFlight, "sandboxed");
      rates.raw.push(await besideWorker(raw, plain, () => raw.add(count, inFlight, { data: payload })));
      const least = await bare.startWorker(inFlight);
      rates.bare.push(await besideWorker(bare.bull, least, () => bare.enqueue(count)));
      rates.ours.push(await oursBesideWorker(stack, count));
    }
    for (const side of [rates.raw, rates.bare, rates.ours]) side.shift();
    return rowsOf("enqueue over HTTP with a worker", rates);
  });

const wholeJobs = (concurrency: number, rounds: number, count: number): Promise<Row[]> =>
  withSides(concurrency, async ({ stack, bare, raw }) => {
    const rates: Rates = { raw: [], bare: [], ours: [] };
    for (let round = 0; round < rounds; round += 1) {
      await raw.add(count, inFlight, { data: payload });
      rates.raw.push(await plainRate(raw, await raw.startWorker(concurrency, "sandboxed")));
      await bare.enqueue(count);
      rates.bare.push(await plainRate(bare.bull, await bare.startWorker(concurrency)));
      rates.ours.push(await ourRate(stack, count));
    }
    return rowsOf(`whole job at concurrency ${concurrency}`, rates);
  });

export const bareRow: Measure = {
  name: "bare",
  run: async ({ size }) => [
    ...(await enqueueing(size(7, 1), size(2_500, 300))),
    ...(await enqueueingBesideWorkers(size(5, 1), size(1_500, 300))),
    ...(await wholeJobs(8, size(5, 1), size(2_400, 300))),
    ...(await wholeJobs(32, size(5, 1), size(2_400, 300))),
  ],
};
