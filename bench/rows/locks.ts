/** Locks on targets: how near to the ideal a mixed crowd runs, and whether one hot target hurts the others. */
import {
  type ActionBody,
  enqueue,
  holdBody,
  type JobTimes,
  lastAdmission,
  settledSince,
  untilSettled,
} from "../kit/jobs.ts";
import { atMost, type Measure, type Row } from "../kit/row.ts";
import { type Stack, withStack } from "../kit/stack.ts";

const concurrency = 16;
const targets = 20;
const jobMs = 20;

/** Always the same order, in which every target comes equally often. */
const shuffled = (count: number): string[] => {
  const order = Array.from({ length: count }, (_, index) => `vm-${index % targets}`);
  let seed = 12_345;
  for (let index = order.length - 1; index > 0; index -= 1) {
    seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
    const other = seed % (index + 1);
    [order[index], order[other]] = [order[other] ?? "", order[index] ?? ""];
  }
  return order;
};

/** The jobs that began before one that was admitted earlier for the same target. */
const overtaken = (jobs: readonly JobTimes[]): JobTimes[] => {
  const latest = new Map<string, number>();
  return jobs.filter(({ target, startedAt }) => {
    const isEarly = startedAt < (latest.get(target) ?? 0);
    latest.set(target, Math.max(startedAt, latest.get(target) ?? 0));
    return isEarly;
  });
};

const overtakings = (name: string, jobs: readonly JobTimes[]): Row => {
  const found = overtaken(jobs);
  const note = found.map(({ target, id }) => `${target} ${id}`).join(", ");
  return atMost({ name: `overtakings within a line, ${name}`, unit: "", ...(note && { note }) }, found.length, 0);
};

const spanMs = (jobs: readonly JobTimes[]): number =>
  Math.max(...jobs.map(({ finishedAt }) => finishedAt)) - Math.min(...jobs.map(({ startedAt }) => startedAt));

const signal = ({ pid }: { readonly pid: number | undefined }, name: "SIGSTOP" | "SIGCONT"): void => {
  if (pid !== undefined) process.kill(pid, name);
};

/** Warms the sandboxes up, then lets the jobs run that lay ready behind; the worker stands still while they come. */
const runThem = async (stack: Stack, names: readonly string[]): Promise<JobTimes[]> => {
  const bodies = new Map<string, ActionBody>();
  const bodyOf = (name: string): ActionBody => {
    const body = bodies.get(name) ?? holdBody(name, jobMs);
    bodies.set(name, body);
    return body;
  };
  const worker = await stack.startWorker();
  const before = lastAdmission(stack);
  await enqueue(stack, 20 * concurrency, (index) => bodyOf(`warm-${index % 40}`));
  await untilSettled(stack, before);
  const since = lastAdmission(stack);
  signal(worker, "SIGSTOP");
  await enqueue(stack, names.length, (index) => bodyOf(names[index] ?? ""), 1);
  signal(worker, "SIGCONT");
  await untilSettled(stack, since);
  await worker.stop(20_000);
  return settledSince(stack, since);
};

const crowd = async (stack: Stack, count: number): Promise<Row[]> => {
  const jobs = await runThem(stack, shuffled(count));
  const idealMs = (count * jobMs) / concurrency;
  const note = `${spanMs(jobs)} ms, ideal ${idealMs} ms`;
  const name = `${count} jobs of ${jobMs} ms on ${targets} locked targets, of the ideal`;
  return [atMost({ name, unit: "x", note }, spanMs(jobs) / idealMs, 1.5), overtakings("mixed crowd", jobs)];
};

const besideHot = async (stack: Stack, hot: number, count: number): Promise<Row[]> => {
  const names = [...Array.from({ length: hot }, () => "hot"), ...shuffled(count)];
  const jobs = await runThem(stack, names);
  const others = jobs.filter(({ target }) => target !== "hot");
  const idealMs = (count * jobMs) / (concurrency - 1);
  const note = `${spanMs(others)} ms, ideal ${idealMs.toFixed(0)} ms`;
  const name = `the other targets while ${hot} jobs wait on one, of the ideal`;
  return [atMost({ name, unit: "x", note }, spanMs(others) / idealMs, 2), overtakings("hot target", jobs)];
};

export const locksRow: Measure = {
  name: "locks",
  run: ({ size }) =>
    withStack({ concurrency }, async (stack) => [
      ...(await crowd(stack, size(1_000, 200))),
      ...(await besideHot(stack, size(300, 60), size(700, 140))),
    ]),
};
