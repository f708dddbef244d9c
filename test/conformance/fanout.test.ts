/** The stream over everything against a real Redis: heard once, in order, whatever happens to the server. */
import { describe, expect, test, vi } from "vitest";
import { appendEvents, appendSystem, fanoutKey } from "../../src/live/events.ts";
import { compareIds, type FanoutEntry, openFanout } from "../../src/live/fanout.ts";
import { silentLog } from "../../src/log.ts";
import type { NewEvent } from "../../src/model/event.ts";
import { connectRedis, isUp, type Redis } from "../../src/redis.ts";
import { appendTo, event, facts, lines, numbered } from "../kit/new-event.ts";
import { hasRedis, type TestRedis } from "../kit/redis.ts";
import { useRedis } from "../kit/use-redis.ts";

describe.skipIf(!hasRedis)("events over everything", () => {
  let server: TestRedis;
  let redis: Redis;
  const { closing } = useRedis((used) => {
    ({ server, redis } = used);
  });

  const append = (jobId: string, events: NewEvent[], first?: number) => appendTo(redis, jobId, events, first);
  const follow = async () => {
    const fanout = openFanout(redis, silentLog);
    closing.push(() => fanout.close());
    const heard: FanoutEntry[] = [];
    let gaps = 0;
    fanout.subscribe((entry) => heard.push(entry));
    fanout.onGap(() => {
      gaps += 1;
    });
    await fanout.ready;
    return { fanout, heard, gaps: () => gaps };
  };

  test("are heard in the form in which clients see them", async () => {
    const { heard, fanout } = await follow();
    await append("a", [event("hello")]);
    await appendSystem(redis, { type: "integration_type.updated", id: "acme.box", status: "valid", errors: {} });
    await appendSystem(redis, { type: "integration_type.removed", id: "acme.box" });
    await appendSystem(redis, {
      type: "integration_instance.created",
      instanceId: "ins_1",
      typeId: "acme.box",
      state: "configured",
    });
    await vi.waitFor(() => expect(heard).toHaveLength(4));
    expect({ ...heard[0], data: JSON.parse(heard[0]?.data ?? "") }).toEqual({
      id: heard[0]?.id,
      type: "job.event",
      jobId: "a",
      ...facts,
      seq: 1,
      data: {
        seq: 1,
        job_id: "a",
        ts: "2026-01-02T03:04:05.678Z",
        phase: "work",
        level: "info",
        message: "hello",
        meta: { list: [1, "two", { deep: null }] },
        attempt: 1,
      },
    });
    expect(
      heard
        .slice(1)
        .map(({ type, data, instanceId, typeId }) => ({ type, data: JSON.parse(data), instanceId, typeId })),
    ).toEqual([
      {
        type: "integration_type.updated",
        data: { id: "acme.box", status: "valid", errors: {} },
        instanceId: undefined,
        typeId: "acme.box",
      },
      {
        type: "integration_type.removed",
        data: { id: "acme.box" },
        instanceId: undefined,
        typeId: "acme.box",
      },
      {
        type: "integration_instance.created",
        data: { instance_id: "ins_1", type_id: "acme.box", state: "configured" },
        instanceId: "ins_1",
        typeId: "acme.box",
      },
    ]);
    expect(fanout.lastId()).toBe(heard.at(-1)?.id);
  });

  test("can be read again from any id that is still kept", async () => {
    const { heard, fanout } = await follow();
    await append("a", lines(5));
    await vi.waitFor(() => expect(heard).toHaveLength(5));
    expect(await fanout.readSince(heard[1]!.id, 2)).toEqual(heard.slice(2, 4));
    expect(await fanout.readSince("0-0", 100)).toEqual(heard);
    expect(await fanout.readSince(fanout.lastId(), 100)).toEqual([]);
  });

  test("begin for a new reader with what comes after it", async () => {
    await append("a", lines(3));
    const { heard, fanout } = await follow();
    expect(fanout.lastId()).toBe((await redis.xrevrange(fanoutKey, "+", "-", "COUNT", 1))[0]?.[0]);
    await append("b", lines(1));
    await vi.waitFor(() => expect(heard.map(({ jobId }) => jobId)).toEqual(["b"]));
  });

  test("reach every listener, also beside one that throws, until it stops listening", async () => {
    const { heard, fanout } = await follow();
    fanout.subscribe(() => {
      throw new Error("not mine");
    });
    const second: string[] = [];
    const stop = fanout.subscribe(({ id }) => second.push(id));
    await append("a", lines(1));
    await vi.waitFor(() => expect(second).toHaveLength(1));
    stop();
    await append("a", lines(1));
    await vi.waitFor(() => expect(heard).toHaveLength(2));
    expect(second).toHaveLength(1);
  });

  test("are each heard exactly once, in order, while Redis is killed again and again", async () => {
    const { heard, gaps } = await follow();
    const writer = connectRedis(server.url, { role: "consumer" });
    closing.push(() => writer.disconnect());
    const write = async (): Promise<void> => {
      for (let number = 1; number <= 600; number += 1) {
        const item = { jobId: "a", attempt: 1, events: numbered([event(`${number}`)], number), facts };
        // The number makes it safe to try again when nobody knows whether the first try arrived.
        for (let isIn = false; !isIn; ) {
          isIn = await appendEvents(writer, [item]).then(
            () => true,
            () => false,
          );
        }
      }
    };
    const writing = write();
    for (const mark of [100, 250, 400]) {
      await vi.waitFor(() => expect(heard.length).toBeGreaterThan(mark), { timeout: 20_000, interval: 5 });
      await server.restart();
    }
    await writing;
    await vi.waitFor(() => expect(JSON.parse(heard.at(-1)?.data ?? "{}").message).toBe("600"), { timeout: 10_000 });
    expect(heard.map(({ data }) => Number(JSON.parse(data).message))).toEqual(
      Array.from({ length: 600 }, (_, n) => n + 1),
    );
    expect(heard.map(({ seq }) => seq)).toEqual(Array.from({ length: 600 }, (_, n) => n + 1));
    expect(gaps()).toBe(0);
    await vi.waitFor(() => expect(isUp(redis)).toBe(true));
  }, 60_000);

  test("begin anew after a flush, and the listeners are told that something may be lost", async () => {
    const { heard, gaps } = await follow();
    await append("a", lines(2));
    await vi.waitFor(() => expect(heard).toHaveLength(2));
    await redis.flushall();
    // Ids below the old ones, as from a clock that was set back.
    await redis.xadd(fanoutKey, "5-1", "t", "job.event", "j", "old", "s", "1", "d", "{}");
    await vi.waitFor(() => expect(heard.map(({ jobId }) => jobId)).toEqual(["a", "a", "old"]), { timeout: 15_000 });
    expect(gaps()).toBe(1);
    await append("b", lines(1));
    await vi.waitFor(() => expect(heard.at(-1)?.jobId).toBe("b"));
    expect(heard).toHaveLength(4);
  }, 30_000);

  test("keep at least the last 10,000 entries, and not many more", async () => {
    for (let batch = 0; batch < 24; batch += 1) await append("a", lines(500));
    const length = await redis.xlen(fanoutKey);
    expect(length).toBeGreaterThanOrEqual(10_000);
    expect(length).toBeLessThan(10_500);
  });

  test("ids are ordered by time, then by count", () => {
    const ids = ["10-0", "9-10", "9-2", "0-0", "9-9"];
    expect(ids.sort(compareIds)).toEqual(["0-0", "9-2", "9-9", "9-10", "10-0"]);
  });
});
