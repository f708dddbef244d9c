/** A job's events, each once and in order, over as many connections as it takes. */
import { CliFailure, type Problem } from "../failure.ts";
import { type Client, failureOf, pause, unreachable } from "./http.ts";

export interface StreamLine {
  /** Its number in the job: 1, 2, 3 ... */
  readonly id: number;
  /** `job.event` or `job.done`. */
  readonly event: string;
  /** The data as it came: one line of JSON. */
  readonly data: string;
}

/** The stream beats every 15 s; one that is silent for longer is dead. */
const silenceMs = 40_000;
/** How long a server may be away before it counts as gone. */
const patienceMs = 120_000;
/** One that is only started anew is back by then. */
const restartMs = 3_000;
const firstDelayMs = 200;
const maxDelayMs = 2_000;

const parseBlock = (block: string): StreamLine | undefined => {
  const fields: Record<string, string> = {};
  for (const line of block.split("\n")) {
    const colon = line.indexOf(":");
    if (colon > 0) fields[line.slice(0, colon)] = line.slice(colon + 1).trimStart();
  }
  const { id, event, data } = fields;
  return data === undefined || event === undefined ? undefined : { id: Number(id), event, data };
};

async function* readBlocks(response: Response, onBytes: () => void): AsyncGenerator<StreamLine> {
  let rest = "";
  for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
    onBytes();
    rest += chunk;
    for (let end = rest.indexOf("\n\n"); end >= 0; end = rest.indexOf("\n\n")) {
      const line = parseBlock(rest.slice(0, end));
      rest = rest.slice(end + 2);
      if (line) yield line;
    }
  }
}

/** Aborts when nothing came for a while. */
const createWatchdog = (signal: AbortSignal) => {
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(), silenceMs);
  return {
    signal: AbortSignal.any([signal, controller.signal]),
    feed: () => timer.refresh(),
    stop: () => clearTimeout(timer),
  };
};

interface Watch {
  /** Number of the last line that was handed on. */
  seen: number;
  delayMs: number;
  /** Since when nothing could be asked of the server; null while it answers. */
  awaySince: number | null;
  /** Whether the caller was told so. */
  isToldAway: boolean;
}

export interface Following {
  readonly signal: AbortSignal;
  /** Hears that nothing could be had for longer than a restart takes; the problem when the server answers with one. */
  readonly onAway?: (problem: Problem | null) => void;
  readonly onBack?: () => void;
}

const meet = (watch: Watch, { onBack }: Following): void => {
  watch.awaySince = null;
  if (!watch.isToldAway) return;
  watch.isToldAway = false;
  onBack?.();
};

/** The API's own words; a gateway before a server that is away has none. */
const problemOf = (thrown: unknown): Problem | null =>
  thrown instanceof CliFailure && thrown.problem.code !== "no_server" ? thrown.problem : null;

const miss = (watch: Watch, thrown: unknown, { onAway }: Following): void => {
  watch.awaySince ??= performance.now();
  if (watch.isToldAway || performance.now() - watch.awaySince < restartMs) return;
  watch.isToldAway = true;
  onAway?.(problemOf(thrown));
};

/** One connection: what follows on the last line, without a gap. A gap ends it, and the next one asks again from there. */
async function* readOnce(
  client: Client,
  jobId: string,
  watch: Watch,
  following: Following,
): AsyncGenerator<StreamLine> {
  const watchdog = createWatchdog(following.signal);
  try {
    const response = await client.open("GET", `/api/jobs/${encodeURIComponent(jobId)}/events`, {
      headers: { accept: "text/event-stream", "last-event-id": String(watch.seen) },
      signal: watchdog.signal,
    });
    if (!response.ok) throw await refused(client, response);
    meet(watch, following);
    let expected = watch.seen + 1;
    for await (const line of readBlocks(response, watchdog.feed)) {
      if (line.id < expected) continue;
      if (line.id > expected && line.event !== "job.done") return;
      expected = line.id + 1;
      yield line;
    }
  } finally {
    watchdog.stop();
  }
}

/** An answer that will not get better is thrown on; the others are tried again. */
class Refused extends Error {
  readonly failure: Error;
  constructor(failure: Error) {
    super(failure.message);
    this.failure = failure;
  }
}
const refused = async (client: Client, response: Response): Promise<Error> => {
  const body: unknown = await response.json().catch(() => undefined);
  const failure = failureOf(client.server, response.status, body);
  return response.status < 500 && response.status !== 429 ? new Refused(failure) : failure;
};

/** One connection; however it breaks, the next one goes on behind the last line. */
async function* readOn(client: Client, jobId: string, watch: Watch, following: Following): AsyncGenerator<StreamLine> {
  try {
    for await (const line of readOnce(client, jobId, watch, following)) {
      watch.seen = line.id;
      watch.delayMs = firstDelayMs;
      yield line;
    }
  } catch (thrown) {
    if (thrown instanceof Refused) throw thrown.failure;
    if (following.signal.aborted) return;
    miss(watch, thrown, following);
    if (performance.now() - (watch.awaySince ?? 0) <= patienceMs) return;
    throw thrown instanceof CliFailure ? thrown : unreachable(client.server, thrown);
  }
}

/**
 * Follows a job to its `job.done`, or until the signal.
 * @throws CliFailure when the job is not there or not for the caller, or when the server stays away or in trouble.
 */
export async function* followEvents(client: Client, jobId: string, following: Following): AsyncGenerator<StreamLine> {
  const watch: Watch = { seen: 0, delayMs: firstDelayMs, awaySince: null, isToldAway: false };
  while (!following.signal.aborted) {
    for await (const line of readOn(client, jobId, watch, following)) {
      yield line;
      if (line.event === "job.done") return;
    }
    await pause(watch.delayMs, following.signal);
    watch.delayMs = Math.min(watch.delayMs * 2, maxDelayMs);
  }
}
