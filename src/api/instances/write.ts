/** Writes instances: made, changed and deleted with their secrets, on the record, in one transaction each. */
import { SwitchyardError } from "../../errors.ts";
import { dropInventory } from "../../live/cache.ts";
import { newId } from "../../model/ids.ts";
import { type Instance, nameProblem } from "../../model/instance.ts";
import type { IntegrationType } from "../../model/integration-type.ts";
import type { JsonObject } from "../../model/json.ts";
import { closeTailOf } from "../../queue/tail.ts";
import { deleteInstance, findInstance, insertInstance, type NewSecret, updateInstance } from "../../store/instances.ts";
import { findJobs, openJobsOf } from "../../store/jobs.ts";
import { findType } from "../../store/types.ts";
import { notFound, readInstance } from "../access/access.ts";
import { record } from "../access/record.ts";
import type { Api } from "../api.ts";
import type { Call } from "../http/route.ts";
import { checkInstanceConfig, secretText } from "./config.ts";

const taken = (name: string): SwitchyardError =>
  new SwitchyardError("name_taken", {
    detail: `An instance named ${JSON.stringify(name)} exists. Choose another name.`,
    errors: [{ pointer: "/name", message: "expected a name that is not in use" }],
  });

const requireName = (name: string): void => {
  const message = nameProblem(name);
  if (message === undefined) return;
  throw new SwitchyardError("validation_failed", {
    detail: `An instance cannot be named ${JSON.stringify(name)}: ${message}.`,
    errors: [{ pointer: "/name", message }],
  });
};

const usableType = async (api: Api, typeId: string): Promise<IntegrationType> => {
  const type = await api.store.read(() => findType(typeId));
  if (!type) throw notFound("integration type", typeId);
  if (type.status === "valid" || type.status === "checking") return type;
  throw new SwitchyardError("type_not_usable", {
    detail: `The type ${typeId} is ${type.status}. Its errors are shown at /api/integrations/types/${typeId}.`,
    details: { type_status: type.status },
  });
};

/** Versions begin at 1: they are part of what the seal covers. */
const sealNew = ({ vaultSeal }: Api, instanceId: string, secrets: JsonObject) =>
  Object.entries(secrets)
    .filter(([, value]) => value !== null)
    .map(([name, value]) => ({
      instanceId,
      name,
      version: 1,
      sealed: vaultSeal({ instanceId, name, version: 1 }, secretText(value)),
    }));

export interface NewInstance {
  readonly type_id: string;
  readonly name: string;
  readonly config: JsonObject;
  readonly secrets?: JsonObject;
}

export const createInstance = async (api: Api, call: Call<unknown, unknown, NewInstance>): Promise<Instance> => {
  const { type_id: typeId, name, config, secrets = {} } = call.body;
  requireName(name);
  const type = await usableType(api, typeId);
  checkInstanceConfig(type.manifest, { config, secrets: withoutNull(secrets), kept: [] });
  const at = api.now();
  const id = newId("ins", at);
  const sealed = sealNew(api, id, secrets);
  const instance: Instance = {
    ...{ id, typeId, name, config, configRevision: 1, state: "configured", flags: [], createdAt: at, updatedAt: at },
    ...{ lastTest: null, latencyMs: null, lastError: null },
    secrets: Object.fromEntries(sealed.map((secret) => [secret.name, { version: 1, updatedAt: at }])),
  };
  const outcome = await api.store.write(function* () {
    const inserted = yield* insertInstance(instance, sealed);
    if (inserted === "created") {
      yield* record(call, at, { action: "instance.create", objectType: "instance", objectId: id });
    }
    return inserted;
  });
  if (outcome === "name_taken") throw taken(name);
  return instance;
};

const withoutNull = (secrets: JsonObject): JsonObject =>
  Object.fromEntries(Object.entries(secrets).filter(([, value]) => value !== null));

export interface InstancePatch {
  readonly name?: string;
  readonly config?: JsonObject;
  readonly secrets?: JsonObject;
}

const checkPatch = async (api: Api, instance: Instance, { config, secrets = {} }: InstancePatch): Promise<void> => {
  const isTouched = config !== undefined || Object.keys(secrets).length > 0;
  const type = isTouched ? await api.store.read(() => findType(instance.typeId)) : undefined;
  if (!type) return;
  const kept = Object.keys(instance.secrets);
  checkInstanceConfig(type.manifest, { config: config ?? instance.config, secrets, kept });
};

/** Sealed inside the transaction, where the next version is known. */
const sealChanges = ({ vaultSeal }: Api, instanceId: string, secrets: JsonObject): Record<string, NewSecret> =>
  Object.fromEntries(
    Object.entries(secrets).map(([name, value]) => [
      name,
      value === null ? null : (version: number) => vaultSeal({ instanceId, name, version }, secretText(value)),
    ]),
  );

export const patchInstance = async (
  api: Api,
  call: Call<{ readonly id: string }, unknown, InstancePatch>,
): Promise<Instance> => {
  const { params, body } = call;
  const { name, config, secrets } = body;
  const instance = await readInstance(api.store, call.principal, params.id);
  if (name !== undefined && name !== instance.name) requireName(name);
  await checkPatch(api, instance, body);
  const now = api.now();
  const [outcome, after] = await api.store.write(function* () {
    const outcome = yield* updateInstance({
      id: instance.id,
      ...(name === undefined ? {} : { name }),
      ...(config === undefined ? {} : { config }),
      ...(secrets === undefined ? {} : { secrets: sealChanges(api, instance.id, secrets) }),
      now,
    });
    if (outcome === "updated") {
      yield* record(call, now, { action: "instance.update", objectType: "instance", objectId: instance.id });
    }
    return [outcome, yield* findInstance(instance.id)] as const;
  });
  if (outcome === "name_taken") throw taken(name ?? "");
  if (outcome === "missing" || !after) throw notFound("instance", instance.id);
  // What was fetched from the endpoint before may not be taken for the new one's.
  if (after.configRevision !== instance.configRevision) await forgetInventory(api, instance.id);
  return after;
};

const forgetInventory = async ({ redis, log, inventory }: Api, instanceId: string): Promise<void> => {
  await dropInventory(redis, instanceId).catch((error) => log.warn({ err: error }, "inventory copies not dropped"));
  inventory.forget(instanceId);
};

/** Its queued jobs were cancelled with it: their watchers are told now, by the sweep at the latest. */
const closeTails = async (api: Api, jobIds: readonly string[]): Promise<void> => {
  const jobs = await api.store.read(() => findJobs(jobIds));
  for (const job of jobs) {
    await closeTailOf(api, job).catch((error) =>
      api.log.warn({ err: error, job_id: job.id }, "tail left to the sweep"),
    );
  }
};

/** @throws SwitchyardError `not_found`, `instance_busy` */
export const removeInstance = async (
  api: Api,
  call: Call<unknown, unknown, unknown>,
  instance: Instance,
): Promise<void> => {
  const { id } = instance;
  const now = api.now();
  const { outcome, waiting } = await api.store.write(function* () {
    const waiting = (yield* openJobsOf(id)).map((job) => job.id);
    const outcome = yield* deleteInstance({ id, now });
    const done = { action: "instance.delete", objectType: "instance", objectId: id };
    if (outcome === "deleted") yield* record(call, now, done);
    return { outcome, waiting };
  });
  if (outcome === "missing") throw notFound("instance", id);
  if (outcome === "busy") {
    throw new SwitchyardError("instance_busy", {
      detail: `A job of ${instance.name} is running. Wait for it or cancel it, then delete.`,
    });
  }
  await closeTails(api, waiting);
  await forgetInventory(api, id);
};
