/** One job's events to one watcher: from any number on, exactly once each, then `job.done`. */
import { readEvents as readLive } from "../../live/events.ts";
import type { FanoutEntry } from "../../live/fanout.ts";
import type { JobEvent } from "../../model/event.ts";
import { isSettled, type Job } from "../../model/job.ts";
import type { Principal } from "../../model/principal.ts";
import type { Redis } from "../../redis.ts";
import { readEvents as readStored } from "../../store/events.ts";
import { findJob } from "../../store/jobs.ts";
import type { Store } from "../../store/store.ts";
import { type EventStream, encodeFrame, frame } from "../http/sse.ts";
import { doneToWire, eventToWire } from "../wire.ts";
import type { Feed } from "./feed.ts";
import type { OpenStreams } from "./open-streams.ts";

const pageSize = 200;
/** Replayed events travel in pieces of about this size. */
const pieceBytes = 64 * 1024;
const maxRounds = 100;

interface WatchDeps {
  readonly store: Store;
  readonly redis: Redis;
  readonly feed: Feed;
  readonly streams: OpenStreams;
}

interface Watch {
  readonly jobId: string;
  stream: EventStream;
  /** Number of the last event that was sent. */
  sent: number;
  /** Whether anything came since the last beat. */
  isQuiet: boolean;
  /** Entries go straight to the watcher; otherwise older ones are being read, and the new ones after them. */
  isLive: boolean;
  /** Something came while older ones were read. */
  isBehind: boolean;
}

/** Those that follow on `after` without a gap. */
const following = (events: readonly JobEvent[], after: number): readonly JobEvent[] => {
  const start = events.findIndex(({ seq }) => seq === after + 1);
  if (start < 0) return [];
  const gap = events.findIndex((event, index) => index >= start && event.seq !== after + 1 + index - start);
  return events.slice(start, gap < 0 ? undefined : gap);
};

/** The next events of a job: what is spilled from the store, the rest from the job's stream. */
export const readRange = async (
  { store, redis }: Pick<WatchDeps, "store" | "redis">,
  range: { jobId: string; after: number; limit: number },
): Promise<readonly JobEvent[]> => {
  const stored = following(await store.read(() => readStored(range)), range.after);
  if (stored.length > 0) return stored;
  const live = await readLive(redis, range.jobId, { after: range.after, limit: range.limit }).catch(() => []);
  return following(live, range.after);
};

/** Sends a page at the watcher's own pace. */
const sendPaced = async (watch: Watch, events: readonly JobEvent[]): Promise<void> => {
  let text = "";
  for (const event of events) {
    text += frame(event.seq, "job.event", eventToWire(watch.jobId, event));
    if (text.length < pieceBytes && event !== events.at(-1)) continue;
    await watch.stream.room();
    watch.sent = event.seq;
    watch.stream.send(encodeFrame(text));
    text = "";
  }
};

const sendAvailable = async (deps: WatchDeps, watch: Watch): Promise<void> => {
  while (!watch.stream.isClosed) {
    const events = await readRange(deps, { jobId: watch.jobId, after: watch.sent, limit: pageSize });
    if (events.length === 0) return;
    await sendPaced(watch, events);
  }
};

const finish = (watch: Watch, job: Job): void => {
  watch.stream.send(encodeFrame(frame(Math.max(job.lastSeq, watch.sent) + 1, "job.done", doneToWire(job))));
  watch.stream.end();
};

/** Hands an entry on when it is the next one, drops it when it was sent before. False: read what is missing. */
const pass = (watch: Watch, feed: Feed, entry: FanoutEntry): boolean => {
  if (entry.type === "job.done") return false;
  const seq = entry.seq ?? 0;
  if (seq <= watch.sent) return true;
  if (seq !== watch.sent + 1 || entry.data === "" || !watch.stream.hasRoom) return false;
  watch.sent = seq;
  watch.stream.send(feed.jobFrame(entry));
  return true;
};

const catchUp = async (deps: WatchDeps, watch: Watch): Promise<void> => {
  for (let round = 0; round < maxRounds && !watch.stream.isClosed; round += 1) {
    watch.isBehind = false;
    const job = await deps.store.read(() => findJob(watch.jobId));
    await sendAvailable(deps, watch);
    if (!job) return watch.stream.end();
    if (isSettled(job.state)) return finish(watch, job);
    if (!watch.isBehind) break;
  }
  watch.isLive = true;
};

/** What cannot be read now is tried again with the next entry, and with the beat of a quiet stream. */
const startCatchUp = (deps: WatchDeps, watch: Watch): void => {
  watch.isLive = false;
  catchUp(deps, watch).catch(() => watch.stream.cut());
};

/**
 * Opens the stream: subscribes first, then reads the range, then drops what was sent already. A watcher that lags is
 * served from the range again, at its own pace; one that reads nothing at all is cut off at the next beat.
 * @throws SwitchyardError `rate_limited` when too many streams are open.
 */
export const watchJob = (
  deps: WatchDeps,
  { jobId, after, principal, cut }: { jobId: string; after: number; principal: Principal; cut: () => void },
): Response => {
  const accept = (entry: FanoutEntry): void => {
    watch.isQuiet = false;
    watch.isBehind = true;
    if (watch.isLive && !pass(watch, deps.feed, entry)) startCatchUp(deps, watch);
  };
  const onBeat = (): void => {
    if (watch.isLive && watch.isQuiet) startCatchUp(deps, watch);
    watch.isQuiet = true;
  };
  const stream = deps.streams.open({ principal, onClose: () => close(), onBeat, cut });
  const watch: Watch = { jobId, stream, sent: after, isQuiet: false, isLive: false, isBehind: false };
  const leave = deps.feed.watchJob(jobId, accept);
  const ignore = deps.feed.watchGaps(() => {
    if (watch.isLive) startCatchUp(deps, watch);
  });
  const close = (): void => {
    leave();
    ignore();
  };
  startCatchUp(deps, watch);
  return stream.response;
};
