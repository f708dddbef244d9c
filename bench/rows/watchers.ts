/** Events on their way to many watchers: how long they take, and that each arrives once however often one reconnects. */
import { actionsPath } from "../kit/jobs.ts";
import { atMost, type Measure, type Row } from "../kit/row.ts";
import { type Stack, withStack } from "../kit/stack.ts";
import { quantile } from "../kit/statistics.ts";
import { until } from "../kit/until.ts";
import { watch } from "../kit/watcher.ts";

const talk = async (stack: Stack, count: number, everyMs: number): Promise<string> => {
  const { status, body } = await stack.call<{ id: string }>("POST", actionsPath(stack), {
    capability: "bench.talk",
    verb: "get",
    target: { type: "vm", id: "1" },
    params: { count, every_ms: everyMs },
  });
  if (status !== 202) throw new Error(`a job was refused: ${JSON.stringify(body)}`);
  return body.id;
};

const saidAt = /"at":([\d.]+)/;

/** Jobs that begin together count from when all of them talk. */
const latency = async (stack: Stack, size: { jobs: number; watchersEach: number; seconds: number }): Promise<Row> => {
  const perSecond = 20;
  const ids = await Promise.all(
    Array.from({ length: size.jobs }, () => talk(stack, (size.seconds + 8) * perSecond, 1000 / perSecond)),
  );
  let isCounted = false;
  const samples: number[] = [];
  const talking = new Set<string>();
  const watchers = ids.flatMap((jobId) =>
    Array.from({ length: size.watchersEach }, () =>
      watch(stack, {
        jobId,
        after: 0,
        hear: ({ line, at }) => {
          const said = saidAt.exec(line)?.[1];
          if (said === undefined) return;
          talking.add(jobId);
          if (isCounted) samples.push(at - Number(said));
        },
      }),
    ),
  );
  await until(() => talking.size === ids.length, "all jobs to talk");
  await new Promise((resolve) => setTimeout(resolve, 2_000));
  isCounted = true;
  await new Promise((resolve) => setTimeout(resolve, size.seconds * 1000));
  isCounted = false;
  for (const watcher of watchers) watcher.cut();
  const rate = samples.length / size.seconds;
  const p50 = quantile(samples, 0.5).toFixed(1);
  const note = `p50 ${p50}, p99 ${quantile(samples, 0.99).toFixed(1)} ms; ${rate.toFixed(0)} deliveries/s`;
  const name = `event to watcher p95, ${watchers.length} watchers over ${size.jobs} jobs`;
  return atMost({ name, unit: "ms", note }, quantile(samples, 0.95), 50);
};

/** Follows one job to its end, cutting its own connection every so many events; the numbers as they came. */
const followCutting = async (
  stack: Stack,
  jobId: string,
  cutEvery: number,
): Promise<{ seqs: number[]; cuts: number }> => {
  const seqs: number[] = [];
  let cuts = 0;
  for (let isDone = false; !isDone; ) {
    let heard = 0;
    let isCut = false;
    const watcher = watch(stack, {
      jobId,
      after: seqs.at(-1) ?? 0,
      hear: ({ seq }) => {
        if (isCut) return;
        seqs.push(seq);
        heard += 1;
        if (heard < cutEvery) return;
        isCut = true;
        cuts += 1;
        watcher.cut();
      },
    });
    isDone = (await watcher.ended) && !isCut;
    if (!isDone && !isCut) await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return { seqs, cuts };
};

const exactness = async (stack: Stack, jobs: number, each: number): Promise<Row[]> => {
  const ids = await Promise.all(Array.from({ length: jobs }, () => talk(stack, each, 0)));
  const followed = await Promise.all(ids.map((id, index) => followCutting(stack, id, 37 + 11 * index)));
  const gaps = followed.flatMap(({ seqs }) => {
    const seen = new Set(seqs);
    return Array.from({ length: Math.max(...seqs) }, (_, index) => index + 1).filter((seq) => !seen.has(seq));
  });
  const duplicates = followed.reduce((sum, { seqs }) => sum + seqs.length - new Set(seqs).size, 0);
  const events = followed.reduce((sum, { seqs }) => sum + seqs.length, 0);
  const cuts = followed.reduce((sum, { cuts: each }) => sum + each, 0);
  const note = `${events} events, ${cuts} forced reconnects`;
  return [
    atMost({ name: "gaps in replayed events", unit: "", note }, gaps.length, 0),
    atMost({ name: "duplicates in replayed events", unit: "", note }, duplicates, 0),
  ];
};

export const watchersRow: Measure = {
  name: "watchers",
  run: ({ size }) =>
    withStack({ concurrency: 50 }, async (stack) => {
      await stack.startWorker();
      const exact = await exactness(stack, 10, size(1_000, 200));
      const late = await latency(
        stack,
        size({ jobs: 50, watchersEach: 10, seconds: 10 }, { jobs: 10, watchersEach: 5, seconds: 3 }),
      );
      return [late, ...exact];
    }),
};
