/** What one asks admission for, who may ask it, and what the store knows about it. */
import { SwitchyardError } from "../errors.ts";
import { catalog, type JobKind } from "../jobs/catalog.ts";
import type { Instance } from "../model/instance.ts";
import type { IntegrationType } from "../model/integration-type.ts";
import type { Job, QueueName } from "../model/job.ts";
import type { JsonObject } from "../model/json.ts";
import { hasRole, type Principal, seesInstance } from "../model/principal.ts";
import { compileSchema } from "../model/schema.ts";
import { findInstance } from "../store/instances.ts";
import { findJob } from "../store/jobs.ts";
import { findPlan } from "../store/plans.ts";
import { findType } from "../store/types.ts";
import type { Unit } from "../store/unit.ts";

export interface AdmissionRequest {
  readonly kind: JobKind;
  readonly input: JsonObject;
  readonly principal: Principal;
  /** Same key and hash within 24 h: the same job. */
  readonly idempotencyKey?: string;
  /** Of method, path and body. */
  readonly requestHash?: string;
  readonly debug?: boolean;
  /** Where it came from, for the audit log. */
  readonly address?: string;
  /** What the audit log calls it: `job.create`, `job.retry` ... */
  readonly action: string;
  readonly retryOf?: string;
  readonly undoOf?: string;
  /** `traceparent` of what asks; absent when nothing is traced. */
  readonly trace?: string | undefined;
  /** Schedules ask for `background`; else the catalog decides. */
  readonly queue?: QueueName;
}

/** What the request is about, as the store has it. */
export interface Known {
  readonly instance: Instance | undefined;
  readonly type: IntegrationType | undefined;
  /** Whether the plan that is to be applied was ever made, for an instance that the caller may know of; whether it may serve is seen when its job runs. */
  readonly isPlanKnown: boolean;
  /** The job that is repeated. */
  readonly earlier: Job | undefined;
}

export const textField = (input: JsonObject, name: string): string | undefined => {
  const value = input[name];
  return typeof value === "string" ? value : undefined;
};

/** @throws SwitchyardError `forbidden` */
export const requireRole = ({ kind, principal }: AdmissionRequest): void => {
  const { role } = catalog[kind];
  if (hasRole(principal, role)) return;
  throw new SwitchyardError("forbidden", {
    detail: `Asking for ${kind} needs the role ${role}; ${principal.name} has the role ${principal.role}.`,
  });
};

const noSuch = (name: string, id: string): SwitchyardError =>
  new SwitchyardError("not_found", { detail: `There is no ${name} ${id}.` });

/** What a job can be about, by the field that names it. */
const subjects = { instance_id: "instance", type_id: "integration type" } as const;

/**
 * @throws SwitchyardError `validation_failed` with every problem; `not_found` where the id of what the job is about is
 * none that could exist
 */
export const requireValid = ({ kind, input }: AdmissionRequest): void => {
  const errors = compileSchema(catalog[kind].input)(input);
  if (errors.length === 0) return;
  for (const [field, name] of Object.entries(subjects)) {
    const id = textField(input, field);
    if (id !== undefined && errors.some(({ pointer }) => pointer === `/${field}`)) throw noSuch(name, id);
  }
  throw new SwitchyardError("validation_failed", {
    detail: `The input does not fit ${kind}: ${errors.map(({ pointer, message }) => `${pointer} ${message}`).join("; ")}.`,
    errors,
  });
};

/** Reads everything the checks need in one unit. */
export function* readKnown({ input, principal, retryOf }: AdmissionRequest): Unit<Known> {
  const instanceId = textField(input, "instance_id");
  const instance = instanceId === undefined ? undefined : yield* findInstance(instanceId);
  const typeId = instance?.typeId ?? textField(input, "type_id");
  const type = typeId === undefined ? undefined : yield* findType(typeId);
  const planId = textField(input, "plan_id");
  const plan = planId === undefined ? undefined : yield* findPlan(planId);
  const isPlanKnown = plan !== undefined && seesInstance(principal, plan.instanceId);
  const earlier = retryOf === undefined ? undefined : yield* findJob(retryOf);
  return { instance, type, isPlanKnown, earlier };
}

/** @throws SwitchyardError `not_found`, also for an instance that the caller may not know of */
export const requireKnown = (request: AdmissionRequest, known: Known): void => {
  const { input, principal } = request;
  const { instance, type } = known;
  const instanceId = textField(input, "instance_id");
  if (instanceId !== undefined && (instance === undefined || !seesInstance(principal, instanceId))) {
    throw noSuch(subjects.instance_id, instanceId);
  }
  const typeId = textField(input, "type_id");
  if (typeId !== undefined && type === undefined) throw noSuch(subjects.type_id, typeId);
};

/** @throws SwitchyardError `not_found` */
export const requirePlan = ({ input }: AdmissionRequest, { isPlanKnown }: Known): void => {
  const planId = textField(input, "plan_id");
  if (planId !== undefined && !isPlanKnown) throw noSuch("plan", planId);
};
