/** Inventories near the readers: what they share, and that what nobody reads any more is let go. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, it, vi } from "vitest";
import { createInventoryShelf } from "../../src/api/inventory/shelf.ts";
import { inventoryEra, putInventory } from "../../src/live/cache.ts";
import type { Redis } from "../../src/redis.ts";
import { hasRedis } from "../kit/redis.ts";
import { openTestStore } from "../kit/store.ts";
import { useRedis } from "../kit/use-redis.ts";

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

describe.skipIf(!hasRedis)("the inventory shelf", () => {
  let redis: Redis;
  const { closing } = useRedis((used) => {
    redis = used.redis;
  });

  const put = async (instanceId: string): Promise<void> => {
    const items = [{ type: "vm", external_id: "1", name: instanceId, attrs: {}, labels: {} }];
    const payload = { instanceId, targetType: "vm", items, fetchedAt: 0, fetchDurationMs: 1, ttlSeconds: 60 };
    await putInventory(redis, payload, await inventoryEra(redis, instanceId));
  };

  const open = async () => {
    const { store, end } = await openTestStore();
    closing.push(end);
    const clock = { now: 1_000 };
    const listeners = new Set<(entry: object) => void>();
    const overhear = (listener: (entry: object) => void) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    };
    const shelf = createInventoryShelf({ store, redis, feed: { overhear } as never, now: () => clock.now });
    return { clock, shelf, listeners };
  };

  it("answers readers of the same moment with one look, and later ones with what is there then", async () => {
    const { clock, shelf } = await open();
    await put("a");
    const first = await shelf.find("a", "vm");
    expect(first.held?.payload.items[0]?.name).toBe("a");
    await redis.flushall();
    expect(await shelf.find("a", "vm")).toBe(first);
    clock.now += 1_000;
    expect((await shelf.find("a", "vm")).held).toBeUndefined();
  });

  it("listens for what ends a shared look, as long as there is one", async () => {
    const { clock, shelf, listeners } = await open();
    expect(listeners.size).toBe(0);
    await put("a");
    await shelf.find("a", "vm");
    expect(listeners.size).toBe(1);
    await redis.flushall();
    for (const hear of listeners) hear({ type: "job.done", kind: "action.run", instanceId: "a" });
    expect((await shelf.find("a", "vm")).held).toBeUndefined();
    clock.now += 1_000;
    await vi.waitFor(() => expect(listeners.size).toBe(0));
    await shelf.find("a", "vm");
    expect(listeners.size).toBe(1);
  });

  it("holds few inventories at a time, however many are read", async () => {
    const { clock, shelf } = await open();
    const seen: WeakRef<object>[] = [];
    for (let index = 0; index < 300; index += 1) {
      await put(`i${index}`);
      const { held } = await shelf.find(`i${index}`, "vm");
      seen.push(new WeakRef(held?.payload ?? {}));
      clock.now += 20;
    }
    clock.now += 1_000;
    await shelf.find("i0", "vm");
    await new Promise((resolve) => setImmediate(resolve));
    collectGarbage();
    expect(seen.filter((ref) => ref.deref() !== undefined).length).toBeLessThan(70);
  });
});
