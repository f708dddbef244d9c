/** The event streams: one per job, numbered without a gap and fenced, and one over everything. */
import type { JobEvent, SystemEvent } from "../model/event.ts";
import type { JsonObject } from "../model/json.ts";
import type { Redis } from "../redis.ts";
import { runScript, runScripts, type Script } from "./script.ts";
import { eventOfWire, wireEvent, wireSystemEvent } from "./wire.ts";

/** What the readers of the global stream filter by. */
export interface JobFacts {
  readonly kind: string;
  readonly instanceId?: string;
  readonly typeId?: string;
}

export interface AppendItem {
  readonly jobId: string;
  readonly attempt: number;
  /** In order and without a gap. Whoever runs the attempt numbers them: nobody else can append once its fence is up. */
  readonly events: readonly JobEvent[];
  readonly facts: JobFacts;
  /** `job.done`, when it follows the events. */
  readonly done?: Done;
}

/** How a job's stream ends. */
export interface Done {
  /** The number after the last event. */
  readonly seq: number;
  /** `data` of `job.done`, as clients see it. */
  readonly data: JsonObject;
}

/** The stream over everything keeps at least so many entries. */
const fanoutLength = 10_000;
export const fanoutKey = "sw:fanout";
/** Longer words are not repeated there: they lie in the job's own stream, or in the store. */
const fanoutBytes = 16 * 1024;

/** A job that says nothing for a week is gone; each event starts the week anew. */
const openMs = 7 * 24 * 3_600_000;
/** Settled jobs are read from the store; the stream stays for readers who are under way. */
const doneMs = 60_000;
/** The mark that a job is done outlives every worker that might still speak for it. */
const fenceMs = 6 * 3_600_000;

/**
 * ARGV: job, attempt, kind, instance, type, number of job.done or "", its data, number of the first event, events ...
 * What was appended before is left out: the same call may be made again when nobody knows whether it arrived.
 * -> 1, or -1 when events were given for a job that is done or that a later attempt has.
 */
const appendScript: Script = {
  name: "swAppendEvents",
  lua: `
local job, stream = "sw:job:" .. ARGV[1], "sw:events:" .. ARGV[1]
local attempt = tonumber(ARGV[2])
local function tell(kind, seq, data)
  redis.call("XADD", "${fanoutKey}", "MAXLEN", "~", ${fanoutLength}, "*", "t", kind, "j", ARGV[1],
    "k", ARGV[3], "i", ARGV[4], "y", ARGV[5], "s", seq, "d", #data > ${fanoutBytes} and "" or data)
end
local known = redis.call("HMGET", job, "attempt", "seq", "done")
if known[3] then return ARGV[6] == "" and -1 or 1 end
local is_stale = known[1] and tonumber(known[1]) > attempt
local seq, first, is_new = tonumber(known[2] or "0"), tonumber(ARGV[8]), false
for index = 9, is_stale and 0 or #ARGV do
  local number = first + index - 9
  if number > seq then
    local id = string.format("%d", number)
    redis.call("XADD", stream, id .. "-0", "d", ARGV[index])
    tell("job.event", id, ARGV[index])
    seq, is_new = number, true
  end
end
if ARGV[6] ~= "" then
  redis.call("HSET", job, "attempt", math.max(tonumber(known[1] or "0"), attempt), "seq", seq, "done", ARGV[6])
  tell("job.done", ARGV[6], ARGV[7])
  redis.call("PEXPIRE", job, ${fenceMs})
  redis.call("PEXPIRE", stream, ${doneMs})
elseif is_new then
  redis.call("HSET", job, "attempt", attempt, "seq", seq)
  redis.call("PEXPIRE", job, ${openMs})
  redis.call("PEXPIRE", stream, ${openMs})
end
return is_stale and #ARGV > 8 and -1 or 1
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

const factArgs = ({ kind, instanceId = "", typeId = "" }: JobFacts): string[] => [kind, instanceId, typeId];

const appendArgs = ({ jobId, attempt, facts, done, events }: AppendItem): (string | number)[] => [
  jobId,
  attempt,
  ...factArgs(facts),
  ...(done === undefined ? ["", ""] : [done.seq, JSON.stringify(done.data)]),
  events[0]?.seq ?? 0,
  ...events.map((event) => JSON.stringify(wireEvent(jobId, event))),
];

/**
 * Appends what many jobs say in one pipeline. Per item: `stale` when its job is done or a later attempt is open. It
 * throws when Redis cannot be reached: then nobody knows what arrived, and the same is to be given again.
 */
export const appendEvents = async (redis: Redis, items: readonly AppendItem[]): Promise<("kept" | "stale")[]> => {
  const answers = await runScripts(redis, appendScript, items.map(appendArgs));
  return answers.map((answer) => (Number(answer) < 0 ? "stale" : "kept"));
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

const systemFacts = (event: SystemEvent): string[] =>
  "instanceId" in event ? ["i", event.instanceId, "y", event.typeId] : ["y", event.id];

/** Tells all readers of the global stream of something that belongs to no job. */
export const appendSystem = async (redis: Redis, event: SystemEvent): Promise<void> => {
  const data = JSON.stringify(wireSystemEvent(event));
  const fields = ["t", event.type, ...systemFacts(event), "d", data];
  await redis.xadd(fanoutKey, "MAXLEN", "~", fanoutLength, "*", ...fields);
};
