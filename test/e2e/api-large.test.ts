/** Jobs with results of many megabytes, as an older version kept them: those who look at them get them, and in pieces. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { fanoutKey } from "../../src/live/events.ts";
import { type ApiBench, allEventsOf, eventsUntil, openApiBench, readEventsOf, type Seen } from "../kit/api.ts";
import { seedLamp } from "../kit/fixtures.ts";
import { hasRedis } from "../kit/redis.ts";

const sse = { accept: "text/event-stream" };
const long = "ä".repeat(2_500_000);

describe.skipIf(!hasRedis)("a job of many megabytes", () => {
  let bench: ApiBench;
  let instanceId: string;
  let answer: Record<string, string> = {};
  let said = "";
  /** What each job waits for after its first line. */
  let gate = Promise.resolve();
  beforeAll(async () => {
    bench = await openApiBench();
    instanceId = (await seedLamp(bench.store)).id;
    bench.work(async (_job, emit) => {
      await emit("first");
      await gate;
      await emit(said);
      return answer;
    });
  });
  afterAll(() => bench.end());

  const run = async (result: Record<string, string>, message = "last", instance = instanceId): Promise<string> => {
    answer = result;
    said = message;
    const path = `/api/integrations/instances/${instance}/test`;
    return (await bench.json<{ id: string }>("POST", path, { headers: { prefer: "wait=20" } })).id;
  };
  const open = (path: string) => bench.ask("GET", path, { headers: sse });
  const isDoneOf =
    (id: string) =>
    ({ event, data }: Seen): boolean =>
      event === "job.done" && data["job_id"] === id;
  const dataOf = (events: readonly Seen[], id: string): string[] =>
    events.filter(({ data }) => data["job_id"] === id).map(({ event, data }) => `${event} ${JSON.stringify(data)}`);

  it("takes little room in the stream over everything", async () => {
    const id = await run({ long }, long);
    const entries = await bench.deps.redis.xrange(fanoutKey, "-", "+");
    const mine = entries.filter(([, fields]) => fields.includes(id));
    expect(mine.map(([, fields]) => fields[1])).toEqual(["job.event", "job.event", "job.done"]);
    expect(JSON.stringify(mine).length).toBeLessThan(5_000);
  });

  it("is told whole to those who watch it or everything, and replayed in the same words", async () => {
    const live = eventsUntil(await open("/api/events"), ({ event }) => event === "job.done");
    const id = await run({ long }, long);
    const told = dataOf(await live, id);
    expect(told.map((line) => line.length > 2_000_000)).toEqual([false, true, true]);
    expect(told[2]).toContain(`"result":{"long":"${long}"}`);
    const replay = await eventsUntil(await open(`/api/events?after=0-1&job_id=${id}`), isDoneOf(id));
    expect(dataOf(replay, id)).toEqual(told);
    expect(dataOf(await allEventsOf(await open(`/api/jobs/${id}/events`)), id)).toEqual(told);
    await bench.deps.redis.flushall();
    expect(dataOf(await allEventsOf(await open(`/api/jobs/${id}/events`)), id)).toEqual(told);
  });

  it("is told as it goes to who watches it", async () => {
    const opening = Promise.withResolvers<void>();
    gate = opening.promise;
    said = long;
    const { id } = await bench.json<{ id: string }>("POST", `/api/integrations/instances/${instanceId}/test`, {
      status: 202,
    });
    const events = readEventsOf(await open(`/api/jobs/${id}/events`));
    expect((await events.next()).value?.data["message"]).toBe("first");
    opening.resolve();
    expect((await events.next()).value?.data["message"]).toBe(long);
    expect((await events.next()).value?.event).toBe("job.done");
  });

  it("that is forgotten by now is passed over in the stream over everything", async () => {
    const gone = await run({ long });
    const last = await run({});
    await bench.store.write(function* () {
      yield { on: () => ({ sql: `delete from jobs where id = '${gone}'`, parameters: [] }) };
    });
    const seen = await eventsUntil(await open("/api/events?after=0-1"), isDoneOf(last));
    expect(seen.filter(({ event }) => event === "job.done").map(({ data }) => data["job_id"])).not.toContain(gone);
  });

  it("makes the pages of a list end early, with a cursor to the rest", async () => {
    const other = (await seedLamp(bench.store)).id;
    for (const result of [{ long }, {}, { long }, { long }, {}]) await run(result, "last", other);
    const found: unknown[][] = [];
    for (let cursor: string | null = ""; cursor !== null; ) {
      const page: { items: { result: object }[]; next_cursor: string | null } = await bench.json(
        "GET",
        `/api/jobs?instance_id=${other}&limit=4${cursor === "" ? "" : `&cursor=${cursor}`}`,
      );
      found.push(page.items.map(({ result }) => "long" in result));
      cursor = page.next_cursor;
    }
    expect(found).toEqual([[false, true], [true, false], [true]]);
  });
});
