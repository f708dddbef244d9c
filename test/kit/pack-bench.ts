/** Jobs about packs on a real store, a real shelf and real sandboxes; only the queue is left out. */

import { createHash } from "node:crypto";
import { chmod, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach } from "vitest";
import { stringify } from "yaml";
import { asSwitchyardError, type SwitchyardError } from "../../src/errors.ts";
import { catalog, type JobKind } from "../../src/jobs/catalog.ts";
import type { Ending, Handler, JobContext } from "../../src/jobs/context.ts";
import { installPack } from "../../src/jobs/pack-install.ts";
import { removePack } from "../../src/jobs/pack-remove.ts";
import { rescanPacks } from "../../src/jobs/pack-rescan.ts";
import { rollbackPack } from "../../src/jobs/pack-rollback.ts";
import { validatePack } from "../../src/jobs/pack-validate.ts";
import { silentLog } from "../../src/log.ts";
import type { SystemEvent } from "../../src/model/event.ts";
import { newId } from "../../src/model/ids.ts";
import type { SandboxLevel } from "../../src/model/integration-type.ts";
import type { Job, JobError } from "../../src/model/job.ts";
import type { Json, JsonObject } from "../../src/model/json.ts";
import type { SignaturePolicy } from "../../src/packs/signature.ts";
import { findInstance, insertInstance } from "../../src/store/instances.ts";
import { claimJob, findJob, insertJob, settleJob } from "../../src/store/jobs.ts";
import { listReleases } from "../../src/store/releases.ts";
import type { Store } from "../../src/store/store.ts";
import { findType } from "../../src/store/types.ts";
import type { Unit } from "../../src/store/unit.ts";
import { insertUpload } from "../../src/store/uploads.ts";
import { createShelf } from "../../src/workers/shelf.ts";
import { lampInstance } from "./fixtures.ts";
import { smallManifest } from "./manifests.ts";
import { openBench } from "./sandbox.ts";
import { openTestStore } from "./store.ts";
import { makeZip } from "./zip.ts";

const lampDriver = `
import { Driver } from "switchyard/sdk";
import { greeting } from "./lib/words.ts";
export class LampDriver extends Driver<{ host: string }> {
  async test_connection(): Promise<object> { return { status: "connected", message: greeting }; }
  async light_power(call: unknown): Promise<object> { return { call }; }
}
`;
/** Writes that are declared ask for no consent. */
const safe = {
  transports: { http: { url: "https://{host}" } },
  capabilities: [{ id: "light.power", verbs: ["on", "off"], targets: ["lamp"], writes: ["POST /power/{verb}"] }],
};

/** The files of a pack that is valid as it is; the first argument changes its manifest, the second its files. */
export const lampPack = (changes: object = {}, files: Record<string, string> = {}) => ({
  "plugin.yaml": stringify({ ...smallManifest(), ...safe, ...changes }),
  "driver.ts": lampDriver,
  "lib/words.ts": 'export const greeting: string = "hello";\n',
  ...files,
});

const handlers = {
  "pack.install": installPack,
  "pack.validate": validatePack,
  "pack.remove": removePack,
  "pack.rescan": rescanPacks,
  "pack.rollback": rollbackPack,
} satisfies Partial<Record<JobKind, Handler>>;
type PackKind = keyof typeof handlers;

export interface Ran {
  readonly job: Job;
  readonly result: JsonObject | null;
  readonly error: SwitchyardError | null;
  readonly events: readonly { phase: string; level: string; message: string }[];
  readonly announced: readonly SystemEvent[];
}

export interface RunOptions {
  /** What the handler's store does to its writes: a test lets it die at one of them. */
  readonly store?: Store;
  /** The attempt of an earlier run that was killed goes on. */
  readonly jobId?: string;
  readonly sandboxLevel?: SandboxLevel;
  readonly minSandbox?: SandboxLevel;
  readonly signatures?: SignaturePolicy;
  /** Called when the driver is about to be loaded; what it throws ends the job. */
  readonly onInspect?: () => Promise<void>;
  /** What ends the tests of instances that the job asks for. */
  readonly testError?: JobError;
}

const demandsOf = ({ minSandbox, sandboxLevel, signatures }: RunOptions) => ({
  minSandbox: minSandbox ?? "degraded",
  sandboxLevel: sandboxLevel ?? "degraded",
  signatures: signatures ?? { isRequired: false, trusted: [] },
});

const systemJob = (kind: JobKind, input: JsonObject) => ({
  id: newId("job", Date.now()),
  kind,
  maxAttempts: catalog[kind].attempts,
  createdAt: Date.now(),
  requestedBy: { name: "test" },
  subject: typeof input["instance_id"] === "string" ? { instanceId: input["instance_id"] } : {},
  input,
  sealedInput: null,
  queue: catalog[kind].queue,
  locks: [],
  timeoutMs: catalog[kind].timeoutMs,
  debug: false,
  principalId: "system",
  idempotencyKey: null,
  dedupeKey: null,
  planId: null,
  retryOf: null,
  undoOf: null,
  requestHash: null,
  dedupeHash: null,
  joinKeys: [],
});

const makeWritable = async (folder: string): Promise<void> => {
  await chmod(folder, 0o755);
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    if (entry.isDirectory()) await makeWritable(join(folder, entry.name));
  }
};

