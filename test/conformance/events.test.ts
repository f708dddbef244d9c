/** Event streams against a real Redis: numbers without a gap, the fence, the end. */
import { describe, expect, test, vi } from "vitest";
import { type AppendItem, appendEvents, openAttempt, readEvents } from "../../src/live/events.ts";
import { type FanoutEntry, openFanout } from "../../src/live/fanout.ts";
import { silentLog } from "../../src/log.ts";
import type { NewEvent } from "../../src/model/event.ts";
import { isUp, type Redis, untilReady } from "../../src/redis.ts";
import { appendTo, event, facts, lines, numbered } from "../kit/new-event.ts";
import { hasRedis, type TestRedis } from "../kit/redis.ts";
import { useRedis } from "../kit/use-redis.ts";

describe.skipIf(!hasRedis)("events of a job", () => {
  let server: TestRedis;
  let redis: Redis;
  const { closing } = useRedis((used) => {
    ({ server, redis } = used);
  });

  const append = (jobId: string, events: NewEvent[], first?: number) => appendTo(redis, jobId, events, first);
  const appendDone = (item: Omit<AppendItem, "events">) => appendEvents(redis, [{ ...item, events: [] }]);
  const seqsOf = async (jobId: string, after = 0): Promise<number[]> =>
    (await readEvents(redis, jobId, { after, limit: 100_000 })).map(({ seq }) => seq);
  const follow = async () => {
    const fanout = openFanout(redis, silentLog);
    closing.push(() => fanout.close());
    const heard: FanoutEntry[] = [];
    fanout.subscribe((entry) => heard.push(entry));
    await fanout.ready;
    return { heard };
  };

  test("count 1, 2, 3 ... and read back as they were", async () => {
    expect(await append("a", [event("first"), event("second")])).toEqual([1, 2]);
    expect(await append("a", [event("third")])).toEqual([3]);
    expect(await readEvents(redis, "a", { after: 1, limit: 10 })).toEqual([
      { seq: 2, ...event("second") },
      { seq: 3, ...event("third") },
    ]);
    expect(await readEvents(redis, "a", { after: 0, limit: 1 })).toEqual([{ seq: 1, ...event("first") }]);
    expect(await readEvents(redis, "a", { after: 3, limit: 10 })).toEqual([]);
  });

  test("of many jobs are appended in one call, the same job twice in order", async () => {
    const item = (jobId: string, first: number, count: number) => ({
      ...{ jobId, attempt: 1, facts },
      events: numbered(lines(count), first),
    });
    const items = [item("a", 1, 2), item("b", 1, 1), item("a", 3, 1), item("c", 1, 0)];
    expect(await appendEvents(redis, items)).toEqual(["kept", "kept", "kept", "kept"]);
    expect([await seqsOf("a"), await seqsOf("b"), await seqsOf("c")]).toEqual([[1, 2, 3], [1], []]);
  });

  test("go on from the caller's number when Redis lost everything", async () => {
    await append("a", lines(3));
    await redis.flushall();
    expect(await append("a", lines(2), 4)).toEqual([4, 5]);
    expect(await seqsOf("a")).toEqual([4, 5]);
  });

  test("go on after Redis was killed and started again", async () => {
    await append("a", lines(3));
    await server.restart();
    await untilReady(redis, 5000);
    expect(await append("a", lines(1))).toEqual([4]);
    expect(await seqsOf("a")).toEqual([1, 2, 3, 4]);
  });

  test("are refused from a stale attempt, once a later one is open or has spoken", async () => {
    expect(await openAttempt(redis, "a", 2)).toBe(true);
    expect(await append("a", lines(1, 1))).toBe("stale");
    expect(await append("a", lines(1, 2))).toEqual([1]);
    expect(await append("a", lines(1, 3))).toEqual([2]);
    expect(await append("a", lines(1, 2))).toBe("stale");
    expect(await openAttempt(redis, "a", 2)).toBe(false);
    expect(await seqsOf("a")).toEqual([1, 2]);
  });

  test("are not appended twice when the same is given again, nor what came before", async () => {
    await append("a", lines(2), 1);
    await append("a", lines(2), 1);
    await append("a", lines(3), 2);
    expect(await seqsOf("a")).toEqual([1, 2, 3, 4]);
  });

  test("and job.done come in one call, which may be made again", async () => {
    const { heard } = await follow();
    const item = { jobId: "a", attempt: 1, events: numbered(lines(2), 1), facts, done: { seq: 3, data: {} } };
    await appendEvents(redis, [item]);
    expect(await appendEvents(redis, [item])).toEqual(["kept"]);
    await append("b", lines(1));
    await vi.waitFor(() => expect(heard.at(-1)?.jobId).toBe("b"));
    expect(heard.map(({ type, seq }) => [type, seq])).toEqual([
      ["job.event", 1],
      ["job.event", 2],
      ["job.done", 3],
      ["job.event", 1],
    ]);
  });

  test("of a stale attempt stay away also when its job.done comes", async () => {
    expect(await openAttempt(redis, "a", 2)).toBe(true);
    const item = { jobId: "a", attempt: 1, events: numbered(lines(1), 1), facts, done: { seq: 2, data: {} } };
    expect(await appendEvents(redis, [item])).toEqual(["stale"]);
    expect(await seqsOf("a")).toEqual([]);
  });

  test("end with job.done, which comes once, and nothing comes after it", async () => {
    const { heard } = await follow();
    await append("a", lines(2));
    const data = { job_id: "a", state: "succeeded" };
    const done = { jobId: "a", attempt: 1, done: { seq: 3, data }, facts };
    await Promise.all([appendDone(done), appendDone(done), appendDone({ ...done, attempt: 2 })]);
    expect(await append("a", lines(1, 1))).toBe("stale");
    expect(await append("a", lines(1, 9))).toBe("stale");
    await append("b", lines(1));
    await vi.waitFor(() => expect(heard.at(-1)?.jobId).toBe("b"));
    expect(heard.map(({ type, jobId, seq }) => [type, jobId, seq])).toEqual([
      ["job.event", "a", 1],
      ["job.event", "a", 2],
      ["job.done", "a", 3],
      ["job.event", "b", 1],
    ]);
    expect(JSON.parse(heard[2]?.data ?? "")).toEqual({ job_id: "a", state: "succeeded" });
  });

  test("expire a minute after the job is done, when the store has them, and after a week of silence", async () => {
    await append("a", lines(1));
    const day = 24 * 3_600_000;
    expect(await redis.pttl("sw:events:a")).toBeGreaterThan(6 * day);
    await appendDone({ jobId: "a", attempt: 1, done: { seq: 2, data: {} }, facts });
    expect(await redis.pttl("sw:events:a")).toBeLessThanOrEqual(60_000);
    expect(await redis.pttl("sw:events:a")).toBeGreaterThan(30_000);
    expect(await redis.pttl("sw:job:a")).toBeLessThan(day);
    expect(await redis.pttl("sw:job:a")).toBeGreaterThan(0);
  });

  test("say at once that Redis is away", async () => {
    await server.kill();
    await vi.waitFor(() => expect(isUp(redis)).toBe(false));
    await expect(append("a", lines(1))).rejects.toThrow();
    await server.restart();
    await untilReady(redis, 5000);
  });
});
