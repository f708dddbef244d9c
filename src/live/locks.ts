/** Locks and the lines before them: all a job needs or none, first come first served, handed on by name. */
import { readFileSync } from "node:fs";
import type { LockNeed, QueueName } from "../model/job.ts";
import type { Redis } from "../redis.ts";
import { runScript, runScripts, type Script } from "./script.ts";

const locksScript: Script = {
  name: "swLocks",
  lua: readFileSync(new URL("./locks.lua", import.meta.url), "utf8"),
};

/** How long a lock is kept for the head of a line that was woken and has not come yet. */
const reserveMs = 60_000;
const sweepBatch = 50;

export interface AcquireRequest {
  readonly jobId: string;
  readonly attempt: number;
  readonly locks: readonly LockNeed[];
  /** The place in every line. */
  readonly admission: number;
  /** Where it goes when its turn comes. */
  readonly queue: QueueName;
  readonly ttlMs: number;
}

/** A job whose turn has come: it goes to its queue. */
export interface Woken {
  readonly id: string;
  readonly queue: QueueName;
}

export type Acquired =
  /** `waitedMs`: since it first stood in the lines; absent when it never did. */
  | { readonly got: true; readonly waitedMs?: number }
  | {
      readonly got: false;
      /** The first lock that stood in the way. */
      readonly lock: string;
      /** Who holds it, or waits for it in front of this job. */
      readonly heldBy: string | null;
    };

export interface HandOver {
  readonly reserveMs?: number;
}

/** One need per lock: who wants it alone does not also share it. The scripts read no half characters. */
const encode = (locks: readonly LockNeed[]): string => {
  const modes = new Map<string, "x" | "s">();
  for (const { name, mode } of locks) if (modes.get(name) !== "x") modes.set(name, mode === "exclusive" ? "x" : "s");
  return JSON.stringify([...modes].map(([name, mode]) => [name.toWellFormed(), mode]));
};

/** A job with several locks may be named once for each. */
const wokenOf = (reply: unknown): Woken[] => {
  const queues = new Map(reply as [string, QueueName][]);
  return [...queues].map(([id, queue]) => ({ id, queue }));
};

/**
 * These jobs are recorded. Who finds a lock taken stands in its line from now on: it is woken when its turn comes, and
 * has no business in the queue before. Who finds all free will come for them: until then, nobody who was admitted later
 * takes them, however the workers' claims fall. Harmless to repeat, also for a job that has come.
 * @returns the ids of those that stand in line
 */
export const expectJobs = async (
  redis: Redis,
  jobs: readonly (Woken & { readonly admission: number; readonly locks: readonly LockNeed[] })[],
): Promise<ReadonlySet<string>> => {
  const locked = jobs.filter(({ locks }) => locks.length > 0);
  if (locked.length === 0) return new Set();
  const calls = locked.map(({ id, admission, queue, locks }) => ["expect", id, admission, queue, encode(locks)]);
  const replies = await runScripts(redis, locksScript, calls);
  return new Set(locked.filter((_, index) => replies[index] === 1).map(({ id }) => id));
};

/** How many stand in line, by the queue to which they go. */
export const countStanding = async (redis: Redis): Promise<Record<QueueName, number>> => {
  const [interactive, background] = await Promise.all([
    redis.scard("sw:standing:interactive"),
    redis.scard("sw:standing:background"),
  ]);
  return { interactive, background };
};

/**
 * Takes all the locks of a job or none. On a miss the job stands in the line of each of them and gives up what it held.
 * Locks belong to the job: a re-run, and a head for whom they are reserved, find them theirs.
 */
export const acquire = async (redis: Redis, request: AcquireRequest): Promise<Acquired> => {
  const { jobId, locks, admission, queue, ttlMs } = request;
  if (locks.length === 0) return { got: true };
  const reply = await runScript(redis, locksScript, ["acquire", jobId, admission, queue, ttlMs, encode(locks)]);
  const [got, lock = "", owner] = reply as [number, (string | number)?, string?];
  if (got === 1) return { got: true, ...(typeof lock === "number" ? { waitedMs: lock } : {}) };
  return { got: false, lock: String(lock), heldBy: owner || null };
};

/**
 * The second look, after a job that stands in line has left the queue: true when all it waits for is reserved for it now
 * (or it waits no more), and it is to be woken.
 */
export const lookAgain = async (redis: Redis, jobId: string, options: HandOver = {}): Promise<boolean> =>
  (await runScript(redis, locksScript, ["look", jobId, options.reserveMs ?? reserveMs])) === 1;

/** A job that runs, and what it holds. */
export interface Holder {
  readonly id: string;
  readonly locks: readonly LockNeed[];
}

/** Keeps the locks of these for another `ttlMs`. Returns the ids of those that lost one to another job: they stop at once. */
export const renew = async (redis: Redis, holders: readonly Holder[], ttlMs: number): Promise<ReadonlySet<string>> => {
  const locked = holders.filter(({ locks }) => locks.length > 0);
  if (locked.length === 0) return new Set();
  const calls = locked.map(({ id, locks }) => ["renew", id, ttlMs, encode(locks)]);
  const replies = await runScripts(redis, locksScript, calls);
  return new Set(locked.filter((_, index) => replies[index] !== 1).map(({ id }) => id));
};

/** Gives up what the job holds and leaves its lines. Returns the jobs for which a lock is reserved now: wake them. */
export const release = async (
  redis: Redis,
  jobId: string,
  locks: readonly LockNeed[],
  options: HandOver = {},
): Promise<Woken[]> => {
  if (locks.length === 0) return [];
  const args = ["release", jobId, options.reserveMs ?? reserveMs, encode(locks)];
  return wokenOf(await runScript(redis, locksScript, args));
};

/** Takes a waiter out of its lines, as when it is cancelled. Returns whom that lets through: wake them. */
export const forget = (
  redis: Redis,
  jobId: string,
  locks: readonly LockNeed[],
  options: HandOver = {},
): Promise<Woken[]> => release(redis, jobId, locks, options);

/**
 * Looks at every line: what is free is reserved for its head, a head that sleeps on is named again, one that never woke
 * loses its turn. Returns the jobs to wake.
 */
export const sweepLines = async (redis: Redis, options: HandOver = {}): Promise<Woken[]> => {
  const locks = await redis.smembers("sw:lines");
  const batches: (string | number)[][] = [];
  for (let index = 0; index < locks.length; index += sweepBatch) {
    batches.push(["sweep", options.reserveMs ?? reserveMs, ...locks.slice(index, index + sweepBatch)]);
  }
  if (batches.length === 0) return [];
  return wokenOf((await runScripts(redis, locksScript, batches)).flat());
};

/** Who holds each of these locks now (one of them when it is shared); null = nobody. */
export const heldBy = async (redis: Redis, locks: readonly string[]): Promise<Record<string, string | null>> => {
  if (locks.length === 0) return {};
  const owners = (await runScript(redis, locksScript, ["owners", ...locks])) as string[];
  return Object.fromEntries(locks.map((lock, index) => [lock, owners[index] || null]));
};
