/** Inventory payloads near the readers: what Redis says is fresh, parsed once per version; else what the store remembers. */
import { getInventoryText } from "../../live/cache.ts";
import type { FanoutEntry } from "../../live/fanout.ts";
import type { InventoryFailure, InventoryPayload } from "../../model/inventory.ts";
import { isActive, type Target } from "../../model/target.ts";
import type { Redis } from "../../redis.ts";
import { inventoryFailure, lastInventory } from "../../store/inventory.ts";
import type { Store } from "../../store/store.ts";
import type { Feed } from "../streams/feed.ts";

const maxEntries = 64;
const maxCharacters = 64 * 1024 * 1024;
/** Readers within this time share one look at Redis; what refreshes and changes end is not waited for. */
const shareMs = 50;
const maxShared = 1_000;

export interface Held {
  readonly payload: InventoryPayload;
  readonly isFresh: boolean;
}

/** What is known of one target type of an instance. */
export interface Found {
  /** Absent when there never was a payload. */
  readonly held?: Held | undefined;
  /** Why the last refresh failed, also while what the one before brought is fresh. */
  readonly failure?: InventoryFailure | undefined;
}

export interface View {
  readonly items: readonly Target[];
  /** The items as the bytes of their JSON text. */
  bytes(): Uint8Array;
}

export interface InventoryShelf {
  /** The payload of this moment, fresh or not, and how the last refresh went. */
  find(instanceId: string, targetType: string): Promise<Found>;
  /** The last good payload, as the store has it. */
  last(instanceId: string, targetType: string): Promise<InventoryPayload | undefined>;
  /** What was looked up of this instance is looked up anew. */
  forget(instanceId: string): void;
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

const encoder = new TextEncoder();

const createView = (items: readonly Target[]): View => {
  let bytes: Uint8Array | undefined;
  return {
    items,
    bytes: () => {
      bytes ??= encoder.encode(JSON.stringify(items));
      return bytes;
    },
  };
};

const createViews = (): InventoryShelf["view"] => {
  const views = new WeakMap<InventoryPayload, Map<boolean, View>>();
  return (payload, isActiveOnly) => {
    const known = views.get(payload) ?? new Map<boolean, View>();
    views.set(payload, known);
    const found = known.get(isActiveOnly) ?? createView(isActiveOnly ? payload.items.filter(isActive) : payload.items);
    known.set(isActiveOnly, found);
    return found;
  };
};

interface ShelfDeps {
  readonly store: Store;
  readonly redis: Redis;
  readonly feed: Feed;
  readonly now: () => number;
}

/** One look serves those who ask at about the same time; `listen` is on while there is something to be forgotten. */
const createSharing = (now: () => number, listen: () => () => void) => {
  const looks = new Map<string, { until: number; instanceId: string; found: Promise<Found> }>();
  let stop: (() => void) | undefined;
  /** A look that is over would hold its payload for as long as nobody asks for the same again. */
  const dropEnded = (): void => {
    for (const [key, { until }] of looks) {
      if (until > now()) return;
      looks.delete(key);
    }
  };
  const tidyLater = (): void => {
    setTimeout(tidy, 2 * shareMs).unref();
  };
  const tidy = (): void => {
    dropEnded();
    if (looks.size > 0) tidyLater();
    else {
      stop?.();
      stop = undefined;
    }
  };
  const attend = (): void => {
    if (stop !== undefined) return;
    stop = listen();
    tidyLater();
  };
  return {
    share: (instanceId: string, key: string, look: () => Promise<Found>): Promise<Found> => {
      const known = looks.get(key);
      if (known && known.until > now()) return known.found;
      looks.delete(key);
      dropEnded();
      if (looks.size >= maxShared) looks.clear();
      attend();
      const found = look();
      looks.set(key, { until: now() + shareMs, instanceId, found });
      const drop = (): boolean => looks.delete(key);
      // Only what is fresh is worth sharing for longer than the look takes.
      found.then(({ held }) => held?.isFresh || drop(), drop);
      return found;
    },
    forget: (instanceId: string): void => {
      for (const [key, look] of looks) if (look.instanceId === instanceId) looks.delete(key);
    },
  };
};

const changing: ReadonlySet<string | undefined> = new Set(["instance.refresh_inventory", "action.run"]);

const endsLooks = ({ type, kind }: FanoutEntry): boolean =>
  type.startsWith("integration_instance.") || (type === "job.done" && changing.has(kind));

export const createInventoryShelf = ({ store, redis, feed, now }: ShelfDeps): InventoryShelf => {
  const parse = createVersions();
  const { share, forget } = createSharing(now, () =>
    feed.overhear((entry) => {
      if (entry.instanceId !== undefined && endsLooks(entry)) forget(entry.instanceId);
    }),
  );
  const last: InventoryShelf["last"] = (instanceId, targetType) =>
    store.read(() => lastInventory({ instanceId, targetType }));
  const look = async (instanceId: string, targetType: string, key: string): Promise<Found> => {
    const [text, failure] = await Promise.all([
      getInventoryText(redis, instanceId, targetType).catch(() => undefined),
      store.read(() => inventoryFailure({ instanceId, targetType })),
    ]);
    if (text !== undefined) return { held: { payload: parse(key, text), isFresh: true }, failure };
    const payload = await last(instanceId, targetType);
    return { held: payload && { payload, isFresh: false }, failure };
  };
  return {
    find: (instanceId, targetType) => {
      const key = `${instanceId}/${targetType}`;
      return share(instanceId, key, () => look(instanceId, targetType, key));
    },
    last,
    forget,
    view: createViews(),
  };
};
