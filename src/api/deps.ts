/** What the API is made of: handed in by the role that starts it, or by a test. */
import type { Fanout } from "../live/fanout.ts";
import type { Log } from "../log.ts";
import type { Metrics } from "../metrics.ts";
import type { Admission } from "../queue/admit.ts";
import type { JobQueue } from "../queue/queue.ts";
import type { Schedules } from "../queue/schedules.ts";
import type { Redis } from "../redis.ts";
import type { Store } from "../store/store.ts";
import type { Tracer } from "../trace/trace.ts";

/** Seals one secret of an instance; nothing here can open it. */
type SealSecret = (place: { instanceId: string; name: string; version: number }, value: string) => string;

interface ApiSettings {
  readonly corsOrigins: readonly string[];
  /** A folder for uploads on their way into the store. */
  readonly scratchDir: string;
  /** Open event streams of this process; default 2,000. */
  readonly maxStreams?: number;
  /** Of these, how many one token may hold; default 1,000. */
  readonly maxStreamsPerToken?: number;
  /** How often an open stream says that it lives; default 15,000. */
  readonly keepAliveMs?: number;
}

export interface ApiDeps {
  readonly store: Store;
  readonly redis: Redis;
  /** A connection for messages: it may be used for nothing else. */
  readonly subscriber: Redis;
  readonly queue: JobQueue;
  readonly admission: Admission;
  readonly fanout: Fanout;
  /** Keeps heartbeats and refreshes in line with instances; absent: the rows in the store are all there is. */
  readonly schedules?: Pick<Schedules, "sync" | "setPaused">;
  readonly vaultSeal: SealSecret;
  readonly now: () => number;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly tracer?: Tracer | undefined;
  readonly version: string;
  /** Under which name the figures of this process are shown to other APIs. */
  readonly processId?: string;
  readonly config: ApiSettings;
  /** Aborted when the API stops: streams end, timers too. */
  readonly signal: AbortSignal;
}
