/** The baseline: plain BullMQ on the same Redis, with the same payloads. */
import { fork } from "node:child_process";
import { once } from "node:events";
import { Queue } from "bullmq";
import { Redis } from "ioredis";
import { until } from "./until.ts";

export interface BullWorker {
  /** When the jobs since the last question were completed, in ms. */
  take(): Promise<number[]>;
  stop(): Promise<void>;
}

export interface Bull {
  readonly queue: Queue;
  /** Awaited adds, so many at a time; adds per second. */
  add(count: number, inFlight: number, data: unknown): Promise<number>;
  startWorker(concurrency: number, how: "inline" | "sandboxed"): Promise<BullWorker>;
  untilIdle(): Promise<void>;
  close(): Promise<void>;
}

const workerFile = new URL("./bull-worker.ts", import.meta.url);

/** Starts a process that consumes a queue and tells when it completed what. */
export const startConsumer = async (file: URL, args: readonly string[]): Promise<BullWorker> => {
  const child = fork(file, args, { execArgv: ["--no-warnings"], stdio: ["ignore", "inherit", "inherit", "ipc"] });
  await once(child, "message");
  return {
    take: async () => {
      const answer = once(child, "message");
      child.send({});
      const [{ times }] = (await answer) as [{ times: number[] }];
      return times;
    },
    stop: async () => {
      const ended = once(child, "exit");
      child.disconnect();
      await ended;
    },
  };
};

export const openBull = (redisUrl: string, name: string): Bull => {
  const connection = new Redis(redisUrl, { maxRetriesPerRequest: null });
  const queue = new Queue(name, { connection });
  return {
    queue,
    add: async (count, inFlight, data) => {
      let next = 0;
      const from = performance.now();
      const adder = async (): Promise<void> => {
        while (next < count) {
          next += 1;
          await queue.add("job", data);
        }
      };
      await Promise.all(Array.from({ length: inFlight }, adder));
      return (count * 1000) / (performance.now() - from);
    },
    startWorker: (concurrency, how) => startConsumer(workerFile, [redisUrl, name, String(concurrency), how]),
    untilIdle: () =>
      until(async () => {
        const { wait = 0, active = 0 } = await queue.getJobCounts("wait", "active");
        return wait + active === 0;
      }, "the plain queue to be empty"),
    close: async () => {
      await queue.close();
      connection.disconnect();
    },
  };
};
