/** One request of a driver through the runner's transport, against undici in one process, to the same server. */
import { fork } from "node:child_process";
import { once } from "node:events";
import { Pool } from "undici";
import { actionsPath, payload } from "../kit/jobs.ts";
import { atMost, type Measure, type Row } from "../kit/row.ts";
import { type Stack, withStack } from "../kit/stack.ts";
import { listed, median, quantile } from "../kit/statistics.ts";

const throughDriver = async (stack: Stack, path: string, count: number): Promise<number[]> => {
  const params = { path, count, parse: path === "/large", data: payload };
  const asked = { capability: "bench.http", verb: "get", target: { type: "vm", id: "1" }, params };
  const { status, body } = await stack.call("POST", actionsPath(stack), asked, 60);
  if (status !== 200) throw new Error(`the driver's requests failed: ${JSON.stringify(body)}`);
  return (body["result"] as { details: { samples: number[] } }).details.samples;
};

const inOneProcess = async (pool: Pool, path: string, count: number): Promise<number[]> => {
  const samples: number[] = [];
  for (let index = 0; index < count; index += 1) {
    const from = performance.now();
    const { body } = await pool.request({ path, method: "GET" });
    if (path === "/large") await body.json();
    else await body.text();
    samples.push(performance.now() - from);
  }
  return samples;
};

interface Sides {
  readonly stack: Stack;
  readonly pool: Pool;
  readonly rounds: number;
}

const compare = async ({ stack, pool, rounds }: Sides, path: string, count: number) => {
  const [ours, raw]: [number[], number[]] = [[], []];
  for (let round = 0; round <= rounds; round += 1) {
    raw.push(quantile(await inOneProcess(pool, path, count), 0.5));
    ours.push(quantile(await throughDriver(stack, path, count), 0.5));
  }
  const [a, b] = [ours.slice(1), raw.slice(1)];
  return { added: median(a) - median(b), note: `p50 in ms: ${listed(a)}; undici ${listed(b)}` };
};

export const httpRequestRow: Measure = {
  name: "http-request",
  run: async ({ size }): Promise<Row[]> => {
    const server = fork(new URL("../kit/device-server.ts", import.meta.url), { execArgv: ["--no-warnings"] });
    const [{ port }] = (await once(server, "message")) as [{ port: number }];
    const pool = new Pool(`http://127.0.0.1:${port}`, { connections: 1 });
    try {
      return await withStack({ device: { host: "127.0.0.1", port } }, async (stack) => {
        await stack.startWorker();
        const sides = { stack, pool, rounds: size(7, 2) };
        const small = await compare(sides, "/small", size(600, 100));
        const large = await compare(sides, "/large", size(20, 5));
        return [
          atMost(
            { name: "http request through the transport, added p50", unit: "ms", note: small.note },
            small.added,
            0.2,
          ),
          atMost({ name: "the same with a 1 MB JSON body, added p50", unit: "ms", note: large.note }, large.added, 10),
        ];
      });
    } finally {
      await pool.close();
      server.disconnect();
    }
  },
};
