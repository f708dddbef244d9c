/** A driver object in this process, with the runner's real transports: for tests of what a driver makes of a device. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type ActionCall, DriverError, type DryRunResult } from "switchyard/sdk";
import { parse } from "yaml";
import { SwitchyardError } from "../../src/errors.ts";
import { silentLog } from "../../src/log.ts";
import { bind } from "../../src/model/binding.ts";
import type { JsonObject } from "../../src/model/json.ts";
import { type Capability, findCapability, type Manifest } from "../../src/model/manifest.ts";
import type { JournalEntry, StepAnswer } from "../../src/model/plan.ts";
import { attachDriver, type DriverEvent } from "../../src/sdk/driver.ts";
import { createTransports, type Door, type DoorEvent, type Grant } from "../../src/transports/transports.ts";

export interface DirectOptions {
  /** Folder below `integrations/`. */
  readonly pack: string;
  readonly config: JsonObject;
  readonly secrets?: Readonly<Record<string, string>>;
  /** Default: the manifest's. */
  readonly http?: { readonly timeout_s: number; readonly retries: number };
}

interface CallFacts {
  readonly capability: string;
  readonly verb: string;
  readonly target: { readonly type: string; readonly id: string };
  readonly params?: JsonObject;
}

export interface DirectDriver<D> {
  readonly driver: D;
  readonly events: DriverEvent[];
  /** Writes as they were put on the record. */
  readonly record: DoorEvent[];
  /** What an action's method is given for a dry run; from here on the driver may only read. */
  planning(facts: CallFacts): ActionCall;
  /** The same for applying a plan; `answers` are those that an earlier attempt got. */
  applying(facts: CallFacts, plan: DryRunResult, answers?: readonly StepAnswer[]): ActionCall;
  /** The way of the last call. */
  door(): Door;
  close(): Promise<void>;
}

const folder = fileURLToPath(new URL("../../integrations/", import.meta.url));

const entryOf = (answer: StepAnswer, index: number): JournalEntry => ({
  ...{ jobId: "job_test", index, attempt: 1, transport: "http", request: {}, idempotent: false },
  ...{ sentAt: 0, answeredAt: 1, answer },
});

const asDriverError = (thrown: unknown): unknown =>
  thrown instanceof SwitchyardError ? new DriverError(thrown.code, thrown.message, thrown.details) : thrown;

const required = (manifest: Manifest, id: string): Capability => {
  const capability = findCapability(manifest, id);
  if (capability === undefined) throw new Error(`Expected a capability ${id} in ${manifest.id}.`);
  return capability;
};

const rightsOf = (manifest: Manifest, { capability, verb, target }: CallFacts) => ({
  capability: required(manifest, capability),
  verb,
  target,
});

/** Makes a driver of a shipped pack. Until an action is planned or applied, it may read. */
export const createDirectDriver = <D extends object>(Type: new () => D, options: DirectOptions): DirectDriver<D> => {
  const manifest = parse(readFileSync(`${folder}${options.pack}/plugin.yaml`, "utf8")) as Manifest;
  const secrets = Object.entries(options.secrets ?? {}).map(([name, value]) => ({ name, value, version: 1 }));
  const binding = bind({ manifest, config: options.config, secretNames: secrets.map(({ name }) => name) });
  const transports = createTransports({ now: Date.now, log: silentLog, ownListeners: () => [] });
  const defaults = { ...manifest.defaults, ...(options.http === undefined ? {} : { http: options.http }) };
  const instance = { instanceId: "ins_test", key: "ins_test 1", binding, secrets, defaults, rawSecrets: false };
  const session = transports.open(instance);
  const record: DoorEvent[] = [];
  const events: DriverEvent[] = [];

  const open = (grant: Pick<Grant, "mode"> & Partial<Grant>, earlier: readonly JournalEntry[] = []): Door =>
    session.door({
      steps: [],
      journal: { earlier, sent: async () => {}, answered: async () => {} },
      fence: () => {},
      record: (event) => record.push(event),
      signal: new AbortController().signal,
      graceMs: 100,
      debug: false,
      ...grant,
    });
  let door = open({ mode: "read" });
  /** What this driver kept before, as if each of its calls were a job that succeeded. */
  const lastKept = ({ name }: { name?: string }): { base64: string } | null => {
    const kept = events.findLast((event) => event.kind === "artifact" && event.name === name);
    return kept?.kind === "artifact" ? { base64: kept.base64 } : null;
  };
  const ask = async (op: string, args: unknown): Promise<unknown> =>
    op === "artifact.last"
      ? lastKept(args as { name?: string })
      : door.ask(op, args).catch((thrown) => Promise.reject(asDriverError(thrown)));

  const driver = new Type();
  const emit = (event: DriverEvent): void => void events.push(event);
  attachDriver(driver, { config: options.config, secrets: session.handles, ask, emit });
  const call = ({ verb, target, params = {} }: CallFacts) => ({
    ...{ verb, params, target: { ...target, external_id: target.id } },
    signal: new AbortController().signal,
  });
  return {
    driver,
    events,
    record,
    door: () => door,
    planning: (facts) => {
      door = open({ mode: "read", ...rightsOf(manifest, facts) });
      return { ...call(facts), dryRun: true, plan: null };
    },
    applying: (facts, plan, answers = []) => {
      const rights = rightsOf(manifest, facts);
      const steps = session.normaliseSteps(plan.plan.steps, rights);
      door = open({ mode: "apply", steps, ...rights }, answers.map(entryOf));
      return { ...call(facts), dryRun: false, plan: { ...plan, steps } };
    },
    close: () => transports.close(),
  };
};
