/** An action as it is asked for: read from the words of a command, or taken from an earlier job. */
import type { JsonObject } from "../model/json.ts";
import type { Capability } from "../model/manifest.ts";
import { didYouMean } from "../model/nearest.ts";
import { whyBlocked } from "../model/plan-block.ts";
import { agree, agreeByName } from "./agree.ts";
import { findInstance, findType, paths } from "./client/find.ts";
import { lastSeen } from "./client/inventory.ts";
import type { InstanceDocument, JobDocument, PlanDocument, TypeDocument } from "./client/wire.ts";
import { exitCodes } from "./exit-codes.ts";
import { CliFailure, declined, notFound, usage } from "./failure.ts";
import { awaitJob, printEnd } from "./follow.ts";
import type { Session } from "./session.ts";
import { valuesOf } from "./values.ts";
import { isNoop, leavesAsIs, printPlan } from "./view/plan.ts";

/** The body of an action, without how it is to be done. */
export interface Action {
  readonly capability: string;
  readonly verb: string;
  readonly target: { readonly type: string; readonly id: string };
  readonly params: JsonObject;
}

export interface Asked {
  readonly instance: InstanceDocument;
  readonly type: TypeDocument;
  readonly capability: Capability | undefined;
  readonly action: Action;
}

const targetOf = (text: string): Action["target"] => {
  const slash = text.indexOf("/");
  if (slash < 1 || slash === text.length - 1)
    throw usage(`Expected a target as type/id, such as vm/100, got ${JSON.stringify(text)}.`);
  return { type: text.slice(0, slash), id: text.slice(slash + 1) };
};

/** A name in the place of an id is told apart before anything is sent; the device knows better about all else. */
const assertId = async (session: Session, { instance_id, name }: InstanceDocument, { type, id }: Action["target"]) => {
  const items = await lastSeen(session.api, instance_id, { type, q: id });
  if (items.some(({ external_id }) => external_id === id)) return;
  const called = items.filter((item) => item.name.toLowerCase() === id.toLowerCase());
  if (called.length === 0) return;
  const near = called.map((item) => `${type}/${item.external_id} (${item.name})`).join(" or ");
  throw notFound(`${name} has no ${type} with the id ${JSON.stringify(id)}.`, [`Did you mean ${near}?`]);
};

/** @throws CliFailure for words that cannot be meant. */
export const readAction = async (
  session: Session,
  args: readonly string[],
  params: readonly string[],
): Promise<Asked> => {
  const [name = "", capabilityId = "", verb = "", text = ""] = args;
  const target = targetOf(text);
  const instance = await findInstance(session.api, name);
  const type = await findType(session.api, instance.type_id);
  const capability = type.capabilities.find(({ id }) => id === capabilityId);
  await assertId(session, instance, target);
  const values = valuesOf({ pairs: params, option: "--param", schema: capability?.params });
  return { instance, type, capability, action: { capability: capabilityId, verb, target, params: values } };
};

/** The action that an earlier job was for. */
export const actionOf = async (session: Session, { subject, input }: JobDocument): Promise<Asked | undefined> => {
  const { type_id, instance_id } = subject;
  if (type_id === undefined || instance_id === undefined) return undefined;
  const [instance, type] = await Promise.all([findInstance(session.api, instance_id), findType(session.api, type_id)]);
  const { capability: id, verb, target, params } = input as unknown as Action;
  const capability = type.capabilities.find((one) => one.id === id);
  return { instance, type, capability, action: { capability: id, verb, target, params } };
};

/** The API judges; what it refuses is answered with the words that are near. */
const hintsFor = (code: string, { type, capability, action }: Asked): string[] => {
  const declared = type.capabilities.map(({ id }) => id).filter((id) => id !== "inventory.list");
  const known: Readonly<Record<string, readonly [string, readonly string[]]>> = {
    capability_unsupported: [action.capability, declared],
    verb_unsupported: [action.verb, capability?.verbs ?? []],
    target_unsupported: [action.target.type, capability?.targets ?? []],
  };
  const found = known[code];
  return found ? didYouMean(...found) : [];
};

export const submit = async (session: Session, asked: Asked, how: JsonObject): Promise<JobDocument> => {
  const path = `${paths.instances}/${asked.instance.instance_id}/actions`;
  try {
    const body = { ...asked.action, ...how };
    const { body: job, headers } = await session.api.ask<JobDocument>("POST", path, { body, enqueues: true });
    if (headers.has("switchyard-joined")) session.terminal.note(`${job.id} is open already: no new job was made.`);
    return job;
  } catch (thrown) {
    if (!(thrown instanceof CliFailure)) throw thrown;
    throw new CliFailure(thrown.exitCode, thrown.problem, [...thrown.hints, ...hintsFor(thrown.problem.code, asked)]);
  }
};

/** Why an action wants more than a y: the manifest warns of it, or no verb leads back from what it changes. */
export const warningOf = ({ capability, action: { verb } }: Asked, plan?: PlanDocument): string | undefined => {
  const isInvertible = capability?.invertible?.[verb] !== undefined;
  if (capability?.destructive?.includes(verb)) {
    return isInvertible ? `${verb} is destructive.` : `${verb} is destructive and cannot be undone.`;
  }
  return isInvertible || (plan !== undefined && leavesAsIs(plan)) ? undefined : `${verb} cannot be undone.`;
};

/** The ids of the target, and its name where it was seen. */
const namesOf = async ({ api }: Session, { instance, action }: Asked): Promise<readonly string[]> => {
  const { type, id } = action.target;
  const items = await lastSeen(api, instance.instance_id, { type, q: id });
  const name = items.find(({ external_id }) => external_id === id)?.name;
  return name === undefined || name === "" || name === id ? [id] : [id, name];
};

/**
 * A person's word on an action: by the name of its target where it cannot be undone.
 * @throws CliFailure when the answer is no.
 */
export const agreeOnAction = async (
  session: Session,
  asked: Asked,
  { asks, plan }: { readonly asks: string; readonly plan?: PlanDocument },
): Promise<void> => {
  const otherwise = "Nothing was sent.";
  const warns = warningOf(asked, plan);
  if (warns === undefined || !session.terminal.canAsk) return agree(session, { asks, otherwise });
  await agreeByName(session, { warns, names: await namesOf(session, asked), otherwise });
};

/** Makes a plan, shows it, and asks. The answer is the plan to apply; none when there is nothing to do. */
export const agreeOnPlan = async (session: Session, asked: Asked): Promise<PlanDocument | undefined> => {
  const job = await submit(session, asked, { dry_run: true });
  const settled = await awaitJob(session, job.id, { wait: true });
  if (settled.state !== "succeeded") {
    await printEnd(session, settled);
    throw declined("Nothing was sent.");
  }
  const made = settled.result as unknown as PlanDocument;
  printPlan(session.terminal, made);
  const detail = whyBlocked(made);
  if (detail !== null) {
    const title = "A precondition of the plan does not hold";
    throw new CliFailure(exitCodes.failed, { title, detail, code: "plan_blocked" }, [], { isSaid: true });
  }
  if (isNoop(made)) return undefined;
  await agreeOnAction(session, asked, { asks: "Apply this plan?", plan: made });
  return made;
};
