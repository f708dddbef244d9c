/** What somebody who helps needs to know of a system, as one zip file: no secret, no config value, no inventory. */
import { ZipFile } from "yazl";
import type { Instance } from "../model/instance.ts";
import type { IntegrationType } from "../model/integration-type.ts";
import type { Job } from "../model/job.ts";
import type { JsonObject } from "../model/json.ts";
import { listInstances } from "../store/instances.ts";
import { listJobs } from "../store/jobs.ts";
import { listSchedules } from "../store/schedules.ts";
import type { Store } from "../store/store.ts";
import { listTypes } from "../store/types.ts";

/** What the process that writes the bundle knows beside what is in the store. */
export interface BundleFacts {
  readonly versions: JsonObject;
  readonly settings: JsonObject;
  readonly health: JsonObject;
  readonly metrics: string;
  readonly logLines: readonly string[];
  /** Values that must not be in it, whatever brought them there. */
  readonly secrets: readonly string[];
}

const readme = `A support bundle of Switchyard.

versions.json     what runs here
settings.json     the settings; secrets are told as "set" or "not set"
health.json       Redis, workers and their sandboxes, the queue
metrics.prom      the figures of all processes
types.json        installed integration types and their errors
instances.json    instances: states and last errors; config is told by the kinds of its values
schedules.json    what runs by itself
failed-jobs.json  the last jobs that did not succeed: errors, no input
open-jobs.json    what is queued or runs
log.jsonl         the latest warnings and errors of all processes

Names of instances and what errors quote of addresses are in it. Look through it before you send it on.
`;

const shortest = 6;
const jobsMost = 100;

const iso = (at: number | null): string | null => (at === null ? null : new Date(at).toISOString());

/** A config by the kinds of its values: enough to see what is set. */
const kindsOf = (config: JsonObject): JsonObject =>
  Object.fromEntries(Object.entries(config).map(([name, value]) => [name, value === null ? "null" : typeof value]));

const typeFacts = (type: IntegrationType) => ({
  id: type.id,
  version: type.manifest.version,
  status: type.status,
  errors: type.errors,
  language: type.language,
  digest: type.digest,
  is_shipped: type.isShipped,
  is_removed: type.isRemoved,
  permissions: type.permissions,
  capabilities: type.manifest.capabilities.map(({ id, verbs }) => ({ id, verbs })),
  sandbox_level: type.sandboxLevel,
  last_validated_at: iso(type.lastValidatedAt),
});

const instanceFacts = (instance: Instance) => ({
  id: instance.id,
  name: instance.name,
  type_id: instance.typeId,
  state: instance.state,
  config: kindsOf(instance.config),
  config_revision: instance.configRevision,
  secrets_set: Object.keys(instance.secrets),
  flags: instance.flags,
  last_test: iso(instance.lastTest),
  latency_ms: instance.latencyMs,
  last_error: instance.lastError,
});

const jobFacts = (job: Job) => ({
  id: job.id,
  kind: job.kind,
  state: job.state,
  queue: job.queue,
  attempt: job.attempt,
  lost_workers: job.lostWorkers,
  type_id: job.subject.typeId ?? null,
  instance_id: job.subject.instanceId ?? null,
  created_at: iso(job.createdAt),
  started_at: iso(job.startedAt),
  finished_at: iso(job.finishedAt),
  worker_id: job.workerId,
  progress: job.progress,
  error: job.error,
});

const jobsIn = async (store: Store, states: readonly Job["state"][]): Promise<Job[]> => {
  const pages = await Promise.all(states.map((state) => store.read(() => listJobs({ state, limit: jobsMost }))));
  return pages
    .flatMap(({ items }) => items)
    .sort((one, other) => other.createdAt - one.createdAt)
    .slice(0, jobsMost);
};

const zipOf = (files: Readonly<Record<string, string>>, at: number): Promise<Buffer> => {
  const archive = new ZipFile();
  const mtime = new Date(at);
  for (const [name, text] of Object.entries(files))
    archive.addBuffer(Buffer.from(text), name, { mtime, mode: 0o100600 });
  archive.end();
  const chunks: Buffer[] = [];
  return new Promise((resolve, reject) => {
    archive.outputStream.on("data", (chunk: Buffer) => chunks.push(chunk));
    archive.outputStream.on("error", reject);
    archive.outputStream.on("end", () => resolve(Buffer.concat(chunks)));
  });
};

const without = (secrets: readonly string[], text: string): string =>
  secrets
    .filter((secret) => secret.length >= shortest)
    .reduce(
      (seen, secret) => seen.replaceAll(secret, "[secret]").replaceAll(encodeURIComponent(secret), "[secret]"),
      text,
    );

/** The bundle, and the names of what is in it. */
export const makeBundle = async (
  store: Store,
  { versions, settings, health, metrics, logLines, secrets }: BundleFacts,
  at: number,
): Promise<{ readonly bytes: Buffer; readonly files: readonly string[] }> => {
  const [types, instances, schedules] = await Promise.all([
    store.read(() => listTypes()),
    store.read(() => listInstances()),
    store.read(() => listSchedules()),
  ]);
  const failed = await jobsIn(store, ["failed", "timed_out", "unknown_outcome", "cancelled", "partial"]);
  const open = await jobsIn(store, ["running", "retrying", "queued"]);
  const documents = {
    versions,
    settings,
    health,
    types: types.map(typeFacts),
    instances: instances.map(instanceFacts),
    schedules,
    "failed-jobs": failed.map(jobFacts),
    "open-jobs": open.map(jobFacts),
  };
  const texts = {
    "README.txt": readme,
    ...Object.fromEntries(
      Object.entries(documents).map(([name, document]) => [`${name}.json`, `${JSON.stringify(document, null, 2)}\n`]),
    ),
    "metrics.prom": metrics,
    "log.jsonl": logLines.map((line) => `${line.trimEnd()}\n`).join(""),
  };
  const files = Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, without(secrets, text)]));
  return { bytes: await zipOf(files, at), files: Object.keys(files) };
};
