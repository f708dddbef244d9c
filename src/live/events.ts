/** The event streams: one per job, numbered without a gap and fenced, and one over everything. */
import { randomBytes } from "node:crypto";
import type { JobEvent, NewEvent, SystemEvent } from "../model/event.ts";
import type { JsonObject } from "../model/json.ts";
import type { Redis } from "../redis.ts";
import { runScript, runScripts, type Script } from "./script.ts";
import { eventOfWire, wireNewEvent, wireSystemEvent } from "./wire.ts";

/** What the readers of the global stream filter by. */
interface JobFacts {
  readonly kind: string;
  readonly instanceId?: string;
  readonly typeId?: string;
}

export interface AppendItem {
  readonly jobId: string;
  readonly attempt: number;
  /** The highest number the caller knows of: numbering goes on from it when Redis lost its own. */
  readonly floorSeq: number;
  readonly events: readonly NewEvent[];
  readonly facts: JobFacts;
  /** Names this batch: given again after a broken connection, it is not appended twice. */
  readonly batch?: string;
}

export interface DoneItem {
  readonly jobId: string;
  readonly attempt: number;
  /** The number after the last event. */
  readonly seq: number;
  /** `data` of `job.done`, as clients see it. */
  readonly done: JsonObject;
  readonly facts: JobFacts;
}

/** The stream over everything keeps at least so many entries. */
const fanoutLength = 10_000;
export const fanoutKey = "sw:fanout";

/** A job that says nothing for a week is gone; each event starts the week anew. */
const openMs = 7 * 24 * 3_600_000;
/** Settled jobs are read from the store; the stream stays for readers who are under way. */
const doneMs = 15 * 60_000;
/** The mark that a job is done outlives every worker that might still speak for it. */
const fenceMs = 6 * 3_600_000;

/** ARGV: job, attempt, floor, batch, kind, instance, type, events ... -> number of the first one, or -1 when stale. */
const appendScript: Script = {
  name: "swAppendEvents",
  lua: `
local job, stream = "sw:job:" .. ARGV[1], "sw:events:" .. ARGV[1]
local attempt, batch = tonumber(ARGV[2]), ARGV[4]
local known = redis.call("HMGET", job, "attempt", "seq", "done", "batch", "batch_from")
if known[3] or (known[1] and tonumber(known[1]) > attempt) then return -1 end
if known[4] == batch then return tonumber(known[5]) end
local seq = math.max(tonumber(known[2] or "0"), tonumber(ARGV[3]))
local from = seq + 1
for index = 8, #ARGV do
  seq = seq + 1
  local data = '{"seq":' .. string.format("%d", seq) .. "," .. string.sub(ARGV[index], 2)
  redis.call("XADD", stream, string.format("%d-0", seq), "d", data)
  redis.call("XADD", "${fanoutKey}", "MAXLEN", "~", ${fanoutLength}, "*", "t", "job.event", "j", ARGV[1],
    "k", ARGV[5], "i", ARGV[6], "y", ARGV[7], "s", seq, "d", data)
end
redis.call("HSET", job, "attempt", attempt, "seq", seq, "batch", batch, "batch_from", from)
redis.call("PEXPIRE", job, ${openMs})
redis.call("PEXPIRE", stream, ${openMs})
return from
`,
};

/** ARGV: job, attempt -> 1, or 0 when a later attempt is open. */
const openScript: Script = {
  name: "swOpenAttempt",
  lua: `
local job, attempt = "sw:job:" .. ARGV[1], tonumber(ARGV[2])
if tonumber(redis.call("HGET", job, "attempt") or "0") > attempt then return 0 end
redis.call("HSET", job, "attempt", attempt)
if redis.call("HEXISTS", job, "done") == 0 then redis.call("PEXPIRE", job, ${openMs}) end
return 1
`,
};

/** ARGV: job, attempt, seq, kind, instance, type, data -> 1, or 0 when it stood there already. */
const doneScript: Script = {
  name: "swAppendDone",
  lua: `
local job = "sw:job:" .. ARGV[1]
if redis.call("HSETNX", job, "done", ARGV[3]) == 0 then return 0 end
redis.call("HSET", job, "attempt", math.max(tonumber(redis.call("HGET", job, "attempt") or "0"), tonumber(ARGV[2])))
redis.call("XADD", "${fanoutKey}", "MAXLEN", "~", ${fanoutLength}, "*", "t", "job.done", "j", ARGV[1],
  "k", ARGV[4], "i", ARGV[5], "y", ARGV[6], "s", ARGV[3], "d", ARGV[7])
redis.call("PEXPIRE", job, ${fenceMs})
redis.call("PEXPIRE", "sw:events:" .. ARGV[1], ${doneMs})
return 1
`,
};

const factArgs = ({ kind, instanceId = "", typeId = "" }: JobFacts): string[] => [kind, instanceId, typeId];

const appendArgs = (item: AppendItem): (string | number)[] => [
  item.jobId,
  item.attempt,
  item.floorSeq,
  item.batch ?? randomBytes(9).toString("base64"),
  ...factArgs(item.facts),
  ...item.events.map((event) => JSON.stringify(wireNewEvent(item.jobId, event))),
];

/**
 * Numbers and appends the events of many jobs in one pipeline. Per item: the numbers given, or `stale` when the job is
 * done or a later attempt is open. It throws when Redis cannot be reached: then nobody knows whether they arrived.
 */
export const appendEvents = async (redis: Redis, items: readonly AppendItem[]): Promise<(number[] | "stale")[]> => {
  const spoken = items.filter(({ events }) => events.length > 0);
  const firsts = spoken.length === 0 ? [] : await runScripts(redis, appendScript, spoken.map(appendArgs));
  const firstOf = new Map(spoken.map((item, index) => [item, Number(firsts[index])]));
  return items.map((item) => {
    const first = firstOf.get(item) ?? 0;
    return first < 0 ? "stale" : item.events.map((_, index) => first + index);
  });
};

/** Raises the fence: events of earlier attempts are refused from now on. False when a later attempt is open already. */
export const openAttempt = async (redis: Redis, jobId: string, attempt: number): Promise<boolean> =>
  (await runScript(redis, openScript, [jobId, attempt])) === 1;

/** The events of a job that Redis still has, in order, with numbers above `after`. */
export const readEvents = async (
  redis: Redis,
  jobId: string,
  { after, limit }: { readonly after: number; readonly limit: number },
): Promise<JobEvent[]> => {
  const entries = await redis.xrange(`sw:events:${jobId}`, `${after + 1}-0`, "+", "COUNT", limit);
  return entries.map(([, fields]) => eventOfWire(JSON.parse(fields[1] ?? "{}") as JsonObject));
};

/** Appends `job.done`, once however often it is called; the job's stream ends with it. */
export const appendDone = async (redis: Redis, { jobId, attempt, seq, done, facts }: DoneItem): Promise<void> => {
  await runScript(redis, doneScript, [jobId, attempt, seq, ...factArgs(facts), JSON.stringify(done)]);
};

const systemFacts = (event: SystemEvent): string[] =>
  "instanceId" in event ? ["i", event.instanceId, "y", event.typeId] : ["y", event.id];

/** Tells all readers of the global stream of something that belongs to no job. */
export const appendSystem = async (redis: Redis, event: SystemEvent): Promise<void> => {
  const data = JSON.stringify(wireSystemEvent(event));
  const fields = ["t", event.type, ...systemFacts(event), "d", data];
  await redis.xadd(fanoutKey, "MAXLEN", "~", fanoutLength, "*", ...fields);
};