export const openPackBench = async () => {
  const { store, end } = await openTestStore();
  const folder = await mkdtemp(join(tmpdir(), "pack-bench-"));
  await chmod(folder, 0o755);
  const bench = await openBench("degraded", {});
  const packsDir = join(folder, "integrations");
  const shelf = createShelf({ store, pool: bench.pool, root: join(folder, "releases") });

  const settleAtOnce = async (kind: JobKind, input: JsonObject, error: JobError | null): Promise<Job> => {
    const { job } = await store.write(() => insertJob(systemJob(kind, input)));
    await store.write(() => claimJob({ id: job.id, workerId: "wrk_2", now: Date.now() }));
    const state = error === null ? ("succeeded" as const) : ("failed" as const);
    const end = { state, result: error === null ? {} : null, error, events: [], now: Date.now() };
    await store.write(() => settleJob({ id: job.id, attempt: 1, ...end }));
    return job;
  };

  const claim = async (kind: PackKind, input: JsonObject, jobId?: string): Promise<Job> => {
    const id = jobId ?? (await store.write(() => insertJob(systemJob(kind, input)))).job.id;
    const claimed = await store.write(() => claimJob({ id, workerId: "wrk_1", now: Date.now() }));
    if (claimed.outcome !== "claimed") throw new Error(`the job was ${claimed.outcome}`);
    return claimed.job;
  };

  const run = async (kind: PackKind, input: JsonObject, options: RunOptions = {}): Promise<Ran> => {
    const job = await claim(kind, input, options.jobId);
    const events: { phase: string; level: string; message: string }[] = [];
    const announced: SystemEvent[] = [];
    const after: ((ending: Ending) => Promise<void>)[] = [];
    const units: ((ending: Ending) => Unit<void>)[] = [];
    const context: JobContext = {
      job,
      claimed: undefined,
      store: options.store ?? store,
      log: silentLog,
      signal: new AbortController().signal,
      now: Date.now,
      coreVersion: "1.0.0",
      packsDir,
      ...demandsOf(options),
      shelf: {
        ...shelf,
        inspect: async (digest, entrypoint, language) => {
          await options.onInspect?.();
          return shelf.inspect(digest, entrypoint, language);
        },
      },
      upkeep: {
        rotateKey: () => Promise.reject(new Error("no job about packs exchanges keys")),
        backUp: () => Promise.reject(new Error("no job about packs takes backups")),
        bundle: () => Promise.reject(new Error("no job about packs makes support bundles")),
      },
      emit: (phase, level, message) => void events.push({ phase, level, message }),
      progress: (phase, message) => void events.push({ phase, level: "info", message }),
      driver: () => Promise.reject(new Error("no job about packs calls a driver")),
      hasSecretParamsOf: () => true,
      enqueue: (kind, input) => settleAtOnce(kind, input, options.testError ?? null),
      onSettle: (unit) => void units.push(unit),
      afterSettle: (action) => void after.push(action),
      announce: async (event) => void announced.push(event),
      beforeDone: (action) => void after.push(action),
      inventoryEra: async () => "0",
      cacheInventory: async () => undefined,
      outdateInventory: async () => undefined,
      reschedule: async () => undefined,
      pass: () => undefined,
      markRoutine: () => undefined,
    };
    let result: Json = null;
    let error: SwitchyardError | null = null;
    try {
      result = await handlers[kind](context);
    } catch (thrown) {
      error = asSwitchyardError(thrown);
      if (error.code === "internal") throw thrown;
    }
    const state = error === null ? ("succeeded" as const) : ("failed" as const);
    const now = Date.now();
    await store.write(function* () {
      yield* settleJob({ id: job.id, attempt: job.attempt, state, result, error: null, events: [], now });
      for (const unit of units) yield* unit({ state, error: null, at: now });
    });
    for (const action of after) await action({ state, error: null, at: now });
    return { job, result: result as JsonObject | null, error, events, announced };
  };

  const upload = async (bytes: Buffer): Promise<string> => {
    const digest = createHash("sha256").update(bytes).digest("hex");
    await store.write(() => insertUpload({ digest, fileName: "pack.int", bytes, now: Date.now() }));
    return digest;
  };

  const install = async (files: Readonly<Record<string, string>>, more: JsonObject = {}, options: RunOptions = {}) => {
    const zip = makeZip(Object.entries(files).map(([name, bytes]) => ({ name, bytes })));
    return run("pack.install", { upload: await upload(zip), replace: false, ...more }, options);
  };

  return {
    store,
    packsDir,
    releasesDir: join(folder, "releases"),
    run,
    upload,
    install,
    jobOf: (id: string) => store.read(() => findJob(id)),
    typeOf: (id = "acme.lamp") => store.read(() => findType(id)),
    releases: async () =>
      (await store.read(() => listReleases("acme.lamp"))).map(({ version, status }) => `${version} ${status}`),
    addInstance: async (state: "connected" | "type_unavailable" = "connected") => {
      const instance = lampInstance({ state });
      await store.write(() => insertInstance(instance, []));
      return { ...instance, now: () => store.read(() => findInstance(instance.id)) };
    },
    async close() {
      await bench.close();
      await end();
      await makeWritable(folder);
      await rm(folder, { recursive: true, force: true });
    },
  };
};
export type PackBench = Awaited<ReturnType<typeof openPackBench>>;

/** A bench of its own for each test of a suite. */
export const usePackBench = () => {
  let opened: PackBench;
  beforeEach(async () => {
    opened = await openPackBench();
  });
  afterEach(() => opened.close());
  const typeOf: PackBench["typeOf"] = (id) => opened.typeOf(id);
  const addInstance: PackBench["addInstance"] = (state) => opened.addInstance(state);
  return { bench: (): PackBench => opened, releases: () => opened.releases(), typeOf, addInstance };
};
