/** One instance as a job sees it: its handles, its doors, and its steps in stored form. */
import { SwitchyardError } from "../errors.ts";
import { canonicalJson } from "../model/canonical.ts";
import type { Endpoint } from "../model/endpoint.ts";
import { holdsHandle } from "../model/handle.ts";
import type { Json, JsonObject } from "../model/json.ts";
import type { Defaults } from "../model/manifest.ts";
import type { Step } from "../model/plan.ts";
import { misshapen, objectOf, refsOf, refuseUnknown } from "../model/step.ts";
import type { BoundInstance, Session } from "./contract.ts";
import { createDoor } from "./door.ts";
import type { WriteRights } from "./kind.ts";
import { kindFor, previewAt } from "./kinds.ts";
import { checkWrite } from "./rights.ts";
import type { Warm } from "./warm.ts";
import type { Limits, Surroundings } from "./wire.ts";

const maxSteps = 1_000;

const limitsOf = ({ http }: Defaults): Limits => ({
  timeoutMs: (http?.timeout_s ?? 30) * 1_000,
  retries: http?.retries ?? 1,
  backoffMs: http?.backoff_ms_start ?? 250,
});

/** A stored step holds references to secrets and never a secret, whatever the driver was given. */
const refuseSecrets = (step: Step, redact: (text: string) => string): void => {
  const text = canonicalJson(step);
  if (!holdsHandle(step) && redact(text) === text) return;
  throw new SwitchyardError("handle_misplaced", {
    detail:
      "A step holds a secret or a cookie where it cannot be kept: a secret may stand in a header, or in a body field that places[] names.",
  });
};

const isPathReference = /^\/path\/(\d+)$/;
const refuseLooseReferences = (step: Step): void => {
  for (const place of Object.keys(step.refs ?? {})) {
    if (!("method" in step)) throw misshapen("References can stand in http steps only.");
    const index = isPathReference.exec(place)?.[1];
    const count = step.path.split("/").length - 1;
    if (index !== undefined && Number(index) >= count)
      throw misshapen(`There is no segment ${index} in the path ${step.path}.`);
  }
};

interface SessionFacts {
  readonly instance: BoundInstance;
  readonly warm: Warm;
  readonly around: Surroundings;
  /** Aborts when the worker's lease is lost; a new one stands for each lease. */
  life(): AbortSignal;
}

export const createSession = ({ instance, warm, around, life }: SessionFacts): Session => {
  const { binding } = instance;
  const { secrets } = warm;
  const names = Object.keys(binding.endpoints);

  // Without a block the manifest names no transport: what its steps leave out is http, as it always was.
  const unnamed = binding.isDeclared ? undefined : "http";
  const usual = names.length === 1 ? names[0] : unnamed;

  const endpointOf = (raw: Json | undefined): Endpoint => {
    const name = raw === undefined ? usual : raw;
    const endpoint =
      typeof name === "string" && Object.hasOwn(binding.endpoints, name) ? binding.endpoints[name] : undefined;
    if (endpoint !== undefined) return endpoint;
    throw new SwitchyardError("endpoint_not_allowed", {
      detail: `Expected a step's transport as one of ${names.join(", ") || "none"}, got ${JSON.stringify(raw ?? null)}.`,
    });
  };

  const normalise = (raw: JsonObject, index: number, rights: WriteRights): Step => {
    const endpoint = endpointOf(raw["transport"]);
    const kind = kindFor(endpoint);
    refuseUnknown(raw, ["transport", "idempotent", "refs", ...kind.stepKeys], "a step");
    const { idempotent } = raw;
    if (idempotent !== undefined && typeof idempotent !== "boolean")
      throw misshapen("Expected `idempotent` as a boolean.");
    const refs = refsOf(raw["refs"], index);
    const step: Step = {
      ...kind.normalise(raw, endpoint, secrets),
      ...(idempotent === undefined ? {} : { idempotent }),
      ...(refs === undefined ? {} : { refs }),
    };
    refuseSecrets(step, secrets.redact);
    refuseLooseReferences(step);
    checkWrite(step, endpoint, binding, rights);
    return step;
  };

  return {
    handles: secrets.handles,
    redact: (text) => secrets.redact(text),
    door: (grant) =>
      createDoor({
        grant,
        binding,
        wire: { around, warm, secrets, mode: grant.mode, limits: limitsOf(instance.defaults) },
        life: life(),
      }),
    normaliseSteps: (raw, rights) => {
      if (raw === undefined) return [];
      if (!Array.isArray(raw) || raw.length > maxSteps)
        throw misshapen(`Expected a plan's steps as a list of at most ${maxSteps}.`);
      return raw.map((step, index) => normalise(objectOf(step, `step ${index}`), index, rights));
    },
    preview: (steps) => steps.map((step) => secrets.redact(previewAt(step, endpointOf(step.transport), binding))),
  };
};
