/** Retention: what is older than the setting leaves the store, a little at a time. */
import { pruneAudit } from "../store/audit.ts";
import { pruneChanges } from "../store/inventory.ts";
import { pruneJobs } from "../store/jobs.ts";
import { prunePlans } from "../store/plans.ts";
import { pruneContents, pruneReleases } from "../store/releases.ts";
import type { Store } from "../store/store.ts";
import { pruneTokens } from "../store/tokens.ts";
import type { Unit } from "../store/unit.ts";
import { pruneUploads } from "../store/uploads.ts";

interface RetentionDeps {
  readonly store: Store;
  readonly now: () => number;
  readonly retentionDays: number;
}

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
/** Small enough that nobody waits long for the commit. */
const atOnce = 200;

const fewAtOnce = 5;

type Prune = (limit: number) => Unit<number>;

/** One small unit after the other, until nothing is due. */
const pruneAll = async (
  store: Store,
  prune: Prune,
  { atOnce: limit, signal }: { readonly atOnce: number; readonly signal: AbortSignal },
): Promise<void> => {
  while (!signal.aborted && (await store.write(() => prune(limit))) >= limit);
};

/** Scheduled jobs that succeeded and changed nothing go after an hour, all else after the setting. */
export const pruneOld = async ({ store, now, retentionDays }: RetentionDeps, signal: AbortSignal): Promise<void> => {
  const before = now() - retentionDays * dayMs;
  const scheduledBefore = now() - hourMs;
  const prunes: Prune[] = [
    (limit) => pruneJobs({ before, scheduledBefore, limit }),
    (limit) => prunePlans({ before, limit }),
    (limit) => pruneAudit({ before, limit }),
    (limit) => pruneChanges({ before, limit }),
    (limit) => pruneTokens({ before, limit }),
  ];
  // Archives and contents weigh megabytes each. As long as their jobs are there, installs can be retried.
  const heavy: Prune[] = [
    (limit) => pruneUploads({ before, limit }),
    (limit) => pruneReleases({ before, limit }),
    (limit) => pruneContents({ limit }),
  ];
  for (const prune of prunes) await pruneAll(store, prune, { atOnce, signal });
  for (const prune of heavy) await pruneAll(store, prune, { atOnce: fewAtOnce, signal });
};
