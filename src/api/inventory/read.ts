/** Reading an inventory: fresh is served, stale is served while one refresh runs, empty waits for one. */
import { isErrorCode, SwitchyardError } from "../../errors.ts";
import type { Instance } from "../../model/instance.ts";
import type { IntegrationType } from "../../model/integration-type.ts";
import type { InventoryFailure } from "../../model/inventory.ts";
import type { Job } from "../../model/job.ts";
import { inventoryTargets, inventoryTtlSeconds } from "../../model/manifest.ts";
import { systemPrincipal } from "../../model/principal.ts";
import { type Target, targetTypeOf } from "../../model/target.ts";
import { authorise } from "../access/access.ts";
import type { Api } from "../api.ts";
import { refuse } from "../http/body.ts";
import { jsonPieces } from "../http/reply.ts";
import type { Call } from "../http/route.ts";
import { accepted, admitFor, admitForSystem, failedInTime, waitAsAsked } from "../jobs/enqueue.ts";
import { preferredWait } from "../jobs/wait.ts";
import { cacheToWire } from "./cache-facts.ts";
import type { Found, Held, View } from "./shelf.ts";

/** After a failed refresh the device is left alone for so long. */
const pauseMs = 30_000;
const emptyWaitSeconds = 10;
const defaultPageSize = 100;

export interface InventoryQuery {
  readonly type?: string | undefined;
  readonly active_only?: boolean | undefined;
  readonly refresh?: boolean | undefined;
  readonly cached_only?: boolean | undefined;
  readonly page?: number | undefined;
  readonly page_size?: number | undefined;
  readonly q?: string | undefined;
}

interface Reading {
  readonly api: Api;
  readonly call: Call<unknown, InventoryQuery, unknown>;
  readonly instance: Instance;
  readonly targetType: string;
  readonly ttlSeconds: number;
}

/** The asked target type in the manifest's spelling: `vm` when there is one, else the first. */
export const chooseTargetType = (type: IntegrationType, asked: string | undefined): string => {
  const declared = inventoryTargets(type.manifest);
  const [first] = declared;
  const wanted = asked === undefined || declared.includes(asked) ? asked : targetTypeOf(asked);
  if (wanted === undefined && first !== undefined) return declared.includes("vm") ? "vm" : first;
  if (wanted !== undefined && declared.includes(wanted)) return wanted;
  throw new SwitchyardError("target_type_unknown", {
    detail: `Expected one of the target types ${declared.join(", ") || "(the type has no inventory)"}, got ${asked ?? "none"}.`,
    details: { declared },
  });
};

/** @throws SwitchyardError `type_unavailable` */
export const requireType = (instance: Instance, type: IntegrationType | undefined): IntegrationType => {
  if (type && instance.state !== "type_unavailable") return type;
  throw new SwitchyardError("type_unavailable", {
    detail: `The integration type ${instance.typeId} of ${instance.name} is not installed. Install it again.`,
    details: { type_id: instance.typeId },
  });
};

const matching = (items: readonly Target[], q: string): readonly Target[] => {
  const wanted = q.toLowerCase();
  return items.filter(
    ({ external_id, name }) => external_id.toLowerCase().includes(wanted) || name.toLowerCase().includes(wanted),
  );
};

const bytesOf = (text: string): Uint8Array => Buffer.from(text);

/** The items as the bytes of their JSON text, and the number of the next page. */
const cut = (view: View, { q, page, page_size = defaultPageSize }: InventoryQuery): [Uint8Array, number | null] => {
  if (!q && page === undefined) return [view.bytes(), null];
  const items = q ? matching(view.items, q) : view.items;
  if (page === undefined) return [bytesOf(JSON.stringify(items)), null];
  const end = page * page_size;
  return [bytesOf(JSON.stringify(items.slice(end - page_size, end))), end < items.length ? page + 1 : null];
};

interface More {
  readonly refreshingJobId?: string | undefined;
  readonly failure?: InventoryFailure | undefined;
}

