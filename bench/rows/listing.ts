/** What a million settled jobs cost: lists of jobs whatever they ask for, a start on them, and forgetting the oldest. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { pruneJobs } from "../../src/store/jobs.ts";
import { openStore } from "../../src/store/open.ts";
import { openLines, requestBytes } from "../kit/load.ts";
import { atMost, type Measure, type Row, told } from "../kit/row.ts";
import { addSettledJobs, subjects } from "../kit/settled-jobs.ts";
import { type Started, startSystem } from "../kit/started.ts";
import { listed, median, quantile } from "../kit/statistics.ts";

const storeOf = (dataDir: string): string => join(dataDir, "switchyard.db");

/** Every combination of who, what and how it ended: of a lot, of a few, of one and of none. */
const queries = (): string[] => {
  const who = ["", ...[subjects.busy, subjects.dead, subjects.plain, subjects.none].map((id) => `instance_id=${id}`)];
  const types = [`type_id=${subjects.type}`, `type_id=${subjects.rareType}`, "type_id=bench.none"];
  const kinds = ["", "kind=instance.test_connection", "kind=action.run", "kind=pack.rollback", "kind=pack.remove"];
  const states = [
    "",
    ...["queued", "running", "succeeded", "failed", "timed_out", "cancelled"].map((s) => `state=${s}`),
  ];
  const since = ["", `since=${new Date(Date.now() - 3_600_000).toISOString()}`];
  const all = [...who, ...types].flatMap((one) =>
    kinds.flatMap((kind) => states.flatMap((state) => since.map((time) => [one, kind, state, time]))),
  );
  const askers = ["by=me", "by=token", "by=system", "not_by=schedule"].map((asker) => [asker]);
  return [...all, ...askers].map((parts) => parts.filter((part) => part !== "").join("&"));
};

interface Answered {
  readonly query: string;
  readonly ms: number;
}

/** One request after the other, as a person asks. */
const askAll = async (system: Started, rounds: number): Promise<Answered[]> => {
  const [line] = await openLines(system.url, 1);
  if (line === undefined) throw new Error("no connection");
  const answers: Answered[] = [];
  for (let round = 0; round < rounds; round += 1) {
    for (const query of queries()) {
      const request = requestBytes(system, "GET", `/api/jobs?${query}`);
      const from = performance.now();
      const status = await line.ask(request);
      if (status !== 200) throw new Error(`expected a list of jobs for ${query}, got ${status}`);
      answers.push({ query, ms: performance.now() - from });
    }
  }
  line.close();
  return answers;
};

const listRow = (count: number, answers: readonly Answered[]): Row => {
  const times = answers.map(({ ms }) => ms);
  const slowest = answers.toSorted((a, b) => b.ms - a.ms)[0];
  const note = `${answers.length} lists; p50 ${quantile(times, 0.5).toFixed(1)}; slowest ${slowest?.ms.toFixed(0)} (${slowest?.query})`;
  return atMost({ name: `job list over ${count} settled jobs, p95`, unit: "ms", note }, quantile(times, 0.95), 30);
};

/** Each commit of the retention, while there is still something to forget. */
const pruneOldest = async (dataDir: string, rounds: number): Promise<number[]> => {
  const store = await openStore({ url: storeOf(dataDir) });
  const times: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const from = performance.now();
    const gone = await store.write(() => pruneJobs({ before: Date.now(), scheduledBefore: 0, limit: 200 }));
    times.push(performance.now() - from);
    if (gone !== 200) throw new Error(`expected 200 jobs to be forgotten, got ${gone}`);
  }
  await store.close();
  return times;
};

const measure = async (dataDir: string, count: number, rounds: number): Promise<Row[]> => {
  await (await startSystem(dataDir)).stop();
  addSettledJobs(storeOf(dataDir), count, Date.now());
  const starts: number[] = [];
  let answers: readonly Answered[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const system = await startSystem(dataDir);
    starts.push(system.seconds);
    await pause(1_500);
    if (round === rounds - 1) answers = await askAll(system, rounds).finally(system.stop);
    else await system.stop();
  }
  const started = { name: `\`npm start\` on ${count} settled jobs to ready`, unit: "s", note: listed(starts) };
  const pruned = await pruneOldest(dataDir, 20);
  const forgotten = {
    name: "forgetting the oldest 200 of them",
    unit: "ms",
    note: `slowest ${Math.max(...pruned).toFixed(0)}`,
  };
  return [listRow(count, answers), atMost(started, median(starts), 3), told(forgotten, median(pruned))];
};

export const listingRow: Measure = {
  name: "listing",
  run: async ({ size }): Promise<Row[]> => {
    const dataDir = mkdtempSync(join(tmpdir(), "sw-bench-"));
    try {
      return await measure(dataDir, size(1_000_000, 20_000), size(3, 1));
    } finally {
      rmSync(dataDir, { recursive: true, force: true });
    }
  },
};
