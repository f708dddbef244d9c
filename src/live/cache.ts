/** Copies of inventory payloads near the readers. While a copy lasts it is fresh; the store keeps the last good one. */
import type { InventoryPayload } from "../model/inventory.ts";
import type { Redis } from "../redis.ts";
import { epochKey } from "./epoch.ts";
import { runScript, type Script } from "./script.ts";

const key = (instanceId: string): string => `sw:inventory:${instanceId}`;
const payloadKey = (instanceId: string, targetType: string): string => `${key(instanceId)}:${targetType}`;
const eraKey = (instanceId: string): string => `sw:inventory-era:${instanceId}`;

/** Longer than a refresh may take: whoever began before an era that is forgotten is not served any more. */
const eraMs = 24 * 3_600_000;

const putScript: Script = {
  name: "swPutInventory",
  lua: `
    local types, payload, eras, target_type, era, ttl, text = unpack(ARGV)
    if (redis.call("GET", "${epochKey}") or "") .. "." .. (redis.call("GET", eras) or "0") ~= era then return 0 end
    if tonumber(ttl) < 1 then return redis.call("DEL", payload) end
    redis.call("SET", payload, text, "PX", ttl)
    return redis.call("SADD", types, target_type)`,
};

const dropScript: Script = {
  name: "swDropInventory",
  lua: `
    local types, eras, era_ms = unpack(ARGV)
    redis.call("INCR", eras)
    redis.call("PEXPIRE", eras, era_ms)
    for _, target_type in ipairs(redis.call("SMEMBERS", types)) do redis.call("DEL", types .. ":" .. target_type) end
    return redis.call("DEL", types)`,
};

/** Is never the present one. */
const unknownEra = "unknown";

/**
 * Begins anew whenever the copies of an instance are dropped, and when Redis loses its memory of how often they were.
 * Who cannot ask goes on without: there will be no copy.
 */
export const inventoryEra = async (redis: Redis, instanceId: string): Promise<string> => {
  const asked = redis.mget(epochKey, eraKey(instanceId));
  return asked.then(
    ([epoch, era]) => `${epoch ?? ""}.${era ?? "0"}`,
    () => unknownEra,
  );
};

/**
 * Keeps a copy for the payload's `ttlSeconds`, none at all when that is 0. Nothing happens when the copies of the
 * instance were dropped since that era: the payload may be from before what dropped them.
 */
export const putInventory = async (redis: Redis, payload: InventoryPayload, era: string): Promise<void> => {
  const { instanceId, targetType, ttlSeconds } = payload;
  const keys = [key(instanceId), payloadKey(instanceId, targetType), eraKey(instanceId)];
  const ttlMs = Math.round(ttlSeconds * 1000);
  await runScript(redis, putScript, [...keys, targetType, era, ttlMs, JSON.stringify(payload)]);
};

/** The JSON text of a fresh payload, for who passes it on unread. */
export const getInventoryText = async (
  redis: Redis,
  instanceId: string,
  targetType: string,
): Promise<string | undefined> => (await redis.get(payloadKey(instanceId, targetType))) ?? undefined;

export const getInventory = async (
  redis: Redis,
  instanceId: string,
  targetType: string,
): Promise<InventoryPayload | undefined> => {
  const text = await getInventoryText(redis, instanceId, targetType);
  return text === undefined ? undefined : (JSON.parse(text) as InventoryPayload);
};

/** A refresh that runs meanwhile leaves no copy either. */
export const dropInventory = async (redis: Redis, instanceId: string): Promise<void> => {
  await runScript(redis, dropScript, [key(instanceId), eraKey(instanceId), eraMs]);
};
