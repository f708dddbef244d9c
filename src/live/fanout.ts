/** Reads the stream over everything once per process and hands each entry to whoever listens, each once and in order. */
import { once } from "node:events";
import { setTimeout as pause } from "node:timers/promises";
import type { Log } from "../log.ts";
import type { SystemEvent } from "../model/event.ts";
import type { Redis } from "../redis.ts";
import { fanoutKey } from "./events.ts";

export interface FanoutEntry {
  /** Rises with each entry; `compareIds` orders them. */
  readonly id: string;
  readonly type: "job.event" | "job.done" | SystemEvent["type"];
  readonly jobId?: string;
  readonly instanceId?: string;
  readonly typeId?: string;
  readonly kind?: string;
  /** Number in the job. */
  readonly seq?: number;
  /** JSON as clients see it; empty where it is long: then it lies with the job. */
  readonly data: string;
}

export interface Fanout {
  /** Resolves when it follows the stream: what is appended from then on is heard. */
  readonly ready: Promise<void>;
  /** Calls the listener with each entry from now on. Returns how to stop. */
  subscribe(listener: (entry: FanoutEntry) => void): () => void;
  /** The same for who is not in a hurry: while nobody else listens, entries are read in larger parts. */
  overhear(listener: (entry: FanoutEntry) => void): () => void;
  /** Calls the listener with what is read for others; while nobody listens, with one new entry now and then. */
  sample(listener: (entry: FanoutEntry) => void): () => void;
  /** Calls the listener when entries may have been lost (Redis was flushed, or trimmed while it was out of reach). */
  onGap(listener: () => void): () => void;
  /** The kept entries after that id, oldest first. */
  readSince(id: string, limit: number): Promise<FanoutEntry[]>;
  /** The id of the last entry handed out. */
  lastId(): string;
  close(): Promise<void>;
}

const start = "0-0";
const blockMs = 2000;
const batchSize = 1000;
/** So late may be heard what nobody waits for. */
const lateMs = 25;
/** While nobody listens, one entry is read in this time, and the others are passed over. */
const sampleMs = 100;

const parseId = (id: string): [number, number] => {
  const [time = "0", count = "0"] = id.split("-");
  return [Number(time), Number(count)];
};

/** Negative when `a` came before `b`. */
export const compareIds = (a: string, b: string): number => {
  const [timeA, countA] = parseId(a);
  const [timeB, countB] = parseId(b);
  return timeA - timeB || countA - countB;
};

type RawEntry = [id: string, fields: string[]];

const optional = <K extends string>(key: K, value: string | undefined): { [P in K]?: string } =>
  value ? ({ [key]: value } as { [P in K]?: string }) : {};

const readEntry = ([id, fields]: RawEntry): FanoutEntry => {
  const found: Record<string, string> = {};
  for (let index = 0; index + 1 < fields.length; index += 2) found[fields[index] ?? ""] = fields[index + 1] ?? "";
  return {
    id,
    type: (found["t"] ?? "job.event") as FanoutEntry["type"],
    ...optional("jobId", found["j"]),
    ...optional("instanceId", found["i"]),
    ...optional("typeId", found["y"]),
    ...optional("kind", found["k"]),
    ...(found["s"] ? { seq: Number(found["s"]) } : {}),
    data: found["d"] ?? "{}",
  };
};

const edge = async (redis: Redis, end: "first" | "last"): Promise<string> => {
  const [entry] =
    end === "first"
      ? await redis.xrange(fanoutKey, "-", "+", "COUNT", 1)
      : await redis.xrevrange(fanoutKey, "+", "-", "COUNT", 1);
  return entry?.[0] ?? start;
};

interface Position {
  /** Undefined until the end of the stream was found for the first time. */
  last: string | undefined;
}

/**
 * Compares the kept position with the stream after a connection, and whenever nothing came for a while: a flushed
 * stream begins anew, and its ids may lie below those of the old one. True when entries may be lost.
 */
const align = async (redis: Redis, position: Position): Promise<boolean> => {
  const newest = await edge(redis, "last");
  if (position.last === undefined) {
    position.last = newest;
    return false;
  }
  if (position.last === start) return false;
  if (compareIds(newest, position.last) < 0) {
    position.last = start;
    return true;
  }
  return compareIds(await edge(redis, "first"), position.last) > 0;
};

const readNext = async (redis: Redis, after: string, count: number): Promise<FanoutEntry[]> => {
  const reply = await redis.xread("COUNT", count, "BLOCK", blockMs, "STREAMS", fanoutKey, after);
  return (reply?.[0]?.[1] ?? []).map((entry) => readEntry(entry as RawEntry));
};

