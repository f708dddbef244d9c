/** Tests each instance of a type whose release changed, and waits a while for what comes out. */
import { setTimeout as delay } from "node:timers/promises";
import { isSettled, type Job } from "../model/job.ts";
import type { JsonObject } from "../model/json.ts";
import { instancesOfType } from "../store/instances.ts";
import { findOutcomes, type JobOutcome } from "../store/jobs.ts";
import type { JobContext } from "./context.ts";

const patienceMs = 30_000;
/** A worker whose slots are all taken, this job's among them, starts no test: waiting for one would be in vain. */
const patienceForStartMs = 5_000;
const lookEveryMs = 200;

/** One test per instance of the type; asked for again by the same job, they are the same tests. */
export const enqueueTests = async (context: JobContext, typeId: string): Promise<Job[]> => {
  const instances = await context.store.read(() => instancesOfType(typeId));
  const jobs: Job[] = [];
  for (const { id } of instances) {
    jobs.push(await context.enqueue("instance.test_connection", { instance_id: id }, `upgrade of ${typeId}`));
  }
  return jobs;
};

/** What is swapped is swapped: a job that is told to stop here says what it knows instead of waiting. */
const waitForAll = async (context: JobContext, ids: readonly string[]): Promise<JobOutcome[]> => {
  const startedAt = context.now();
  for (;;) {
    const jobs = await context.store.read(() => findOutcomes(ids));
    const hasStarted = jobs.some((job) => job.startedAt !== null);
    const isLate = context.now() - startedAt > (hasStarted ? patienceMs : patienceForStartMs);
    if (isLate || context.signal.aborted || jobs.every(({ state }) => isSettled(state))) return jobs;
    await delay(lookEveryMs, undefined, { signal: context.signal }).catch(() => undefined);
  }
};

const outcomeOf = ({ id, instanceId, state, error }: JobOutcome): JsonObject => ({
  instance_id: instanceId ?? "",
  job_id: id,
  state,
  ...(error === null ? {} : { error: { code: error.code, detail: error.detail } }),
});

/** One entry per instance; a test that is not over after half a minute shows its state of that moment. */
export const testInstances = async (context: JobContext, typeId: string): Promise<JsonObject[]> => {
  const enqueued = await enqueueTests(context, typeId);
  if (enqueued.length === 0) return [];
  await context.pass("install.tested");
  const count = enqueued.length === 1 ? "1 instance" : `${enqueued.length} instances`;
  context.progress("final", `Testing ${count}`, 90);
  const jobs = await waitForAll(
    context,
    enqueued.map(({ id }) => id),
  );
  const instances = await context.store.read(() => instancesOfType(typeId));
  const names = new Map(instances.map(({ id, name }) => [id, name]));
  for (const job of jobs) {
    const id = job.instanceId ?? "";
    const cause = job.error === null ? "" : `, ${job.error.detail} (${job.error.code})`;
    const level = job.state === "succeeded" ? "info" : "warn";
    context.emit("final", level, `Test of ${names.get(id) ?? id}: ${job.state}${cause}`, outcomeOf(job));
  }
  return jobs.map(outcomeOf);
};
