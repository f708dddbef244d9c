/** A type and an instance of it, as the store has them after an install: what most tests of jobs begin with. */
import { createHash } from "node:crypto";
import { newId } from "../../src/model/ids.ts";
import type { Instance } from "../../src/model/instance.ts";
import type { RecordedType } from "../../src/model/integration-type.ts";
import type { Manifest } from "../../src/model/manifest.ts";
import type { Plan } from "../../src/model/plan.ts";
import type { Principal } from "../../src/model/principal.ts";
import { insertInstance } from "../../src/store/instances.ts";
import type { Store } from "../../src/store/store.ts";
import { upsertType } from "../../src/store/types.ts";

/** A lamp that can be listed, switched and dimmed, with one capability of every sort. */
export const lampManifest: Manifest = {
  id: "acme.lamp",
  name: "Acme lamp",
  version: "1.0.0",
  min_core_version: "0.10.0",
  category: "smart-home",
  driver: { entrypoint: "driver:LampDriver", language: "node" },
  schema: { connection: { type: "object", properties: { host: { type: "string" } } } },
  capabilities: [
    { id: "inventory.list", verbs: ["list"], targets: ["lamp", "stack_member"] },
    {
      id: "light.power",
      verbs: ["on", "off", "read"],
      targets: ["lamp", "stack_member"],
      dry_run: "required",
      idempotency: { key_fields: ["verb", "target_id"] },
      destructive: ["off"],
    },
    {
      id: "light.dim",
      verbs: ["set"],
      targets: ["lamp"],
      dry_run: "not_supported",
      lock: "instance",
      params: {
        type: "object",
        required: ["level"],
        additionalProperties: false,
        properties: {
          level: { type: "integer", minimum: 0, maximum: 100 },
          pin: { type: "string", minLength: 4, secret: true },
        },
      },
    },
  ],
};

/** Another manifest is another content. */
const digestOf = (manifest: RecordedType["manifest"]): string =>
  manifest === lampManifest ? "0".repeat(64) : createHash("sha256").update(JSON.stringify(manifest)).digest("hex");

export const lampType = (change: Partial<RecordedType> = {}): RecordedType => ({
  id: "acme.lamp",
  status: "valid",
  errors: {},
  manifest: lampManifest,
  manifestYaml: "id: acme.lamp\n",
  language: "node",
  digest: digestOf(change.manifest ?? lampManifest),
  installedAt: 1,
  isShipped: false,
  isRemoved: false,
  permissions: [],
  signedBy: null,
  quality: null,
  sandboxLevel: "full",
  lastValidatedAt: 1,
  createdAt: 1,
  updatedAt: 1,
  ...change,
});

export const lampInstance = (change: Partial<Instance> = {}): Instance => ({
  id: newId("ins", Date.now()),
  typeId: "acme.lamp",
  name: `lamp ${Math.random()}`,
  config: { host: "lamp.example" },
  configRevision: 1,
  secrets: {},
  state: "connected",
  lastTest: 1,
  latencyMs: 1,
  lastError: null,
  flags: [],
  createdAt: 1,
  updatedAt: 1,
  ...change,
});

/** Puts an instance, and its type as it is given, into the store. */
export const seedLamp = async (
  store: Store,
  { instance = {}, type = {} }: { instance?: Partial<Instance>; type?: Partial<RecordedType> } = {},
): Promise<Instance> => {
  const made = lampInstance(instance);
  await store.write(function* () {
    yield* upsertType(lampType(type));
    yield* insertInstance(made, []);
  });
  return made;
};

/** A plan that switches lamp 1 on. */
export const lampPlan = (instanceId: string, change: Partial<Plan> = {}): Plan => ({
  ...{ id: newId("pln", Date.now()), hash: "h", instanceId, configRevision: 1, digest: "d", pinned: true },
  ...{ capability: "light.power", verb: "on", target: { type: "lamp", id: "1" }, params: {}, steps: [] },
  ...{ createdAt: 1, expiresAt: 2, madeBy: "job_other", usedBy: null },
  result: {
    ...{ ok: true, severity: "info", preconditions: [], plan: { kind: "api", steps: [] } },
    effects: { summary: "", per_target: [] },
  },
  ...change,
});

export const somebody = (change: Partial<Principal> = {}): Principal => ({
  kind: "token",
  id: "tok_1",
  name: "somebody",
  role: "operator",
  instances: null,
  ...change,
});