const untilBack = async (redis: Redis, signal: AbortSignal): Promise<void> => {
  const waits = [pause(500, undefined, { signal })];
  if (redis.status !== "ready") waits.push(once(redis, "ready", { signal }).then(() => undefined));
  await Promise.race(waits).catch(() => undefined);
};

/** Calls every listener; one that throws hurts no other. */
const tell = <T extends readonly unknown[]>(
  listeners: ReadonlySet<(...args: T) => void>,
  log: Log,
  ...args: T
): void => {
  for (const listener of listeners) {
    try {
      listener(...args);
    } catch (error) {
      log.error({ err: String(error) }, "a listener of the event stream threw");
    }
  }
};

const readerLike = (redis: Redis): Redis => {
  const reader: Redis = redis.duplicate({
    enableOfflineQueue: true,
    maxRetriesPerRequest: 0,
    blockingTimeout: 5 * blockMs,
    blockingTimeoutGrace: 3000,
    commandTimeout: undefined,
    connectionName: "switchyard-fanout",
  });
  reader.on("error", () => undefined);
  return reader;
};

type Listener = (entry: FanoutEntry) => void;

/** Who listens, and how soon each must hear. */
const createAudience = (log: Log) => {
  const now = new Set<Listener>();
  const soon = new Set<Listener>();
  const sometimes = new Set<Listener>();
  let hurry = new AbortController();
  const isAny = (): boolean => now.size + soon.size > 0;
  const hasten = (): void => {
    hurry.abort();
    hurry = new AbortController();
  };
  const join = (set: Set<Listener>) => (listener: Listener) => {
    if (set !== sometimes) hasten();
    set.add(listener);
    return () => void set.delete(listener);
  };
  return {
    isAny,
    hasten,
    subscribe: join(now),
    overhear: join(soon),
    sample: join(sometimes),
    tell(entry: FanoutEntry): void {
      for (const set of [sometimes, soon, now]) tell(set, log, entry);
    },
    /** Resolves when the next entries may be read; at once while somebody is in a hurry. */
    async rest(): Promise<void> {
      if (now.size > 0) return;
      await pause(soon.size > 0 ? lateMs : sampleMs, undefined, { signal: hurry.signal }).catch(() => undefined);
    },
  };
};

type Audience = ReturnType<typeof createAudience>;

/** What comes next; while nobody listens, one entry of those to come. Who begins meanwhile hears all from then on. */
const readFor = async ({ isAny }: Audience, redis: Redis, position: Position): Promise<FanoutEntry[]> => {
  if (!isAny()) {
    const newest = await edge(redis, "last");
    if (!isAny() && compareIds(newest, position.last ?? start) > 0) position.last = newest;
  }
  return readNext(redis, position.last ?? start, isAny() ? batchSize : 1);
};

/** Follows the stream over a connection of its own, made like the given one, which serves `readSince`. */
export const openFanout = (redis: Redis, log: Log): Fanout => {
  const reader = readerLike(redis);
  const stopping = new AbortController();
  const audience = createAudience(log);
  const gapListeners = new Set<() => void>();
  const position: Position = { last: undefined };
  const isReady = Promise.withResolvers<void>();

  const follow = async (): Promise<void> => {
    let isAligned = false;
    while (!stopping.signal.aborted) {
      if (!isAligned && (await align(reader, position))) tell(gapListeners, log);
      isReady.resolve();
      const entries = await readFor(audience, reader, position);
      isAligned = entries.length > 0;
      for (const entry of entries) {
        position.last = entry.id;
        audience.tell(entry);
      }
      await audience.rest();
    }
  };
  const keepFollowing = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      await follow().catch(async (error: unknown) => {
        if (stopping.signal.aborted) return;
        log.warn({ err: String(error) }, "the event stream is out of reach");
        // A server that accepts and stays silent is only left by a new connection.
        if (reader.status === "ready") reader.disconnect(true);
        await untilBack(reader, stopping.signal);
      });
    }
  };
  const ended = keepFollowing();
  return {
    ready: isReady.promise,
    subscribe: audience.subscribe,
    overhear: audience.overhear,
    sample: audience.sample,
    onGap: (listener) => {
      gapListeners.add(listener);
      return () => void gapListeners.delete(listener);
    },
    readSince: async (id, limit) =>
      (await redis.xrange(fanoutKey, `(${id}`, "+", "COUNT", limit)).map((entry) => readEntry(entry)),
    lastId: () => position.last ?? start,
    close: async () => {
      stopping.abort();
      audience.hasten();
      reader.disconnect();
      await ended;
    },
  };
};
