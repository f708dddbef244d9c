/** A busy system for minutes: a thousand instances with schedules, watchers, requests; memory, lateness, what a person waits. */
import { join } from "node:path";
import type { System } from "../../test/kit/system.ts";
import { type Fleet, startFleet } from "../kit/fleet.ts";
import { type DueTick, dueTicks, type ScheduledJob, scheduledJobs } from "../kit/lateness.ts";
import { requestBytes } from "../kit/load.ts";
import { atMost, type Measure, type Options, type Row, told } from "../kit/row.ts";
import { quantile } from "../kit/statistics.ts";
import { steady } from "../kit/steady.ts";
import { type Measured, measureTree, sumsByName } from "../kit/tree.ts";
import { watch } from "../kit/watcher.ts";

interface Size {
  readonly instances: number;
  readonly watchers: number;
  readonly perSecond: number;
  readonly seconds: number;
  /** What comes before this is warming up. */
  readonly settleSeconds: number;
  /** How long is waited for the first contact with every instance, before anything is measured. */
  readonly contactSeconds: number;
}

interface Sample {
  /** Seconds since the load began. */
  readonly at: number;
  readonly tree: Measured;
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** What a console asks again and again: inventories from the cache, instances, their jobs. */
const requestsOf = ({ system, instances }: Fleet) => {
  const paths = [
    (id: string) => `/api/integrations/instances/${id}/inventory?type=vm&cached_only=true`,
    (id: string) => `/api/integrations/instances/${id}`,
    (id: string) => `/api/jobs?instance_id=${id}&limit=20`,
  ];
  const target = { url: system.url, token: system.token };
  return (index: number): Buffer => {
    const id = instances[(index * 7) % instances.length] ?? "";
    return requestBytes(target, "GET", paths[index % paths.length]?.(id) ?? "");
  };
};

/** How long somebody waits who asks for something that costs nothing; in ms. */
const askOnce = async ({ system, idle }: Fleet): Promise<number> => {
  const body = { capability: "bench.noop", verb: "get", target: { type: "vm", id: "1" }, params: {} };
  const from = performance.now();
  const { status } = await system.call("POST", `/api/integrations/instances/${idle}/actions`, body, {
    prefer: "wait=60",
  });
  if (status !== 200) throw new Error(`expected an interactive job to succeed, got ${status}`);
  return performance.now() - from;
};

const askFor = async (fleet: Fleet, isOver: () => boolean, everyMs: number): Promise<number[]> => {
  const samples: number[] = [];
  while (!isOver()) {
    samples.push(await askOnce(fleet));
    await pause(everyMs);
  }
  return samples;
};

const openWatchers = async ({ system, instances }: Fleet, count: number) => {
  const target = { url: system.url, token: system.token };
  let heard = 0;
  const hear = (): void => {
    heard += 1;
  };
  const watchers = Array.from({ length: count }, (_, index) =>
    watch(target, { path: `/api/events?instance_id=${instances[index % instances.length]}`, hear }),
  );
  await Promise.all(watchers.map(({ opened }) => opened));
  return {
    heard: () => heard,
    cut() {
      for (const watcher of watchers) watcher.cut();
    },
  };
};

const toldTree = ({ tree }: Sample): string =>
  Object.entries(sumsByName(tree))
    .map(([name, mb]) => `${name} ${mb.toFixed(0)}`)
    .join(", ");

const sampleMemory = async (system: System, isOver: () => boolean, { say }: Options): Promise<Sample[]> => {
  const samples: Sample[] = [];
  const from = performance.now();
  while (!isOver()) {
    const sample = { at: (performance.now() - from) / 1000, tree: measureTree(system) };
    if (samples.push(sample) % 6 === 0) say(`  ${sample.at.toFixed(0)} s: ${toldTree(sample)} MB`);
    await pause(5_000);
  }
  return samples;
};

/** Least squares: value at the beginning and at the end of the line through the samples. */
const lineThrough = (
  points: readonly { readonly x: number; readonly y: number }[],
): { first: number; last: number } => {
  const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [middleX, middleY] = [mean(points.map(({ x }) => x)), mean(points.map(({ y }) => y))];
  const over = points.reduce((sum, { x, y }) => sum + (x - middleX) * (y - middleY), 0);
  const under = points.reduce((sum, { x }) => sum + (x - middleX) ** 2, 0);
  const slope = under === 0 ? 0 : over / under;
  const at = (x: number): number => middleY + slope * (x - middleX);
  return { first: at(points[0]?.x ?? 0), last: at(points.at(-1)?.x ?? 0) };
};

const memoryRows = (samples: readonly Sample[], settleSeconds: number): Row[] => {
  const steady = samples.filter(({ at }) => at >= settleSeconds);
  const { first, last } = lineThrough(steady.map(({ at, tree }) => ({ x: at, y: tree.total })));
  const [begin, end] = [steady[0], steady.at(-1)];
  if (begin === undefined || end === undefined) throw new Error("expected samples after the warm-up");
  const minutes = (end.at - begin.at) / 60;
  const slope = ((last - first) / minutes).toFixed(2);
  const note = `line ${first.toFixed(0)} -> ${last.toFixed(0)} MB, ${slope} MB/min over ${minutes.toFixed(1)} min`;
  return [
    atMost({ name: "load: growth of PSS after the warm-up", unit: "%", note }, (100 * (last - first)) / first, 5),
    told(
      { name: "load: PSS of all processes, first steady sample", unit: "MB", note: toldTree(begin) },
      begin.tree.total,
    ),
    told({ name: "load: PSS of all processes, last sample", unit: "MB", note: toldTree(end) }, end.tree.total),
  ];
};

/** What is due this shortly before the end may not have come yet. */
const barSeconds = 10;
/** Nobody waits for scheduled work, but a stall of the whole system must show. */
const longestSeconds = 30;

/** A job that failed, or that was due long ago and did not begin or was never made. */
const isOpen = (state: string | null): boolean => state === null || state === "queued";

const latenessRows = (ticks: readonly DueTick[], admitted: readonly ScheduledJob[], seconds: number): Row[] => {
  const late = ticks.map(({ lateMs }) => lateMs / 1000);
  const admission = admitted.map(({ lateMs }) => lateMs / 1000);
  const failed = ticks.filter(({ state }) => !isOpen(state) && state !== "succeeded" && state !== "running").length;
  const open = ticks.filter(({ state }) => isOpen(state));
  const missed = open.filter(({ state, lateMs }) => state === null && lateMs > barSeconds * 1000).length;
  const note = `admission p50 ${quantile(admission, 0.5).toFixed(2)}, p99 ${quantile(admission, 0.99).toFixed(2)} s; start p50 ${quantile(late, 0.5).toFixed(2)} s; ${open.length} not begun at the end`;
  return [
    atMost({ name: "load: scheduled work begins late, p99", unit: "s", note }, quantile(late, 0.99), barSeconds),
    atMost({ name: "load: scheduled work begins late, at most", unit: "s" }, quantile(late, 1), longestSeconds),
    atMost({ name: "load: ticks that nobody made a job of", unit: "ticks", note: `of ${ticks.length}` }, missed, 0),
    atMost({ name: "load: scheduled jobs that did not succeed", unit: "jobs" }, failed, 0),
    told(
      { name: "load: scheduled jobs per second", unit: "/s", note: `${admitted.length} jobs` },
      admitted.length / seconds,
    ),
  ];
};

/** A cold system grows with each instance that it meets for the first time: that is no growth under load. */
const untilContacted = async (
  { system, instances }: Fleet,
  { contactSeconds }: Size,
  { say }: Options,
): Promise<void> => {
  const known = new Set(instances);
  const deadline = performance.now() + contactSeconds * 1000;
  let left = Number.POSITIVE_INFINITY;
  while (left > 0 && performance.now() < deadline) {
    await pause(2_000);
    const { body } = await system.call<{ instance_id: string; state: string }[]>("GET", "/api/integrations/instances");
    left = body.filter((found) => found.state === "configured" && known.has(found.instance_id)).length;
  }
  if (left > 0 && contactSeconds > 0) say(`  ${left} instances were not met within ${contactSeconds} s`);
};

const underLoad = async (fleet: Fleet, size: Size, options: Options): Promise<Row[]> => {
  await untilContacted(fleet, size, options);
  await pause(5_000);
  const quietFrom = performance.now();
  const quiet = await askFor(fleet, () => performance.now() - quietFrom > 10_000, 250);
  const watchers = await openWatchers(fleet, size.watchers);
  let isOver = false;
  const from = Date.now();
  const memory = sampleMemory(fleet.system, () => isOver, options);
  const asking = askFor(fleet, () => isOver, 500);
  const { perSecond, seconds } = size;
  const asked = { perSecond, seconds, expected: 200, lines: 64, request: requestsOf(fleet) };
  const { latencies, failed } = await steady(fleet.system.url, asked).finally(() => {
    isOver = true;
  });
  const to = Date.now();
  const [samples, waits] = [await memory, await asking];
  watchers.cut();
  const store = join(fleet.system.dataDir, "switchyard.db");
  const took = (to - from) / 1000;
  const waited = `quiet p50 ${quantile(quiet, 0.5).toFixed(0)}, p95 ${quantile(quiet, 0.95).toFixed(0)}; under load p50 ${quantile(waits, 0.5).toFixed(0)}, p99 ${quantile(waits, 0.99).toFixed(0)} ms`;
  const answered = `p50 ${quantile(latencies, 0.5).toFixed(1)}, p99 ${quantile(latencies, 0.99).toFixed(1)} ms, ${latencies.length} requests`;
  const deliveries = { name: "load: events delivered to watchers", unit: "/s", note: `${size.watchers} watchers` };
  return [
    ...memoryRows(samples, size.settleSeconds),
    ...latenessRows(dueTicks(store, from, to), scheduledJobs(store, from, to), took),
    atMost({ name: "load: an interactive job, p95", unit: "ms", note: waited }, quantile(waits, 0.95), 250),
    told({ name: `load: requests at ${size.perSecond}/s, p95`, unit: "ms", note: answered }, quantile(latencies, 0.95)),
    atMost({ name: "load: requests without the answer that was due", unit: "requests" }, failed, 0),
    told(deliveries, watchers.heard() / took),
  ];
};

export const loadRow: Measure = {
  name: "load",
  run: async (options) => {
    const size: Size = options.size(
      { instances: 1_000, watchers: 500, perSecond: 200, seconds: 600, settleSeconds: 120, contactSeconds: 300 },
      { instances: 100, watchers: 50, perSecond: 100, seconds: 60, settleSeconds: 20, contactSeconds: 0 },
    );
    const fleet = await startFleet(size.instances);
    try {
      return await underLoad(fleet, size, options);
    } finally {
      await fleet.close();
    }
  },
};
