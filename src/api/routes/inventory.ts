/** Inventory: what is on an instance's device, how much, and what changed. */
import { Type } from "typebox";
import type { Instance } from "../../model/instance.ts";
import type { IntegrationType } from "../../model/integration-type.ts";
import { inventoryTargets, inventoryTtlSeconds } from "../../model/manifest.ts";
import { isActive, targetTypeOf } from "../../model/target.ts";
import { listChanges } from "../../store/inventory.ts";
import { findType } from "../../store/types.ts";
import { readInstance } from "../access/access.ts";
import type { Api } from "../api.ts";
import { listOf, pageOf, pageQuery } from "../http/pages.ts";
import { json } from "../http/reply.ts";
import { type Call, type Route, route } from "../http/route.ts";
import { cacheToWire, mergeCaches } from "../inventory/cache-facts.ts";
import { chooseTargetType, readInventory, requireType } from "../inventory/read.ts";
import { enqueue } from "../jobs/enqueue.ts";
import { closed, idParam, list, ref, timeText } from "../schemas/common.ts";
import { changeToWire } from "../wire.ts";

const tag = "inventory";
const base = "/api/integrations/instances/{id}/inventory";
const params = { id: idParam("Id of the instance") };

const readEndpoint = async (api: Api, call: Call<{ readonly id: string }, unknown, unknown>) => {
  const instance = await readInstance(api.store, call.principal, call.params.id);
  return { instance, type: await api.store.read(() => findType(instance.typeId)) };
};

const flag = (fallback: boolean, description: string) =>
  Type.Optional(Type.Boolean({ default: fallback, description }));

const readRoute = (api: Api): Route =>
  route({
    method: "GET",
    path: base,
    access: "viewer",
    tag,
    summary: "The targets of one type",
    description:
      "Fresh: served. Stale: served, and one refresh is enqueued. Empty: one refresh is enqueued and awaited up to 10 s (or `Prefer: wait`). After a failed refresh, reads enqueue none for 30 s.",
    params,
    query: {
      type: Type.Optional(
        Type.String({ minLength: 1, maxLength: 100, description: "vm, or the first that the type declares" }),
      ),
      active_only: flag(true, "Leave out what is down, stopped or missing"),
      refresh: flag(false, "Enqueue a refresh (operator): 202, or with Prefer: wait the items"),
      cached_only: flag(false, "Never touch the device, never enqueue"),
      page: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000_000, description: "From 1; absent: all items" })),
      page_size: Type.Optional(Type.Integer({ minimum: 1, maximum: 500, default: 100 })),
      q: Type.Optional(Type.String({ maxLength: 200, description: "Part of the id or the name" })),
    },
    waits: true,
    answers: {
      200: { description: "The items, and how old they are", schema: ref("Inventory") },
      202: { description: "The refresh job: not over in time", schema: ref("Job") },
    },
    errors: ["not_found", "type_unavailable", "target_type_unknown", "validation_failed"],
    handle: async (call) => {
      const endpoint = await readEndpoint(api, call);
      return readInventory(api, call, endpoint);
    },
  });

const summarise = async (api: Api, instance: Instance, type: IntegrationType): Promise<Record<string, unknown>> => {
  const now = api.now();
  const rows = await Promise.all(
    inventoryTargets(type.manifest).map(async (targetType) => {
      const { held, failure } = await api.inventory.find(instance.id, targetType);
      const items = held?.payload.items ?? [];
      const cache = cacheToWire(held, { ttlSeconds: inventoryTtlSeconds(type.manifest, targetType), now, failure });
      return { targetType, total: items.length, active: items.filter(isActive).length, cache };
    }),
  );
  const byType = Object.fromEntries(rows.map(({ targetType, total, active }) => [targetType, { total, active }]));
  return {
    vm: byType["vm"]?.total ?? 0,
    stack_member: byType["stack_member"]?.total ?? 0,
    port_active: byType["port"]?.active ?? 0,
    by_type: byType,
    cache: mergeCaches(
      rows.map(({ cache }) => cache),
      now,
    ),
  };
};

const summaryRoute = (api: Api): Route =>
  route({
    method: "GET",
    path: `${base}/summary`,
    access: "viewer",
    tag,
    summary: "How many there are, as far as is known; never touches the device",
    params,
    answers: { 200: { description: "Counts", schema: ref("InventorySummary") } },
    errors: ["not_found", "type_unavailable"],
    handle: async (call) => {
      const { instance, type } = await readEndpoint(api, call);
      return json(await summarise(api, instance, requireType(instance, type)));
    },
  });

const changesRoute = (api: Api): Route =>
  route({
    method: "GET",
    path: `${base}/changes`,
    access: "viewer",
    tag,
    summary: "What refreshes found added, removed and changed, newest first",
    params,
    query: {
      type: Type.Optional(Type.String({ minLength: 1, maxLength: 100 })),
      since: Type.Optional(timeText("Found at this time or later")),
      ...pageQuery,
    },
    answers: { 200: { description: "A page of changes", schema: list(ref("InventoryChange")) } },
    errors: ["not_found"],
    handle: async (call) => {
      const { type, since } = call.query;
      const instance = await readInstance(api.store, call.principal, call.params.id);
      const filter = {
        instanceId: instance.id,
        ...pageOf(call.query),
        ...(type === undefined ? {} : { type: targetTypeOf(type) }),
        ...(since === undefined ? {} : { since: Date.parse(since as string) }),
      };
      return json(listOf(await api.store.read(() => listChanges(filter)), changeToWire));
    },
  });

const refreshRoute = (api: Api): Route =>
  route({
    method: "POST",
    path: `${base}/refresh`,
    access: "operator",
    tag,
    summary: "Ask the device for everything, or for one target type",
    params,
    body: Type.Object({ type: Type.Optional(Type.String({ minLength: 1, maxLength: 100 })) }, closed),
    isBodyOptional: true,
    example: { type: "vm" },
    enqueues: true,
    answers: {},
    errors: ["not_found", "type_unavailable", "target_type_unknown"],
    handle: async (call) => {
      const { instance, type } = await readEndpoint(api, call);
      const asked = call.body.type;
      const chosen = asked === undefined ? undefined : chooseTargetType(requireType(instance, type), asked);
      return enqueue(api, call, {
        kind: "instance.refresh_inventory",
        input: { instance_id: instance.id, ...(chosen === undefined ? {} : { type: chosen }) },
        action: "instance.refresh_inventory",
      });
    },
  });

export const inventoryRoutes = (api: Api): Route[] => [
  readRoute(api),
  summaryRoute(api),
  changesRoute(api),
  refreshRoute(api),
];
