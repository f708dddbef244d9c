/** What a reply says about how old its inventory is. */
import type { InventoryFailure } from "../../model/inventory.ts";
import { time } from "../wire.ts";
import type { Held } from "./shelf.ts";

export interface CacheFacts {
  readonly ttlSeconds: number;
  readonly now: number;
  readonly refreshingJobId?: string | undefined;
  readonly failure?: InventoryFailure | undefined;
}

const errorOf = ({ failure }: CacheFacts) =>
  failure === undefined ? {} : { error: { code: failure.code, detail: failure.detail, at: time(failure.at) } };

export const cacheToWire = (held: Held | undefined, facts: CacheFacts): Record<string, unknown> => {
  const { now, ttlSeconds, refreshingJobId } = facts;
  const extras = {
    ...(refreshingJobId === undefined ? {} : { refreshing_job_id: refreshingJobId }),
    ...errorOf(facts),
  };
  if (!held) {
    const nothing = { fetched_at: null, age_s: null, ttl_s: ttlSeconds, target_count: 0, fetch_duration_ms: null };
    return { state: "empty", ...nothing, ...extras };
  }
  const { payload, isFresh } = held;
  return {
    state: isFresh ? "fresh" : "stale",
    fetched_at: time(payload.fetchedAt),
    age_s: Math.max(0, Math.round((now - payload.fetchedAt) / 100) / 10),
    ttl_s: payload.ttlSeconds,
    target_count: payload.items.length,
    fetch_duration_ms: payload.fetchDurationMs,
    ...extras,
  };
};

const rank = { fresh: 2, stale: 1, empty: 0 } as const;
type State = keyof typeof rank;

const failedAt = ({ error }: Record<string, unknown>): string => (error as { readonly at: string }).at;

/** Why a refresh failed last, of whichever type it was. */
const lastError = (caches: readonly Record<string, unknown>[]): Record<string, unknown> => {
  const [latest] = caches
    .filter(({ error }) => error !== undefined)
    .sort((left, right) => (failedAt(left) < failedAt(right) ? 1 : -1));
  return latest === undefined ? {} : { error: latest["error"] };
};

/** One word for several payloads: as old as the oldest, as empty as the emptiest. */
export const mergeCaches = (caches: readonly Record<string, unknown>[], now: number): Record<string, unknown> => {
  const [first = cacheToWire(undefined, { ttlSeconds: 0, now })] = [...caches].sort(
    (left, right) => rank[left["state"] as State] - rank[right["state"] as State],
  );
  const sum = (name: string): number => caches.reduce((total, cache) => total + Number(cache[name] ?? 0), 0);
  return { ...first, target_count: sum("target_count"), ...lastError(caches) };
};
