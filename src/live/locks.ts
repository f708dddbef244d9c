/** Locks and the lines before them: all a job needs or none, first come first served, handed on by name. */
import { readFileSync } from "node:fs";
import type { LockNeed } from "../model/job.ts";
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
  readonly ttlMs: number;
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

/** One need per lock: who wants it alone does not also share it. */
const encode = (locks: readonly LockNeed[]): string => {
  const modes = new Map<string, "x" | "s">();
  for (const { name, mode } of locks) if (modes.get(name) !== "x") modes.set(name, mode === "exclusive" ? "x" : "s");
  return JSON.stringify([...modes]);
};

const unique = (ids: readonly string[]): string[] => [...new Set(ids)];

/**
 * These jobs are recorded and will come for their locks: until they do, nobody who was admitted later takes them, however
 * the workers' claims fall. Harmless to repeat, also for a job that has come.
 */
export const expectJobs = async (
  redis: Redis,
  jobs: readonly { readonly id: string; readonly admission: number; readonly locks: readonly LockNeed[] }[],
): Promise<void> => {
  const calls = jobs
    .filter(({ locks }) => locks.length > 0)
    .map(({ id, admission, locks }) => ["expect", id, admission, encode(locks)]);
  if (calls.length > 0) await runScripts(redis, locksScript, calls);
};

/**
 * Takes all the locks of a job or none. On a miss the job stands in the line of each of them and gives up what it held.
 * Locks belong to the job: a re-run, and a head for whom they are reserved, find them theirs.
 */
export const acquire = async (redis: Redis, request: AcquireRequest): Promise<Acquired> => {
  const { jobId, locks, admission, ttlMs } = request;
  if (locks.length === 0) return { got: true };
  const reply = await runScript(redis, locksScript, ["acquire", jobId, admission, ttlMs, encode(locks)]);
  const [got, lock = "", owner] = reply as [number, (string | number)?, string?];
  if (got === 1) return { got: true, ...(typeof lock === "number" ? { waitedMs: lock } : {}) };
  return { got: false, lock: String(lock), heldBy: owner || null };
};

/**
 * The second look, after a job was parked: true when all it waits for is reserved for it now (or it waits no more), and
 * it is to be promoted.
 */
export const lookAgain = async (redis: Redis, jobId: string, options: HandOver = {}): Promise<boolean> =>
  (await runScript(redis, locksScript, ["look", jobId, options.reserveMs ?? reserveMs])) === 1;

/** Keeps the locks of a running job for another `ttlMs`. False when one was lost to another job: stop at once. */
export const renew = async (redis: Redis, jobId: string, locks: readonly LockNeed[], ttlMs: number): Promise<boolean> =>
  locks.length === 0 || (await runScript(redis, locksScript, ["renew", jobId, ttlMs, encode(locks)])) === 1;

/** Gives up what the job holds and leaves its lines. Returns the jobs for which a lock is reserved now: promote them. */
export const release = async (
  redis: Redis,
  jobId: string,
  locks: readonly LockNeed[],
  options: HandOver = {},
): Promise<string[]> => {
  if (locks.length === 0) return [];
  const args = ["release", jobId, options.reserveMs ?? reserveMs, encode(locks)];
  return unique((await runScript(redis, locksScript, args)) as string[]);
};

/** Takes a waiter out of its lines, as when it is cancelled. Returns whom that lets through: promote them. */
export const forget = (
  redis: Redis,
  jobId: string,
  locks: readonly LockNeed[],
  options: HandOver = {},
): Promise<string[]> => release(redis, jobId, locks, options);

/**
 * Looks at every line: what is free is reserved for its head, a head that sleeps on is named again, one that never woke
 * loses its turn. Returns the jobs to promote.
 */
export const sweepLines = async (redis: Redis, options: HandOver = {}): Promise<string[]> => {
  const locks = await redis.smembers("sw:lines");
  const batches: (string | number)[][] = [];
  for (let index = 0; index < locks.length; index += sweepBatch) {
    batches.push(["sweep", options.reserveMs ?? reserveMs, ...locks.slice(index, index + sweepBatch)]);
  }
  if (batches.length === 0) return [];
  return unique((await runScripts(redis, locksScript, batches)).flat() as string[]);
};

/** Who holds each of these locks now (one of them when it is shared); null = nobody. */
export const heldBy = async (redis: Redis, locks: readonly string[]): Promise<Record<string, string | null>> => {
  if (locks.length === 0) return {};
  const owners = (await runScript(redis, locksScript, ["owners", ...locks])) as string[];
  return Object.fromEntries(locks.map((lock, index) => [lock, owners[index] || null]));
};
