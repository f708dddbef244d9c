/** What a transport test needs around a door: a manifest, a bound instance, a grant with a journal in memory. */
import { silentLog } from "../../src/log.ts";
import { bind } from "../../src/model/binding.ts";
import type { Json, JsonObject } from "../../src/model/json.ts";
import type { Capability, Defaults, Manifest, TransportBlock } from "../../src/model/manifest.ts";
import type { JournalEntry, Step, StepAnswer } from "../../src/model/plan.ts";
import {
  type BoundInstance,
  createTransports,
  type Door,
  type DoorEvent,
  type Grant,
  type Session,
  type Transports,
  type TransportsDeps,
} from "../../src/transports/transports.ts";

export interface BenchFacts {
  readonly transports?: Readonly<Record<string, TransportBlock>>;
  readonly config: JsonObject;
  readonly secrets?: Readonly<Record<string, string>>;
  readonly capability?: Partial<Capability>;
  readonly defaults?: Defaults;
  readonly rawSecrets?: boolean;
  readonly key?: string;
  readonly test?: Manifest["test"];
}

export interface Journal {
  readonly entries: JournalEntry[];
  readonly events: DoorEvent[];
}

export const action = { verb: "stop", target: { type: "vm", id: "100" } } as const;

export const manifestOf = ({ transports, config, secrets = {}, capability, defaults, test }: BenchFacts): Manifest => ({
  id: "test.device",
  name: "Device",
  version: "1.0.0",
  min_core_version: "1.0.0",
  category: "compute",
  driver: { entrypoint: "driver:Device" },
  schema: {
    connection: {
      type: "object",
      properties: {
        ...Object.fromEntries(Object.keys(config).map((name) => [name, {}])),
        ...Object.fromEntries(Object.keys(secrets).map((name) => [name, { type: "string", secret: true }])),
      },
    },
  },
  capabilities: [{ id: "vm.lifecycle", verbs: ["stop", "start"], targets: ["vm"], ...capability }],
  ...(transports === undefined ? {} : { transports }),
  ...(defaults === undefined ? {} : { defaults }),
  ...(test === undefined ? {} : { test }),
});

export const instanceOf = (facts: BenchFacts): BoundInstance => {
  const secrets = Object.entries(facts.secrets ?? {}).map(([name, value]) => ({ name, value, version: 1 }));
  const secretNames = secrets.map(({ name }) => name);
  return {
    instanceId: "ins_1",
    key: facts.key ?? "1/1",
    binding: bind({ manifest: manifestOf(facts), config: facts.config, secretNames }),
    secrets,
    defaults: facts.defaults ?? { http: { retries: 0, timeout_s: 5 } },
    rawSecrets: facts.rawSecrets ?? false,
  };
};

export const openTransports = (deps: Partial<TransportsDeps> = {}): Transports =>
  createTransports({ now: () => performance.now(), log: silentLog, ownListeners: () => [], ...deps });

export interface Bench extends AsyncDisposable {
  readonly transports: Transports;
  readonly session: Session;
  readonly journal: Journal;
  readonly capability: Capability;
  door(grant?: Partial<Grant>): Door;
  /** A door in `apply` mode for these proposed steps. */
  applying(steps: readonly JsonObject[], grant?: Partial<Grant>): Door;
  normalise(steps: readonly JsonObject[]): readonly Step[];
}

/** A journal in memory that keeps what the store would. */
const memoryJournal = (journal: Journal): Grant["journal"] => ({
  earlier: [...journal.entries],
  sent: async ({ index, transport, request, idempotent }) => {
    const facts = { jobId: "job_1", attempt: 1, sentAt: 0, answeredAt: null, answer: null };
    journal.entries[index] = { index, transport, request, idempotent, ...facts };
  },
  answered: async (index, answer: StepAnswer) => {
    const entry = journal.entries[index];
    if (entry !== undefined) journal.entries[index] = { ...entry, answer, answeredAt: 0 };
  },
});

/** `journal` of an earlier bench makes this one a re-run of the same job. */
export const openBench = (
  facts: BenchFacts,
  { journal = { entries: [], events: [] }, deps }: { journal?: Journal; deps?: Partial<TransportsDeps> } = {},
): Bench => {
  const transports = openTransports(deps);
  const session = transports.open(instanceOf(facts));
  const capability = manifestOf(facts).capabilities[0] as Capability;
  const normalise = (steps: readonly JsonObject[]): readonly Step[] =>
    session.normaliseSteps(steps as unknown as Json, { capability, ...action });
  const door = (grant: Partial<Grant> = {}): Door =>
    session.door({
      mode: "read",
      capability,
      ...action,
      steps: [],
      journal: memoryJournal(journal),
      fence: () => undefined,
      record: (event) => journal.events.push(event),
      signal: new AbortController().signal,
      graceMs: 200,
      debug: false,
      ...grant,
    });
  return {
    transports,
    session,
    journal,
    capability,
    door,
    normalise,
    applying: (steps, grant = {}) => door({ mode: "apply", steps: normalise(steps), ...grant }),
    [Symbol.asyncDispose]: () => transports.close(),
  };
};

/** What a call that only reads needs of a job. */
export const grantFor = (mode: "read"): Grant => ({
  mode,
  steps: [],
  journal: memoryJournal({ entries: [], events: [] }),
  fence: () => undefined,
  record: () => undefined,
  signal: new AbortController().signal,
  graceMs: 200,
  debug: false,
});

/** The code with which a call is refused or fails; `undefined` when it passes. */
export const codeOf = async (call: Promise<unknown>): Promise<string | undefined> => {
  try {
    await call;
    return undefined;
  } catch (thrown) {
    return (thrown as { code?: string }).code ?? String(thrown);
  }
};
