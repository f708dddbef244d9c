/**
 * A thousand switches that are read in the background: lateness, memory, and what a person waits meanwhile.
 * They run a pack that speaks SNMP alone, made of the shipped driver's files: 28 ports each, and a heartbeat.
 */
import { loadavg } from "node:os";
import { join } from "node:path";
import { type ScheduledJob, scheduledJobs } from "../kit/lateness.ts";
import { atMost, type Measure, type Options, type Row, told } from "../kit/row.ts";
import { quantile } from "../kit/statistics.ts";
import { type Switches, startSwitches } from "../kit/switches.ts";
import { type Measured, measureTree, sumsByName } from "../kit/tree.ts";
import { until } from "../kit/until.ts";

interface Size {
  readonly count: number;
  readonly everySeconds: number;
  readonly heartbeatSeconds: number;
  readonly intervals: number;
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

const toldTree = (tree: Measured): string =>
  Object.entries(sumsByName(tree))
    .map(([name, mb]) => `${name} ${mb.toFixed(0)}`)
    .join(", ");

/** What the system weighs when nothing is to be done. */
const atRest = async ({ system }: Switches): Promise<Measured> => {
  await until(() => system.pids("switchyard-sandbox").length === 0, "the sandboxes to end", { everyMs: 250 });
  await pause(5_000);
  return measureTree(system);
};

interface JobTimes {
  readonly state: string;
  readonly created_at: string;
  readonly started_at: string;
}

/** From a person's test of a connection to its begin, in ms. */
const askOnce = async ({ system }: Switches, instance: string): Promise<number> => {
  const path = `/api/integrations/instances/${instance}/test`;
  const { status, body } = await system.call<JobTimes>("POST", path, undefined, { prefer: "wait=60" });
  if (status !== 200) throw new Error(`expected a test to succeed, got ${status}: ${JSON.stringify(body)}`);
  return Date.parse(body.started_at) - Date.parse(body.created_at);
};

const askAll = async (switches: Switches, instances: readonly string[], isOver: () => boolean): Promise<number[]> => {
  const waits: number[] = [];
  for (let at = 0; !isOver(); at += 1) {
    waits.push(await askOnce(switches, instances[(at * 37) % instances.length] ?? ""));
    await pause(3_000);
  }
  return waits;
};

const weigh = async ({ system }: Switches, isOver: () => boolean, { say }: Options): Promise<Measured[]> => {
  const samples: Measured[] = [];
  const from = performance.now();
  while (!isOver()) {
    const sample = measureTree(system);
    const seconds = ((performance.now() - from) / 1000).toFixed(0);
    if (samples.push(sample) % 6 === 0) say(`  ${seconds} s, load ${loadavg()[0]?.toFixed(1)}: ${toldTree(sample)} MB`);
    await pause(5_000);
  }
  return samples;
};

interface Seen {
  readonly rest: Measured;
  readonly samples: readonly Measured[];
  readonly waits: readonly number[];
  readonly jobs: readonly ScheduledJob[];
  readonly seconds: number;
}

const heaviest = (samples: readonly Measured[]): Measured =>
  samples.reduce((one, other) => (other.total > one.total ? other : one));

const rowsOf = ({ rest, samples, waits, jobs, seconds }: Seen, switches: Switches, size: Size): Row[] => {
  const refreshes = jobs.filter(({ kind }) => kind === "instance.refresh_inventory");
  // One that has not begun by the end counts with what it has waited at the least.
  const late = refreshes.map(({ startedLateMs }) => (startedLateMs ?? seconds * 1000) / 1000);
  const others = refreshes.filter(({ state }) => !["succeeded", "running"].includes(state)).length;
  const most = heaviest(samples);
  const { p50, p99, max } = switches.delays();
  const what = `${size.count} switches`;
  const lateNote = `${late.length} refreshes in ${seconds.toFixed(0)} s, ${others} not succeeded; p50 ${quantile(late, 0.5).toFixed(2)}, max ${quantile(late, 1).toFixed(2)} s`;
  const waitNote = `p50 ${quantile(waits, 0.5)}, p95 ${quantile(waits, 0.95)}, max ${quantile(waits, 1)} ms of ${waits.length}`;
  const loopNote = `p50 ${p50.toFixed(1)}, max ${max.toFixed(0)} ms; load ${loadavg()[0]?.toFixed(1)}`;
  return [
    atMost(
      { name: `${what}: refreshes start late, p95`, unit: "s", note: lateNote },
      refreshes.length === 0 ? Number.NaN : quantile(late, 0.95),
      30,
    ),
    atMost(
      { name: `${what}: growth of PSS, at most`, unit: "MB", note: `${toldTree(rest)} -> ${toldTree(most)}` },
      most.total - rest.total,
      400,
    ),
    atMost({ name: `${what}: a person's test starts, p99`, unit: "ms", note: waitNote }, quantile(waits, 0.99), 500),
    atMost({ name: `${what}: the worker's event loop is late, p99`, unit: "ms", note: loopNote }, p99, 100),
    told({ name: `${what}: scheduled jobs`, unit: "/s" }, jobs.length / seconds),
  ];
};

const measured = async (switches: Switches, size: Size, options: Options): Promise<Row[]> => {
  const { system } = switches;
  const rest = await atRest(switches);
  const instances = await switches.addAll();
  switches.forgetDelays();
  const from = Date.now();
  const to = from + size.intervals * size.everySeconds * 1000;
  const isOver = (): boolean => Date.now() >= to;
  const [samples, waits] = await Promise.all([weigh(switches, isOver, options), askAll(switches, instances, isOver)]);
  // What was due last has not begun yet.
  const jobs = scheduledJobs(join(system.dataDir, "switchyard.db"), from, to - 2_000);
  return rowsOf({ rest, samples, waits, jobs, seconds: (to - from) / 1000 }, switches, size);
};

export const switchesRow: Measure = {
  name: "switches",
  run: async (options) => {
    const size: Size = options.size(
      { count: 1_000, everySeconds: 180, heartbeatSeconds: 180, intervals: 2 },
      { count: 100, everySeconds: 30, heartbeatSeconds: 30, intervals: 2 },
    );
    const switches = await startSwitches({ ...size, delayMs: 50 });
    try {
      return await measured(switches, size, options);
    } finally {
      await switches.close();
    }
  },
};
