/** The open event streams of this process: how many, whose, and that they are kept alive. */
import { SwitchyardError } from "../../errors.ts";
import type { Metrics } from "../../metrics.ts";
import type { Principal } from "../../model/principal.ts";
import type { Auth } from "../access/auth.ts";
import { type EventStream, openEventStream } from "../http/sse.ts";

const defaultKeepAliveMs = 15_000;
/** Beats are spread: each stream has its own, so that many watchers do not cost one long pause. */
const tickMs = 1_000;
const defaultLimit = 2_000;
/** A token that opens all it can leaves as many to the others. */
const defaultTokenLimit = 1_000;
const retryAfterSeconds = 5;

export interface OpenStreams {
  /** @throws SwitchyardError `rate_limited` when there are too many, in all or of this token. */
  open(watcher: { principal: Principal; onClose: () => void; onBeat?: () => void; cut: () => void }): EventStream;
  readonly count: number;
}

interface StreamDeps {
  readonly auth: Auth;
  readonly now: () => number;
  readonly metrics: Metrics;
  readonly signal: AbortSignal;
  readonly limit?: number | undefined;
  readonly tokenLimit?: number | undefined;
  readonly keepAliveMs?: number | undefined;
}

interface Entry {
  readonly principal: Principal;
  readonly stream: EventStream;
  readonly onBeat?: () => void;
  nextBeat: number;
}

const beat = async (entry: Entry, auth: Auth): Promise<void> => {
  if (!(await auth.isValid(entry.principal).catch(() => true))) return entry.stream.end();
  entry.stream.beat();
  entry.onBeat?.();
};

const refuse = (whose: string, limit: number): never => {
  throw new SwitchyardError("rate_limited", {
    detail: `${whose} ${limit} open streams already. Close some, or watch everything in one stream at /api/events.`,
    details: { retry_after_s: retryAfterSeconds },
  });
};

/** How many streams each principal holds. */
const createHoldings = (limit: number) => {
  const held = new Map<string, number>();
  return {
    take: ({ id, name }: Principal): void => {
      const count = held.get(id) ?? 0;
      if (count >= limit) refuse(`The token ${name} has`, limit);
      held.set(id, count + 1);
    },
    give: ({ id }: Principal): void => {
      const count = (held.get(id) ?? 1) - 1;
      if (count > 0) held.set(id, count);
      else held.delete(id);
    },
  };
};

export const createOpenStreams = (deps: StreamDeps): OpenStreams => {
  const { auth, now, metrics, signal, limit = defaultLimit, keepAliveMs = defaultKeepAliveMs } = deps;
  const holdings = createHoldings(deps.tokenLimit ?? defaultTokenLimit);
  const entries = new Set<Entry>();
  const endAll = (isMeant: (entry: Entry) => boolean): void => {
    for (const entry of [...entries]) if (isMeant(entry)) entry.stream.end();
  };
  const timer = setInterval(
    () => {
      for (const entry of entries) {
        if (entry.nextBeat > now()) continue;
        entry.nextBeat = now() + keepAliveMs;
        void beat(entry, auth);
      }
    },
    Math.min(tickMs, keepAliveMs),
  );
  timer.unref();
  auth.onRevoked((tokenId) => endAll(({ principal }) => principal.id === tokenId));
  signal.addEventListener("abort", () => {
    clearInterval(timer);
    endAll(() => true);
  });
  return {
    open: ({ principal, onClose, onBeat, cut }) => {
      if (entries.size >= limit || signal.aborted) refuse("There are", limit);
      holdings.take(principal);
      const stream = openEventStream({
        onClose: () => {
          if (entries.delete(entry)) holdings.give(principal);
          metrics.watchers(entries.size);
          onClose();
        },
        cutConnection: cut,
      });
      const entry: Entry = { principal, stream, nextBeat: now() + keepAliveMs, ...(onBeat && { onBeat }) };
      entries.add(entry);
      metrics.watchers(entries.size);
      return stream;
    },
    get count() {
      return entries.size;
    },
  };
};
