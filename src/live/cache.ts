/** Copies of inventory payloads near the readers. While a copy lasts it is fresh; the store keeps the last good one. */
import type { InventoryPayload } from "../model/inventory.ts";
import type { Redis } from "../redis.ts";

const key = (instanceId: string): string => `sw:inventory:${instanceId}`;
const payloadKey = (instanceId: string, targetType: string): string => `${key(instanceId)}:${targetType}`;

/** Keeps a copy for `ttlSeconds`; none at all when that is 0. */
export const putInventory = async (redis: Redis, payload: InventoryPayload, ttlSeconds: number): Promise<void> => {
  const { instanceId, targetType } = payload;
  const ttlMs = Math.round(ttlSeconds * 1000);
  if (ttlMs < 1) {
    await redis.del(payloadKey(instanceId, targetType));
    return;
  }
  await redis
    .multi()
    .set(payloadKey(instanceId, targetType), JSON.stringify(payload), "PX", ttlMs)
    .sadd(key(instanceId), targetType)
    .exec();
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

export const dropInventory = async (redis: Redis, instanceId: string): Promise<void> => {
  const types = await redis.smembers(key(instanceId));
  await redis.del(key(instanceId), ...types.map((type) => payloadKey(instanceId, type)));
};
