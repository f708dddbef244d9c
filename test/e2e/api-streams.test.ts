/** Watching jobs: each event once, numbered without a gap, whenever one looks. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type ApiBench, allEventsOf, eventsUntil, openApiBench, type Seen } from "../kit/api.ts";
import { seedLamp } from "../kit/fixtures.ts";
import { hasRedis } from "../kit/redis.ts";

const sse = { accept: "text/event-stream" };

describe.skipIf(!hasRedis)("event streams", () => {
  let bench: ApiBench;
  let instanceId: string;
  /** Opens the gate at which every job waits after its first lines. */
  let gate = Promise.withResolvers<void>();
  beforeAll(async () => {
    bench = await openApiBench();
    instanceId = (await seedLamp(bench.store)).id;
    bench.work(async (_job, emit) => {
      for (let line = 1; line <= 5; line += 1) await emit(`line ${line}`);
      await gate.promise;
      for (let line = 6; line <= 10; line += 1) await emit(`line ${line}`);
      return { lines: 10 };
    });
  });
  afterAll(() => bench.end());

  const start = async (isOpen: boolean): Promise<string> => {
    gate = Promise.withResolvers<void>();
    if (isOpen) gate.resolve();
    const path = `/api/integrations/instances/${instanceId}/test`;
    return (await bench.json<{ id: string }>("POST", path, { status: 202 })).id;
  };
  const open = (path: string, headers: Record<string, string> = {}, token?: string | null) =>
    bench.ask("GET", path, { headers: { ...sse, ...headers }, ...(token === undefined ? {} : { token }) });
  const idsOf = (events: readonly { id: string }[]): number[] => events.map(({ id }) => Number(id));
  const upTo = (from: number, to: number): number[] =>
    Array.from({ length: to - from + 1 }, (_, index) => from + index);

  it("tells a job from its first event to job.done, and then ends", async () => {
    const id = await start(false);
    const response = await open(`/api/jobs/${id}/events`);
    expect(response.headers.get("content-type")).toContain("text/event-stream");
    gate.resolve();
    const events = await allEventsOf(response);
    expect(idsOf(events)).toEqual(upTo(1, 11));
    expect(events[0]).toMatchObject({
      event: "job.event",
      data: { seq: 1, job_id: id, phase: "work", level: "info", message: "line 1", meta: {}, attempt: 1 },
    });
    expect(events.at(-1)).toMatchObject({
      event: "job.done",
      data: {
        job_id: id,
        state: "succeeded",
        success: true,
        subject: { instance_id: instanceId },
        result: { lines: 10 },
      },
    });
  });

  it("lets one join late and connect again, without a gap or a line twice", async () => {
    const id = await start(false);
    const early = await open(`/api/jobs/${id}/events`);
    const seen = await eventsUntil(early, (_, count) => count === 3);
    expect(idsOf(seen)).toEqual([1, 2, 3]);
    const late = await open(`/api/jobs/${id}/events?after=1`);
    gate.resolve();
    expect(idsOf(await allEventsOf(late))).toEqual(upTo(2, 11));
    const again = await open(`/api/jobs/${id}/events`, { "last-event-id": "3" });
    expect(idsOf(await allEventsOf(again))).toEqual(upTo(4, 11));
  });

  it("replays a job that is over from the store, and says when nothing is left", async () => {
    const id = await start(true);
    await allEventsOf(await open(`/api/jobs/${id}/events`));
    await bench.deps.redis.flushall();
    expect(idsOf(await allEventsOf(await open(`/api/jobs/${id}/events`)))).toEqual(upTo(1, 11));
    expect(idsOf(await allEventsOf(await open(`/api/jobs/${id}/events?after=10`)))).toEqual([11]);
    expect((await open(`/api/jobs/${id}/events`, { "last-event-id": "11" })).status).toBe(204);
  });

  it("answers as a list, page by page", async () => {
    const id = await start(true);
    await allEventsOf(await open(`/api/jobs/${id}/events`));
    const json = { accept: "application/json" };
    const first = await bench.json<{ items: { seq: number }[]; next_after: number }>(
      "GET",
      `/api/jobs/${id}/events?limit=6`,
      { headers: json },
    );
    expect(first.items.map(({ seq }) => seq)).toEqual(upTo(1, 6));
    expect(first.next_after).toBe(6);
    const rest = await bench.json<typeof first>("GET", `/api/jobs/${id}/events?after=6`, { headers: json });
    expect(rest.items.map(({ seq }) => seq)).toEqual(upTo(7, 10));
    expect(rest.next_after).toBeNull();
  });

  it("serves many watchers who come and go while a job runs, each exactly", async () => {
    const id = await start(false);
    const watch = async (): Promise<number[]> => {
      const got: Seen[] = [];
      while (got.at(-1)?.event !== "job.done") {
        const response = await open(`/api/jobs/${id}/events?after=${got.at(-1)?.id ?? 0}`);
        got.push(...(await eventsUntil(response, ({ event }, count) => event === "job.done" || count === 2)));
      }
      return idsOf(got);
    };
    const watchers = Array.from({ length: 20 }, watch);
    gate.resolve();
    for (const got of await Promise.all(watchers)) expect(got).toEqual(upTo(1, 11));
  });

  it("shows everything that the caller may see, and goes on after an id", async () => {
    const other = await seedLamp(bench.store);
    const { token } = await bench.makeToken("viewer", { instances: [instanceId] });
    const response = await open("/api/events", {}, token);
    const all = await open("/api/events?kind=instance.test_connection");
    await bench.json("POST", `/api/integrations/instances/${other.id}/test`, { status: 202 });
    const id = await start(true);
    const isDone = ({ event, data }: Seen): boolean => event === "job.done" && data["job_id"] === id;
    const mine = await eventsUntil(response, isDone);
    expect(new Set(mine.map(({ data }) => data["job_id"]))).toEqual(new Set([id]));
    const seen = await eventsUntil(all, isDone);
    expect(new Set(seen.map(({ event }) => event))).toEqual(new Set(["job.event", "job.done"]));
    const place = mine.find(({ data }) => data["seq"] === 5)?.id ?? "";
    const after = await open(`/api/events?job_id=${id}`, { "last-event-id": place });
    const rest = await eventsUntil(after, isDone);
    expect(rest.map(({ data }) => data["seq"] ?? "done")).toEqual([6, 7, 8, 9, 10, "done"]);
  });

  it("says what happens to instances", async () => {
    const stream = await open("/api/events");
    const body = { type_id: "acme.lamp", name: "announced", config: { host: "a" } };
    const made = await bench.json<{ instance_id: string }>("POST", "/api/integrations/instances", {
      body,
      status: 201,
    });
    const url = `/api/integrations/instances/${made.instance_id}`;
    await bench.json("PATCH", url, { body: { config: { host: "b" } } });
    await bench.json("DELETE", url, { status: 204 });
    const changes = await eventsUntil(stream, ({ event }) => event === "integration_instance.removed");
    const seen = changes
      .filter(({ data }) => data["instance_id"] === made.instance_id)
      .map(({ event, data }) => [event, data["state"]]);
    expect(seen).toEqual([
      ["integration_instance.created", "configured"],
      ["integration_instance.updated", "needs_review"],
      ["integration_instance.removed", "needs_review"],
    ]);
  });

  it("opens a stream once with a ticket, for its own path only", async () => {
    const id = await start(true);
    const ticket = await bench.json<{ url: string; expires_at: string }>("POST", `/api/jobs/${id}/events/ticket`, {
      status: 201,
    });
    expect(Date.parse(ticket.expires_at)).toBeGreaterThan(Date.now());
    const elsewhere = ticket.url.replace(/^[^?]+/, "/api/events");
    expect((await open(elsewhere, {}, null)).status).toBe(401);
    expect(idsOf(await allEventsOf(await open(ticket.url, {}, null)))).toEqual(upTo(1, 11));
    const again = await open(ticket.url, {}, null);
    expect(again.status).toBe(401);
    expect(await again.json()).toMatchObject({ code: "ticket_invalid" });
  });

  it("ends the streams of a revoked token, on every process", async () => {
    const id = await start(false);
    const { id: tokenId, token } = await bench.makeToken("viewer");
    const other = await bench.second();
    const here = await open(`/api/jobs/${id}/events`, {}, token);
    const there = await other.ask("GET", `/api/jobs/${id}/events`, { token, headers: sse });
    const both = Promise.all([allEventsOf(here), allEventsOf(there)]);
    await bench.json("DELETE", `/api/tokens/${tokenId}`, { status: 204 });
    for (const events of await both) expect(events.some(({ event }) => event === "job.done")).toBe(false);
    await expect.poll(async () => (await other.ask("GET", "/api/whoami", { token })).status).toBe(401);
    gate.resolve();
    await other.end();
  });

  it("goes on without a gap when Redis was away", async () => {
    const own = await openApiBench();
    const lamp = await seedLamp(own.store);
    const path = `/api/integrations/instances/${lamp.id}/test`;
    const open = Promise.withResolvers<void>();
    own.work(async (_job, emit) => {
      await emit("before");
      await open.promise;
      await emit("after");
      return null;
    });
    const { id } = await own.json<{ id: string }>("POST", path, { status: 202 });
    const first = await own.ask("GET", `/api/jobs/${id}/events`, { headers: sse });
    const reading = allEventsOf(first);
    await expect.poll(() => own.deps.fanout.lastId()).not.toBe("0-0");
    await own.redis.kill();
    const ticket = () => own.ask("POST", "/api/events/ticket");
    await expect.poll(async () => (await ticket()).status).toBe(503);
    expect(await (await ticket()).json()).toMatchObject({ code: "queue_unavailable" });
    expect((await own.ask("GET", `/api/jobs/${id}`)).status).toBe(200);
    expect((await own.ask("GET", "/readyz", { token: null })).status).toBe(503);
    await own.redis.restart();
    await expect.poll(async () => (await ticket()).status, { timeout: 10_000 }).toBe(201);
    open.resolve();
    expect(idsOf(await reading)).toEqual([1, 2, 3]);
    await own.end();
  });

  it("refuses streams above its limit, and takes new ones when some ended", async () => {
    const small = await openApiBench({ maxStreams: 1 });
    const first = await small.ask("GET", "/api/events", { headers: sse });
    expect((await small.ask("GET", "/api/events", { headers: sse })).status).toBe(429);
    await first.body?.cancel();
    const next = await small.ask("GET", "/api/events", { headers: sse });
    expect(next.status).toBe(200);
    await next.body?.cancel();
    await small.end();
  });

  it("lets no token hold more than its share, and says when to come again", async () => {
    const small = await openApiBench({ maxStreams: 3, maxStreamsPerToken: 2 });
    const ask = (token: string) => small.ask("GET", "/api/events", { headers: sse, token });
    const { admin, operator, viewer } = small.tokens;
    const held = [await ask(admin), await ask(admin)];
    const refused = await ask(admin);
    expect(refused.status).toBe(429);
    expect(refused.headers.get("retry-after")).toBe("5");
    expect(await refused.text()).toContain("The token a admin has 2 open streams");
    held.push(await ask(operator));
    expect((await ask(viewer)).status).toBe(429);
    await held[0]?.body?.cancel();
    const again = await ask(admin);
    expect(again.status).toBe(200);
    for (const response of [...held.slice(1), again]) await response.body?.cancel();
    await small.end();
  });
});
