/** Turns a request that may be made into the row of its job. */
import { catalog, type JobKind } from "../jobs/catalog.ts";
import { newId } from "../model/ids.ts";
import type { LockNeed, Requester, Subject } from "../model/job.ts";
import type { JsonObject } from "../model/json.ts";
import { type Capability, findCapability } from "../model/manifest.ts";
import type { Principal } from "../model/principal.ts";
import { withDefaults } from "../model/schema-defaults.ts";
import type { NewJob } from "../store/jobs.ts";
import {
  type ActionInput,
  type ActionKind,
  checkAction,
  checkRefresh,
  type Endpoint,
  requireUsable,
} from "./check-action.ts";
import { actionDedupe, type Dedupe, notDeduped, refreshDedupe } from "./dedupe.ts";
import { type AdmissionRequest, type Known, requirePlan, textField } from "./request.ts";
import { inheritSealed, type Sealer, sealedNames, sealParams } from "./secret-params.ts";

/** What the kind of a request adds to its job. */
interface Specifics {
  readonly input: JsonObject;
  readonly subject: Subject;
  readonly dedupe: Dedupe;
  readonly sealedInput: string | null;
  readonly capability?: Capability;
}

const subjectOf = ({ instance }: Endpoint): Subject => ({ typeId: instance.typeId, instanceId: instance.id });

const plain = (input: JsonObject, subject: Subject): Specifics => ({
  input,
  subject,
  dedupe: notDeduped,
  sealedInput: null,
});

const refresh = (input: JsonObject, endpoint: Endpoint): Specifics => {
  const type = checkRefresh(endpoint, textField(input, "type"));
  return {
    ...plain(type === undefined ? input : { ...input, type }, subjectOf(endpoint)),
    dedupe: refreshDedupe(endpoint.instance.id, type),
  };
};

interface ActionDraft {
  readonly kind: ActionKind;
  readonly jobId: string;
  readonly endpoint: Endpoint;
  readonly inherited: string | null;
  readonly vault: Sealer;
}

/** What is planned, compared and done is what the schema makes of the parameters, not what was left out. */
const withParamDefaults = (input: ActionInput, { type }: Endpoint): ActionInput => {
  const { params } = findCapability(type.manifest, input.capability) ?? {};
  return params === undefined ? input : { ...input, params: withDefaults(params, input.params as JsonObject) };
};

const action = async (draft: ActionDraft, raw: JsonObject): Promise<Specifics> => {
  const { kind, jobId, endpoint, inherited } = draft;
  const asked = withParamDefaults(raw as unknown as ActionInput, endpoint);
  const { capability, targetType } = checkAction(kind, endpoint, asked, sealedNames(inherited));
  const given = asked.params as JsonObject;
  const { params, sealedInput } =
    inherited === null
      ? await sealParams(draft.vault, jobId, capability, given)
      : { params: given, sealedInput: inherited };
  const target = { ...asked.target, type: targetType };
  const input = { ...asked, target, params };
  // Sealed values cannot be compared: an open job with the same key never stands in for this one.
  const dedupe = actionDedupe(kind, capability, input, sealedInput === null ? undefined : jobId);
  return {
    input: { ...raw, target, params },
    subject: { ...subjectOf(endpoint), target },
    dedupe,
    sealedInput,
    capability,
  };
};

const specificsOf = async (
  request: AdmissionRequest,
  known: Known,
  deps: { jobId: string; vault: Sealer },
): Promise<Specifics> => {
  const { kind, input } = request;
  if (known.instance === undefined) {
    const typeId = textField(input, "type_id");
    return plain(input, typeId === undefined ? {} : { typeId });
  }
  const endpoint = requireUsable(known.instance, known.type);
  if (kind === "instance.refresh_inventory") return refresh(input, endpoint);
  if (kind === "action.plan" || kind === "action.run") {
    const specifics = await action({ ...deps, kind, endpoint, inherited: inheritSealed(known.earlier) }, input);
    requirePlan(request, known);
    return specifics;
  }
  return plain(input, subjectOf(endpoint));
};

const requesterOf = ({ kind, id, name, scheduleId, ruleId }: Principal, trace: string | undefined): Requester => ({
  ...(kind === "token" ? { tokenId: id } : {}),
  ...(scheduleId === undefined ? {} : { scheduleId }),
  ...(ruleId === undefined ? {} : { ruleId }),
  name,
  ...(trace === undefined ? {} : { traceparent: trace }),
});

/** The catalog types each row's `locks` by its own input; here the kind is only known at run time. */
const locksOf = (kind: JobKind, { input, capability }: Specifics): readonly LockNeed[] => {
  const locks = catalog[kind].locks as (input: unknown, facts: { capability?: Capability }) => readonly LockNeed[];
  return locks(input, capability === undefined ? {} : { capability });
};

/** The columns that do not depend on what is checked: enough to find an earlier job by its idempotency key. */
const bareJob = (request: AdmissionRequest, id: string, at: number): NewJob => {
  const row = catalog[request.kind];
  return {
    id,
    kind: request.kind,
    maxAttempts: row.attempts,
    createdAt: at,
    requestedBy: requesterOf(request.principal, request.trace),
    subject: {},
    input: request.input,
    sealedInput: null,
    queue: request.queue ?? row.queue,
    locks: [],
    timeoutMs: row.timeoutMs,
    debug: request.debug ?? false,
    principalId: request.principal.id,
    idempotencyKey: request.idempotencyKey ?? null,
    requestHash: request.requestHash ?? null,
    ...notDeduped,
    planId: textField(request.input, "plan_id") ?? null,
    retryOf: request.retryOf ?? null,
    undoOf: request.undoOf ?? null,
  };
};

/** A row that is never kept: it only asks the store whether the same request was made before. */
export const draftProbe = (request: AdmissionRequest, at: number): NewJob => ({
  ...bareJob(request, newId("job", at), at),
  input: {},
});

/**
 * The row of the job this request asks for.
 * @throws SwitchyardError any refusal of contract sections 5 and 6 that needs no device
 */
export const draftJob = async (
  request: AdmissionRequest,
  known: Known,
  { vault, at }: { vault: Sealer; at: number },
): Promise<NewJob> => {
  const jobId = newId("job", at);
  const specifics = await specificsOf(request, known, { jobId, vault });
  const { input, subject, sealedInput, dedupe } = specifics;
  return {
    ...bareJob(request, jobId, at),
    input,
    subject,
    sealedInput,
    ...dedupe,
    locks: locksOf(request.kind, specifics),
  };
};
