/** Keeps a process in step with the store's master key: learns a new one, writes it into its file, forgets the old one. */
import { setTimeout as pause } from "node:timers/promises";
import { dropKeyHolder, showKeyHolder } from "../live/key-holders.ts";
import type { Log } from "../log.ts";
import type { Redis } from "../redis.ts";
import { readKeyFacts } from "../store/key-fence.ts";
import type { Store } from "../store/store.ts";
import type { Keyring } from "../vault/keyring.ts";
import { loadMasterKey, replaceKey } from "../vault/master-key.ts";
import { keyIdOf } from "../vault/sealed.ts";
import { parseRotation } from "./rotation-state.ts";

/** Where this process has its key from. A value that was set cannot be changed from inside. */
export type KeyPlace = { readonly value: Buffer } | { readonly file: string };

export interface KeyWatchDeps {
  readonly store: Store;
  readonly redis: Redis;
  readonly ring: Keyring;
  readonly place: KeyPlace;
  readonly processId: string;
  readonly host: string;
  readonly role: string;
  readonly log: Log;
  readonly everyMs?: number;
  /** So long after its last look it counts as living: a starved process must not be forgotten. */
  readonly shownForMs?: number;
}

export interface KeyWatch {
  /** Looks now instead of in a moment. */
  look(): Promise<void>;
  stop(): Promise<void>;
}

const usualEveryMs = 1_000;
const usualShownForMs = 15_000;

const keyAt = (place: KeyPlace): Buffer =>
  "value" in place ? place.value : loadMasterKey({ file: place.file, create: false });

/** Keys by which somebody may start again: another process on this machine may have written the file. */
const present = (place: KeyPlace): Buffer | undefined => {
  try {
    return keyAt(place);
  } catch {
    return undefined;
  }
};

/** Puts the new key into the file; answers what hinders that. */
const takeOver = (place: KeyPlace, key: Buffer): string | null => {
  const held = present(place);
  if (held !== undefined && keyIdOf(held) === keyIdOf(key)) return null;
  if ("value" in place) return "its key is set by SWITCHYARD_MASTER_KEY";
  try {
    replaceKey(place.file, key);
    return null;
  } catch (error) {
    return (error as Error).message;
  }
};

/** While a key is exchanged. */
const followRotation = ({ ring, place }: KeyWatchDeps, text: string): string | null => {
  const rotation = parseRotation(text);
  if (!ring.follow(rotation)) {
    const held = present(place);
    if (held !== undefined) ring.keep(held);
    if (held === undefined || !ring.follow(rotation)) return "its key is neither the old nor the new one";
  }
  const next = ring.key(rotation.to);
  return next === undefined ? "it does not know the new key" : takeOver(place, next);
};

/** While none is exchanged: the key that knows the store's mark is the one, and the only one. */
const settleOn = ({ ring, place }: KeyWatchDeps, mark: string): string | null => {
  const keys = [...ring.known.map((id) => ring.key(id)), present(place)];
  for (const key of keys) {
    if (key === undefined) continue;
    ring.keep(key);
    if (ring.knows(mark)) return null;
  }
  return "its key is not the store's any more: give it the new one and start it again";
};

const lookOnce = async (deps: KeyWatchDeps): Promise<string | null> => {
  const { mark, rotation } = await deps.store.read(readKeyFacts);
  if (rotation !== undefined) return followRotation(deps, rotation);
  return mark === undefined ? null : settleOn(deps, mark);
};

/** Looks at once and then every second, until it is stopped. */
export const watchKey = (deps: KeyWatchDeps): KeyWatch => {
  const { redis, ring, place, processId, host, role, log } = deps;
  const ending = new AbortController();
  let shown: string | null = null;
  let looking: Promise<void> = Promise.resolve();
  const look = async (): Promise<void> => {
    const problem = await lookOnce(deps);
    if (problem !== null && problem !== shown) log.error({ problem }, "the master key cannot be taken over");
    shown = problem;
    const held = present(place);
    const startsWith = held === undefined ? "none" : keyIdOf(held);
    const facts = { processId, host, role, startsWith, seals: ring.keyId, knows: ring.known, problem };
    if (!ending.signal.aborted) await showKeyHolder(redis, facts, deps.shownForMs ?? usualShownForMs);
  };
  /** One look after the other: the ring is changed in steps. */
  const inTurn = (): Promise<void> => {
    looking = looking.catch(() => undefined).then(look);
    return looking;
  };
  const running = (async () => {
    while (!ending.signal.aborted) {
      await inTurn().catch((error: unknown) => log.debug({ err: error }, "the master key could not be looked at"));
      await pause(deps.everyMs ?? usualEveryMs, undefined, { signal: ending.signal }).catch(() => undefined);
    }
  })();
  return {
    look: inTurn,
    stop: async () => {
      ending.abort();
      await running;
      await dropKeyHolder(redis, processId).catch(() => undefined);
    },
  };
};
