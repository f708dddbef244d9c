/** Everything the caller may see, to one watcher. */
import { compareIds, type Fanout, type FanoutEntry } from "../../live/fanout.ts";
import type { Principal } from "../../model/principal.ts";
import { seesSubject } from "../access/access.ts";
import type { EventStream } from "../http/sse.ts";
import type { Feed } from "./feed.ts";
import type { LargeEntries } from "./large-entries.ts";
import type { OpenStreams } from "./open-streams.ts";

const pageSize = 500;

export interface GlobalFilter {
  readonly kind?: string | undefined;
  readonly instanceId?: string | undefined;
  readonly jobId?: string | undefined;
}

interface GlobalDeps {
  readonly fanout: Fanout;
  readonly feed: Feed;
  readonly large: LargeEntries;
  readonly streams: OpenStreams;
}

/** Types are visible to all; what belongs to an instance only to those who see it. */
const isVisible = (principal: Principal, { type, instanceId }: FanoutEntry): boolean =>
  type.startsWith("integration_type.") || seesSubject(principal, instanceId);

const isWanted =
  (principal: Principal, filter: GlobalFilter) =>
  (entry: FanoutEntry): boolean =>
    isVisible(principal, entry) &&
    (filter.kind === undefined || entry.kind === filter.kind) &&
    (filter.instanceId === undefined || entry.instanceId === filter.instanceId) &&
    (filter.jobId === undefined || entry.jobId === filter.jobId);

interface Watch {
  readonly wants: (entry: FanoutEntry) => boolean;
  stream: EventStream;
  /** Id of the last entry that was looked at. */
  seen: string;
  /** Entries go straight to the watcher; otherwise older ones are being read, and the new ones after them. */
  isLive: boolean;
  /** Something came while older ones were read. */
  isBehind: boolean;
}

const pass = (watch: Watch, feed: Feed, entry: FanoutEntry): void => {
  if (compareIds(entry.id, watch.seen) <= 0) return;
  watch.seen = entry.id;
  if (watch.wants(entry)) watch.stream.send(feed.globalFrame(entry));
};

const isLarge = (watch: Watch, entry: FanoutEntry): boolean => entry.data === "" && watch.wants(entry);

/** What lies with a job that is gone is passed over. */
const passWhole = async ({ feed, large }: GlobalDeps, watch: Watch, entry: FanoutEntry): Promise<void> => {
  const whole = isLarge(watch, entry) ? await large.read(entry) : entry;
  if (whole === undefined) watch.seen = entry.id;
  else pass(watch, feed, whole);
};

const catchUp = async (deps: GlobalDeps, watch: Watch): Promise<void> => {
  while (!watch.stream.isClosed) {
    watch.isBehind = false;
    const entries = await deps.fanout.readSince(watch.seen, pageSize);
    for (const entry of entries) {
      await watch.stream.room();
      if (watch.stream.isClosed) return;
      await passWhole(deps, watch, entry);
    }
    if (entries.length === 0 && !watch.isBehind) break;
  }
  watch.isLive = true;
};

/** A watcher that lags, or is to hear what the stream only names, is served from the kept entries, at its own pace. */
const startCatchUp = (deps: GlobalDeps, watch: Watch): void => {
  watch.isLive = false;
  catchUp(deps, watch).catch(() => watch.stream.cut());
};

/** @throws SwitchyardError `rate_limited` when too many streams are open. */
export const watchEverything = (
  deps: GlobalDeps,
  options: { after: string | undefined; filter: GlobalFilter; principal: Principal; cut: () => void },
): Response => {
  const { after, filter, principal, cut } = options;
  const stream = deps.streams.open({ principal, onClose: () => close(), cut });
  const watch: Watch = {
    wants: isWanted(principal, filter),
    stream,
    seen: after ?? deps.fanout.lastId(),
    isLive: true,
    isBehind: false,
  };
  const leave = deps.feed.watchAll((entry) => {
    watch.isBehind = true;
    if (!watch.isLive) return;
    if (watch.stream.hasRoom && !isLarge(watch, entry)) pass(watch, deps.feed, entry);
    else startCatchUp(deps, watch);
  });
  // A flushed Redis counts anew.
  const ignore = deps.feed.watchGaps(() => {
    watch.seen = "0-0";
  });
  const close = (): void => {
    leave();
    ignore();
  };
  if (after !== undefined) startCatchUp(deps, watch);
  return stream.response;
};
