/** Three workers on one Redis and PostgreSQL against one, with a device that takes half a second for each answer. */
import { fork } from "node:child_process";
import { once } from "node:events";
import { missingPostgres, startTestPostgres } from "../../test/kit/postgres.ts";
import { type ActionBody, actionRequest, actionsPath } from "../kit/jobs.ts";
import { volley } from "../kit/load.ts";
import { atLeast, type Measure, type Row, told } from "../kit/row.ts";
import { type Stack, withStack } from "../kit/stack.ts";
import { listed, median } from "../kit/statistics.ts";
import { until } from "../kit/until.ts";

const slowBody: ActionBody = {
  capability: "bench.http",
  verb: "get",
  target: { type: "vm", id: "1" },
  params: { path: "/slow", count: 1 },
};

interface Page {
  readonly items: readonly {
    readonly state: string;
    readonly started_at: string | null;
    readonly finished_at: string | null;
  }[];
}

/** The newest jobs, as long as the list may be. */
const newest = async (stack: Stack, count: number): Promise<Page["items"]> =>
  (await stack.call<Page>("GET", `/api/jobs?kind=action.run&limit=${count}`)).body.items;

/** Jobs per second from the first beginning to the last end. */
const rateOfJobs = async (stack: Stack, count: number): Promise<number> => {
  const request = actionRequest(stack, slowBody);
  await volley(stack.url, { count, inFlight: 16, expected: 202, request: () => request });
  const isDone = async (): Promise<boolean> =>
    (await newest(stack, count)).every(({ finished_at }) => finished_at !== null);
  await until(isDone, "the jobs to settle", { timeoutMs: 180_000, everyMs: 250 });
  const items = await newest(stack, count);
  const failed = items.find(({ state }) => state !== "succeeded");
  if (failed) throw new Error(`a job did not succeed: ${JSON.stringify(failed)}`);
  const ends = items.map(({ finished_at }) => Date.parse(finished_at ?? ""));
  const starts = items.map(({ started_at }) => Date.parse(started_at ?? ""));
  return (count * 1000) / (Math.max(...ends) - Math.min(...starts));
};

/** The sandboxes are there before anything is counted. */
const warm = (stack: Stack): Promise<unknown> =>
  Promise.all(Array.from({ length: 24 }, () => stack.call("POST", actionsPath(stack), slowBody, 60)));

const rounds = async (stack: Stack, count: number, times: number): Promise<number[]> => {
  await warm(stack);
  const rates: number[] = [];
  for (let round = 0; round < times; round += 1) rates.push(await rateOfJobs(stack, count));
  return rates;
};

export const workersRow: Measure = {
  name: "workers",
  run: async ({ size }): Promise<Row[]> => {
    if (missingPostgres !== undefined) throw new Error(missingPostgres);
    const server = fork(new URL("../kit/device-server.ts", import.meta.url), { execArgv: ["--no-warnings"] });
    const [{ port }] = (await once(server, "message")) as [{ port: number }];
    const postgres = await startTestPostgres();
    try {
      const databaseUrl = await postgres.createDatabase();
      const device = { host: "127.0.0.1", port };
      return await withStack({ concurrency: 8, device, databaseUrl }, async (stack) => {
        const times = size(3, 1);
        await stack.startWorker();
        const one = await rounds(stack, size(80, 32), times);
        await Promise.all([stack.startWorker(), stack.startWorker()]);
        const three = await rounds(stack, size(240, 96), times);
        const note = `jobs/s: three ${listed(three, 1)}; one ${listed(one, 1)}`;
        return [
          atLeast(
            { name: "three workers against one, 500 ms device", unit: "x", note },
            median(three) / median(one),
            2.5,
          ),
          told({ name: "the same in jobs of three workers", unit: "/s" }, median(three)),
        ];
      });
    } finally {
      await postgres.stop();
      server.disconnect();
    }
  },
};
