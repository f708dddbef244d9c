/** Instances: make, look, change, delete, test. */
import { Type } from "typebox";
import type { Instance } from "../../model/instance.ts";
import type { JsonObject } from "../../model/json.ts";
import { listInstances } from "../../store/instances.ts";
import { findType, listTypes } from "../../store/types.ts";
import { readInstance } from "../access/access.ts";
import type { Api } from "../api.ts";
import { json, noContent } from "../http/reply.ts";
import { type Route, route } from "../http/route.ts";
import { warningsFor } from "../instances/config.ts";
import {
  createInstance,
  type InstancePatch,
  type NewInstance,
  patchInstance,
  removeInstance,
} from "../instances/write.ts";
import { announceInstance, followWithSchedules } from "../jobs/announce.ts";
import { enqueue } from "../jobs/enqueue.ts";
import { closed, freeObject, idParam, ref } from "../schemas/common.ts";
import { instanceToWire } from "../wire.ts";

const tag = "instances";
const base = "/api/integrations/instances";
const params = { id: idParam("Id of the instance") };
const name = Type.String({ minLength: 1, maxLength: 200, pattern: "\\S" });
const config = freeObject("By the type's connection schema, without secrets; replaces what was there");

const withWarnings = (wire: Record<string, unknown>, secrets: JsonObject): Record<string, unknown> => {
  const warnings = warningsFor(secrets);
  return warnings.length === 0 ? wire : { ...wire, warnings };
};

const listRoute = (api: Api): Route =>
  route({
    method: "GET",
    path: base,
    access: "viewer",
    tag,
    summary: "All instances that the caller may see",
    answers: { 200: { description: "A plain list", schema: Type.Array(ref("Instance")) } },
    handle: async ({ principal }) => {
      const [instances, types] = await api.store.read(function* () {
        return [yield* listInstances({ visible: principal.instances }), yield* listTypes()] as const;
      });
      const byId = new Map(types.map((type) => [type.id, type]));
      return json(instances.map((instance) => instanceToWire(instance, byId.get(instance.typeId)?.manifest)));
    },
  });

const answerWith = async (api: Api, instance: Instance, reply: { status: number; secrets?: JsonObject }) => {
  const type = await api.store.read(() => findType(instance.typeId));
  return json(withWarnings(instanceToWire(instance, type?.manifest), reply.secrets ?? {}), reply.status, {
    ...(reply.status === 201 ? { location: `${base}/${instance.id}` } : {}),
  });
};

const readRoute = (api: Api): Route =>
  route({
    method: "GET",
    path: `${base}/{id}`,
    access: "viewer",
    tag,
    summary: "One instance",
    params,
    answers: { 200: { description: "The instance", schema: ref("Instance") } },
    errors: ["not_found"],
    handle: async (call) =>
      answerWith(api, await readInstance(api.store, call.principal, call.params.id), { status: 200 }),
  });

const createRoute = (api: Api): Route =>
  route({
    method: "POST",
    path: base,
    access: "admin",
    concernsAll: true,
    tag,
    summary: "Make an instance of a type",
    body: Type.Object(
      {
        type_id: Type.String({ minLength: 1, maxLength: 200 }),
        name,
        config,
        secrets: Type.Optional(freeObject("Kept sealed; never shown again")),
      },
      closed,
    ),
    example: {
      ...{ type_id: "prometheus", name: "monitoring", config: { url: "http://127.0.0.1:9090" } },
      secrets: { bearer_token: "a-token-of-the-device" },
    },
    answers: { 201: { description: "The instance, in the state configured", schema: ref("Instance") } },
    errors: ["not_found", "type_not_usable", "config_invalid", "name_taken"],
    handle: async (call) => {
      const body = call.body as unknown as NewInstance;
      const instance = await createInstance(api, { ...call, body });
      await followWithSchedules(api, instance.id);
      await announceInstance(api, "created", instance);
      return answerWith(api, instance, { status: 201, secrets: body.secrets ?? {} });
    },
  });

const patchRoute = (api: Api): Route =>
  route({
    method: "PATCH",
    path: `${base}/{id}`,
    access: "admin",
    tag,
    summary: "Change an instance",
    description:
      "`config` replaces the whole, `secrets` merges, null deletes one. After a change of either, writes wait for a successful test (`needs_review`).",
    params,
    body: Type.Object(
      {
        name: Type.Optional(name),
        config: Type.Optional(config),
        secrets: Type.Optional(freeObject("Merged into what is set; null deletes one")),
      },
      closed,
    ),
    example: { name: "monitoring", secrets: { bearer_token: "a-new-token" } },
    answers: { 200: { description: "The instance as it is now", schema: ref("Instance") } },
    errors: ["not_found", "config_invalid", "name_taken"],
    handle: async (call) => {
      const body = call.body as unknown as InstancePatch;
      const instance = await patchInstance(api, { ...call, body });
      await announceInstance(api, "updated", instance);
      return answerWith(api, instance, { status: 200, secrets: body.secrets ?? {} });
    },
  });

const deleteRoute = (api: Api): Route =>
  route({
    method: "DELETE",
    path: `${base}/{id}`,
    access: "admin",
    tag,
    summary: "Delete an instance with its secrets, inventory and schedules; its queued jobs are cancelled",
    params,
    answers: { 204: { description: "It is gone" } },
    errors: ["not_found", "instance_busy"],
    handle: async (call) => {
      const instance = await readInstance(api.store, call.principal, call.params.id);
      await removeInstance(api, call, instance);
      await followWithSchedules(api, instance.id);
      await announceInstance(api, "removed", instance);
      return noContent();
    },
  });

const testRoute = (api: Api): Route =>
  route({
    method: "POST",
    path: `${base}/{id}/test`,
    access: "operator",
    tag,
    summary: "Test the connection",
    params,
    enqueues: true,
    answers: {},
    errors: ["not_found", "type_unavailable"],
    handle: (call) => {
      const input = { instance_id: call.params.id };
      return enqueue(api, call, { kind: "instance.test_connection", input, action: "instance.test" });
    },
  });

export const instanceRoutes = (api: Api): Route[] => [
  listRoute(api),
  createRoute(api),
  readRoute(api),
  patchRoute(api),
  deleteRoute(api),
  testRoute(api),
];
