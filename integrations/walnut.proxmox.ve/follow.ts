/** Looking again and again until something is as it should be: tasks, guests and hosts after a request. */
import { setTimeout as sleep } from "node:timers/promises";
import { DriverError, type DriverLog, type HttpClient } from "switchyard/sdk";
import { read } from "./answer.ts";
import { exitOf, logLinesOf } from "./resources.ts";

/** Failures that pass: the node is busy, restarts its API, or the network hiccups. */
const passing = new Set([
  ...["device_error", "connection_refused", "network_unreachable", "dns_failed"],
  ...["connect_timeout", "response_timeout", "protocol_mismatch"],
]);
export const isPassing = (thrown: unknown): boolean => thrown instanceof DriverError && passing.has(thrown.code);

export interface Patience {
  readonly signal: AbortSignal;
  /** How long to look at all; default: as long as the job may run. */
  readonly forMs?: number;
  readonly slowestMs?: number;
}

const firstPauseMs = 200;
/** For how long a look may fail in a row. */
const failingMs = 60_000;

/**
 * Looks with growing pauses until `look` gives something else than null, or gives null when the time is over. Failures
 * that pass are borne for a minute: what was started goes on whether it is watched or not.
 */
export const watch = async <T>(look: () => Promise<T | null>, patience: Patience): Promise<T | null> => {
  const { signal, forMs = Number.POSITIVE_INFINITY, slowestMs = 2000 } = patience;
  const begin = performance.now();
  let goodAt = begin;
  for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(pauseMs * 1.5, slowestMs)) {
    try {
      const found = await look();
      if (found !== null) return found;
      goodAt = performance.now();
    } catch (thrown) {
      if (!isPassing(thrown) || performance.now() - goodAt > failingMs) throw thrown;
    }
    if (performance.now() - begin > forMs) return null;
    await sleep(pauseMs, undefined, { signal });
  }
};

interface TaskWatch {
  readonly http: HttpClient;
  readonly log: DriverLog;
  readonly signal: AbortSignal;
}

const pageLines = 500;

/** The list of tasks was purged, or the node was put up anew or taken away: what the task did is done all the same. */
const isForgotten = (thrown: unknown): boolean =>
  thrown instanceof DriverError &&
  (thrown.code === "target_not_found" || /no such task/i.test(String(thrown.details["message"])));

/** Follows a task to its end with its log as events, and gives its exit status; null: nobody knows the task any more. */
export const followTask = async (upid: string, { http, log, signal }: TaskWatch): Promise<string | null> => {
  const node = upid.split(":")[1] ?? "";
  const path = `/nodes/${encodeURIComponent(node)}/tasks/${encodeURIComponent(upid)}`;
  let seen = 0;
  const logNews = async (): Promise<void> => {
    for (let page = pageLines; page === pageLines; ) {
      const lines = logLinesOf(await read(http, `${path}/log`, { start: seen, limit: pageLines }));
      for (const { n, t } of lines.filter((line) => line.n > seen)) log.info(t, { upid, line: n });
      page = lines.length;
      seen = lines.at(-1)?.n ?? seen;
    }
  };
  const look = async (): Promise<{ readonly exit: string | null } | null> => {
    try {
      // The status first: a task that is over has all its lines.
      const exit = exitOf(await read(http, `${path}/status`));
      await logNews();
      return exit === null ? null : { exit };
    } catch (thrown) {
      if (isForgotten(thrown)) return { exit: null };
      throw thrown;
    }
  };
  return (await watch(look, { signal }))?.exit ?? null;
};
