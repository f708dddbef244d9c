/** Event streams against a real Redis: numbers without a gap, the fence, the end. */
import { describe, expect, test, vi } from "vitest";
import { appendDone, appendEvents, openAttempt, readEvents } from "../../src/live/events.ts";
import { type FanoutEntry, openFanout } from "../../src/live/fanout.ts";
import { silentLog } from "../../src/log.ts";
import type { NewEvent } from "../../src/model/event.ts";
import { isUp, type Redis, untilReady } from "../../src/redis.ts";
import { appendTo, event, facts, lines } from "../kit/new-event.ts";
import { hasRedis, type TestRedis } from "../kit/redis.ts";
import { useRedis } from "../kit/use-redis.ts";

describe.skipIf(!hasRedis)("events of a job", () => {
  let server: TestRedis;
  let redis: Redis;
  const { closing } = useRedis((used) => {
    ({ server, redis } = used);
  });

  const append = (jobId: string, events: NewEvent[], more: { floorSeq?: number; batch?: string } = {}) =>
    appendTo(redis, jobId, events, more);
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

  test("of many jobs in one call are numbered each for itself, the same job twice in order", async () => {
    const item = (jobId: string, count: number) => ({ jobId, attempt: 1, floorSeq: 0, events: lines(count), facts });
    expect(await appendEvents(redis, [item("a", 2), item("b", 1), item("a", 1), item("c", 0)])).toEqual([
      [1, 2],
      [1],
      [3],
      [],
    ]);
  });

  test("have no gap when many append at once", async () => {
    const answers = await Promise.all(Array.from({ length: 200 }, (_, index) => append("a", lines(1 + (index % 3)))));
    const numbers = answers.flatMap((answer) => answer as number[]).sort((a, b) => a - b);
    expect(numbers).toEqual(Array.from({ length: numbers.length }, (_, index) => index + 1));
    expect(await seqsOf("a")).toEqual(numbers);
  });

  test("go on from the caller's number when Redis lost everything", async () => {
    await append("a", lines(3));
    await redis.flushall();
    expect(await append("a", lines(2), { floorSeq: 3 })).toEqual([4, 5]);
    expect(await append("a", lines(1), { floorSeq: 3 })).toEqual([6]);
  });

  test("go on from the stream's number when the caller knows less", async () => {
    await append("a", lines(5));
    expect(await append("a", lines(1, 2), { floorSeq: 2 })).toEqual([6]);
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

  test("are not appended twice when the same batch is given again", async () => {
    expect(await append("a", lines(2), { batch: "one" })).toEqual([1, 2]);
    expect(await append("a", lines(2), { batch: "one" })).toEqual([1, 2]);
    expect(await append("a", lines(1), { batch: "two" })).toEqual([3]);
    expect(await seqsOf("a")).toEqual([1, 2, 3]);
  });

  test("end with job.done, which comes once, and nothing comes after it", async () => {
    const { heard } = await follow();
    await append("a", lines(2));
    const done = { jobId: "a", attempt: 1, seq: 3, done: { job_id: "a", state: "succeeded" }, facts };
    await Promise.all([appendDone(redis, done), appendDone(redis, done), appendDone(redis, { ...done, attempt: 2 })]);
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

  test("expire some time after the job is done, and after a week of silence", async () => {
    await append("a", lines(1));
    const day = 24 * 3_600_000;
    expect(await redis.pttl("sw:events:a")).toBeGreaterThan(6 * day);
    await appendDone(redis, { jobId: "a", attempt: 1, seq: 2, done: {}, facts });
    expect(await redis.pttl("sw:events:a")).toBeLessThan(day);
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
