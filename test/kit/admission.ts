/** Admission on a real store and an inline queue, for one test. */
import { afterEach, beforeEach } from "vitest";
import { silentLog } from "../../src/log.ts";
import type { JsonObject } from "../../src/model/json.ts";
import { type Admission, createAdmission } from "../../src/queue/admit.ts";
import { inlineQueue } from "../../src/queue/inline.ts";
import type { JobQueue } from "../../src/queue/queue.ts";
import type { AdmissionRequest } from "../../src/queue/request.ts";
import type { Store } from "../../src/store/store.ts";
import { somebody } from "./fixtures.ts";
import { openTestStore } from "./store.ts";

/** Says what it was given, so that a test sees what was sealed for whom; the value itself does not appear. */
export const paperVault = {
  seal: ({ scope, field, value }: { scope: string; field: string; value: string }) =>
    `sealed(${scope}/${field}/${value.length})`,
};

export interface AdmissionBench {
  readonly store: Store;
  readonly queue: JobQueue;
  readonly admission: Admission;
  /** Whether Redis seems to be there. */
  setUp(isUp: boolean): void;
  ask(
    kind: AdmissionRequest["kind"],
    input: JsonObject,
    change?: Partial<AdmissionRequest>,
  ): ReturnType<Admission["admit"]>;
  end(): Promise<void>;
}

export const openAdmission = async (): Promise<AdmissionBench> => {
  const { store, end } = await openTestStore();
  const queue = inlineQueue();
  let isUp = true;
  const admission = createAdmission({
    store,
    queue,
    vault: paperVault,
    now: Date.now,
    isRedisUp: () => isUp,
    log: silentLog,
  });
  return {
    store,
    queue,
    admission,
    setUp: (value) => {
      isUp = value;
    },
    ask: (kind, input, change = {}) =>
      admission.admit({ kind, input, principal: somebody(), action: "job.create", ...change }),
    end: async () => {
      await admission.close();
      await queue.close();
      await end();
    },
  };
};

/** An admission of its own for each test of a suite. */
export const useAdmission = () => {
  let opened: AdmissionBench;
  beforeEach(async () => {
    opened = await openAdmission();
  });
  afterEach(() => opened.end());
  const ask: AdmissionBench["ask"] = (...asked) => opened.ask(...asked);
  return { bench: (): AdmissionBench => opened, ask };
};

/** The input of an action that switches lamp 1 on. */
export const power = (instanceId: string, change: JsonObject = {}): JsonObject => ({
  instance_id: instanceId,
  capability: "light.power",
  verb: "on",
  target: { type: "lamp", id: "1" },
  params: {},
  ...change,
});
/** The input of an action that dims lamp 1. */
export const dim = (instanceId: string, params: JsonObject): JsonObject =>
  power(instanceId, { capability: "light.dim", verb: "set", params });
