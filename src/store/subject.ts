/** What a job is about, read in one go. */
import type { Instance } from "../model/instance.ts";
import type { IntegrationType } from "../model/integration-type.ts";
import { findInstance } from "./instances.ts";
import { type Claim, type ClaimRequest, claimJob } from "./jobs.ts";
import { findType } from "./types.ts";
import type { Unit } from "./unit.ts";

export interface SubjectRows {
  readonly instance: Instance | undefined;
  readonly type: IntegrationType | undefined;
}

/** An instance and its type as they are now. */
export function* findSubject(instanceId: string): Unit<SubjectRows> {
  const instance = yield* findInstance(instanceId);
  return { instance, type: instance === undefined ? undefined : yield* findType(instance.typeId) };
}

type Claimed = Extract<Claim, { outcome: "claimed" }>;

export type SubjectClaim =
  | Exclude<Claim, Claimed>
  /** `subject`: absent for a job without an instance. */
  | (Claimed & { readonly subject: SubjectRows | undefined });

/** Claims a job and reads in the same transaction what it is about: nearly every job asks for it next. */
export function* claimSubject(asked: ClaimRequest): Unit<SubjectClaim> {
  const claim = yield* claimJob(asked);
  if (claim.outcome !== "claimed") return claim;
  const { instanceId } = claim.job.subject;
  return { ...claim, subject: instanceId === undefined ? undefined : yield* findSubject(instanceId) };
}
