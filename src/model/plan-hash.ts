/** The hash that ties an apply to the plan a person saw. */
import { canonicalJson, sha256Hex } from "./canonical.ts";
import type { JsonObject } from "./json.ts";
import type { Effects, Step } from "./plan.ts";
import type { TargetRef } from "./target.ts";

/** Everything two plans must share to be the same plan. */
export interface PlanFacts {
  readonly instance: string;
  readonly config_revision: number;
  /** Digest of the release that made the plan. */
  readonly digest: string;
  readonly capability: string;
  readonly verb: string;
  readonly target: TargetRef;
  readonly params: JsonObject;
  readonly effects: Effects;
  readonly steps: readonly Step[];
  /** Of a plan that is not pinned: the driver's own words on what it will do. */
  readonly preview?: readonly string[];
}

/** SHA-256 over the canonical JSON of the facts, 64 hexadecimal digits; other members of `facts` do not count. */
export const planHash = (facts: PlanFacts): string => {
  const { instance, config_revision, digest, capability, verb, target, params, effects, steps, preview } = facts;
  const told = preview === undefined ? {} : { preview };
  return sha256Hex(
    canonicalJson({ instance, config_revision, digest, capability, verb, target, params, effects, steps, ...told }),
  );
};
