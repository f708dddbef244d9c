/** Everything the caller may see, to one watcher. */
import { compareIds, type Fanout, type FanoutEntry } from "../../live/fanout.ts";
import type { Principal } from "../../model/principal.ts";
import { seesSubject } from "../access.ts";
import type { EventStream } from "../sse.ts";
import type { Feed } from "./feed.ts";
import type { OpenStreams } from "./open-streams.ts";

const pageSize = 500;
const maxPending = 10_000;

export interface GlobalFilter {
  readonly kind?: string | undefined;
  readonly instanceId?: string | undefined;
  readonly jobId?: string | undefined;
}

interface GlobalDeps {
  readonly fanout: Fanout;
  readonly feed: Feed;
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
  /** Entries that came while older ones are read; null when they are handed on at once. */
  pending: FanoutEntry[] | null;
}

const pass = (watch: Watch, feed: Feed, entry: FanoutEntry): void => {
  if (compareIds(entry.id, watch.seen) <= 0) return;
  watch.seen = entry.id;
  if (watch.wants(entry)) watch.stream.send(feed.globalFrame(entry));
};

const replay = async ({ fanout, feed }: GlobalDeps, watch: Watch): Promise<void> => {
  while (!watch.stream.isClosed) {
    const entries = await fanout.readSince(watch.seen, pageSize);
    if (entries.length === 0) break;
    await watch.stream.room();
    for (const entry of entries) pass(watch, feed, entry);
  }
  const { pending } = watch;
  watch.pending = null;
  for (const entry of pending ?? []) pass(watch, feed, entry);
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
    seen: after ?? "0-0",
    pending: after === undefined ? null : [],
  };
  const leave = deps.feed.watchAll((entry) => {
    if (watch.pending === null) return pass(watch, deps.feed, entry);
    watch.pending.push(entry);
    if (watch.pending.length > maxPending) watch.stream.cut();
  });
  // A flushed Redis counts anew.
  const ignore = deps.feed.watchGaps(() => {
    watch.seen = "0-0";
  });
  const close = (): void => {
    leave();
    ignore();
  };
  if (after !== undefined) replay(deps, watch).catch(() => stream.cut());
  return stream.response;
};