const answer = ({ api, call, ttlSeconds }: Reading, held: Held | undefined, more: More = {}): Response => {
  const { query } = call;
  const cache = cacheToWire(held, { ttlSeconds, now: api.now(), ...more });
  const isActiveOnly = query.active_only ?? true;
  const [items, nextPage] = held ? cut(api.inventory.view(held.payload, isActiveOnly), query) : [bytesOf("[]"), null];
  api.metrics.cacheRead(cache["state"] as string);
  const rest = bytesOf(`,"next_page":${nextPage},"cache":${JSON.stringify(cache)}}`);
  return jsonPieces([bytesOf('{"items":'), items, rest]);
};

const find = ({ api, instance, targetType }: Reading): Promise<Found> => api.inventory.find(instance.id, targetType);

const work = ({ instance, targetType }: Reading) => ({
  kind: "instance.refresh_inventory" as const,
  input: { instance_id: instance.id, type: targetType },
  action: "instance.refresh_inventory",
});

/** A refresh that a read causes runs as the system. */
const refreshQuietly = (reading: Reading): Promise<Job> =>
  admitForSystem(reading.api, systemPrincipal("system"), { ...work(reading), trace: reading.call.trace });

const answerWhenDone = async (reading: Reading, job: Job, seconds: number): Promise<Response> => {
  const settled = await waitAsAsked(reading.api, reading.call, job, seconds);
  if (settled.finishedAt === null) return accepted(settled, 202);
  const failed = failedInTime(settled, reading.call);
  if (failed) return failed;
  // The store has what the refresh brought, whatever became of the copy in Redis since.
  const payload = await reading.api.inventory.last(reading.instance.id, reading.targetType);
  return answer(reading, payload && { payload, isFresh: true });
};

const refreshAsAsked = async (reading: Reading): Promise<Response> => {
  const { api, call } = reading;
  authorise(call.principal, "operator");
  const { job } = await admitFor(api, call, work(reading));
  return preferredWait(call.header("prefer")) === undefined ? accepted(job, 202) : answerWhenDone(reading, job, 0);
};

const asFailure = (thrown: unknown, at: number): InventoryFailure => {
  if (!(thrown instanceof SwitchyardError)) throw thrown;
  return { code: thrown.code, detail: thrown.message, at };
};

const serveStale = async (reading: Reading, held: Held, failure: InventoryFailure | undefined, isPaused: boolean) => {
  if (isPaused) return answer(reading, held, { failure });
  try {
    return answer(reading, held, { refreshingJobId: (await refreshQuietly(reading)).id, failure });
  } catch (thrown) {
    // What is known is worth more than the reason why it cannot be renewed now.
    return answer(reading, held, { failure: asFailure(thrown, reading.api.now()) });
  }
};

const failAgain = ({ code, detail, at }: InventoryFailure): never => {
  throw new SwitchyardError(isErrorCode(code) ? code : "driver_failed", {
    detail,
    details: { failed_at: new Date(at).toISOString() },
  });
};

const readOrRefresh = async (reading: Reading): Promise<Response> => {
  const { api, call } = reading;
  const { held, failure } = await find(reading);
  if (held?.isFresh || call.query.cached_only) return answer(reading, held, { failure });
  const isPaused = failure !== undefined && failure.at > api.now() - pauseMs;
  if (held) return serveStale(reading, held, failure, isPaused);
  if (failure && isPaused) return failAgain(failure);
  return answerWhenDone(reading, await refreshQuietly(reading), emptyWaitSeconds);
};

/** @throws SwitchyardError `type_unavailable`, `target_type_unknown`, `validation_failed`, `forbidden` */
export const readInventory = async (
  api: Api,
  call: Call<unknown, InventoryQuery, unknown>,
  endpoint: { instance: Instance; type: IntegrationType | undefined },
): Promise<Response> => {
  const { instance } = endpoint;
  const type = requireType(instance, endpoint.type);
  const targetType = chooseTargetType(type, call.query.type);
  const ttlSeconds = inventoryTtlSeconds(type.manifest, targetType);
  const reading: Reading = { api, call, instance, targetType, ttlSeconds };
  if (!call.query.refresh) return readOrRefresh(reading);
  if (call.query.cached_only) {
    refuse([{ pointer: "/query/cached_only", message: "expected no cached_only beside refresh, got both" }]);
  }
  return refreshAsAsked(reading);
};
