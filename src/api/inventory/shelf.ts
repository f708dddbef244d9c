/** Inventory payloads near the readers: what Redis says is fresh, parsed once per version; else what the store remembers. */
import { getInventoryText } from "../../live/cache.ts";
import type { InventoryPayload } from "../../model/inventory.ts";
import { isActive, type Target } from "../../model/target.ts";
import type { Redis } from "../../redis.ts";
import { lastInventory } from "../../store/inventory.ts";
import type { Store } from "../../store/store.ts";

const maxEntries = 64;
const maxCharacters = 64 * 1024 * 1024;

export interface Held {
  readonly payload: InventoryPayload;
  readonly isFresh: boolean;
}

export interface View {
  readonly items: readonly Target[];
  /** The items as JSON text. */
  text(): string;
}

export interface InventoryShelf {
  /** The payload of this moment, fresh or not; undefined when there never was one. */
  find(instanceId: string, targetType: string): Promise<Held | undefined>;
  /** Its items, all or the active ones; worked out once per version of the payload. */
  view(payload: InventoryPayload, isActiveOnly: boolean): View;
}

interface Entry {
  readonly text: string;
  readonly payload: InventoryPayload;
}

/** The same text is the same version: it is parsed once. */
const createVersions = () => {
  const entries = new Map<string, Entry>();
  let characters = 0;
  const drop = (key: string): void => {
    characters -= entries.get(key)?.text.length ?? 0;
    entries.delete(key);
  };
  return (key: string, text: string): InventoryPayload => {
    const known = entries.get(key);
    drop(key);
    const entry = known?.text === text ? known : { text, payload: JSON.parse(text) as InventoryPayload };
    entries.set(key, entry);
    characters += text.length;
    for (const oldest of entries.keys()) {
      if (entries.size <= maxEntries && characters <= maxCharacters) break;
      drop(oldest);
    }
    return entry.payload;
  };
};

const createView = (items: readonly Target[]): View => {
  let text: string | undefined;
  return {
    items,
    text: () => {
      text ??= JSON.stringify(items);
      return text;
    },
  };
};

export const createInventoryShelf = ({ store, redis }: { store: Store; redis: Redis }): InventoryShelf => {
  const parse = createVersions();
  const views = new WeakMap<InventoryPayload, Map<boolean, View>>();
  return {
    find: async (instanceId, targetType) => {
      const text = await getInventoryText(redis, instanceId, targetType).catch(() => undefined);
      if (text !== undefined) return { payload: parse(`${instanceId}/${targetType}`, text), isFresh: true };
      const payload = await store.read(() => lastInventory({ instanceId, targetType }));
      return payload && { payload, isFresh: false };
    },
    view: (payload, isActiveOnly) => {
      const known = views.get(payload) ?? new Map<boolean, View>();
      views.set(payload, known);
      const found =
        known.get(isActiveOnly) ?? createView(isActiveOnly ? payload.items.filter(isActive) : payload.items);
      known.set(isActiveOnly, found);
      return found;
    },
  };
};
