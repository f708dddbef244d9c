/** The API on a socket: limits, watchers that do not keep up, and an end in order. */
import { once } from "node:events";
import { connect } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type RunningServer, serveApi } from "../../src/api/http/server.ts";
import { appendEvents } from "../../src/live/events.ts";
import type { NewEvent } from "../../src/model/event.ts";
import { claimJob } from "../../src/store/jobs.ts";
import { type ApiBench, eventsUntil, openApiBench } from "../kit/api.ts";
import { seedLamp } from "../kit/fixtures.ts";
import { numbered } from "../kit/new-event.ts";
import { hasRedis } from "../kit/redis.ts";

describe.skipIf(!hasRedis)("the API on a socket", () => {
  let bench: ApiBench;
  let server: RunningServer;
  beforeAll(async () => {
    bench = await openApiBench({ keepAliveMs: 250 });
    server = await serveApi(bench.deps, { host: "127.0.0.1", port: 0 });
  });
  afterAll(async () => {
    await server.close();
    await bench.end();
  });

  const ask = (path: string, init: RequestInit = {}) =>
    fetch(server.url + path, { ...init, headers: { authorization: `Bearer ${bench.tokens.admin}`, ...init.headers } });
  /** What the server answers to bytes that no client would send. */
  const raw = async (bytes: string): Promise<string> => {
    const socket = connect({ host: "127.0.0.1", port: Number(new URL(server.url).port) });
    let text = "";
    socket.setEncoding("utf8").on("data", (chunk: string) => {
      text += chunk;
    });
    socket.on("error", () => undefined);
    socket.write(bytes);
    await once(socket, "close");
    return text;
  };
  const running = async (): Promise<string> => {
    const lamp = await seedLamp(bench.store);
    const path = `/api/integrations/instances/${lamp.id}/test`;
    const { id } = await bench.json<{ id: string }>("POST", path, { status: 202 });
    await bench.store.write(() => claimJob({ id, workerId: "wrk_1", now: Date.now() }));
    return id;
  };
  const event = (message: string): NewEvent => ({ ts: 1, phase: "p", level: "info", message, meta: {}, attempt: 1 });
  const emit = (jobId: string, events: NewEvent[], first = 1) =>
    appendEvents(bench.deps.redis, [
      { jobId, attempt: 1, events: numbered(events, first), facts: { kind: "instance.test_connection" } },
    ]);

  it("answers, and says where it listens", async () => {
    expect(server.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    expect(await (await ask("/api/whoami")).json()).toMatchObject({ role: "admin" });
  });

  it("refuses floods of headers and what is no HTTP", async () => {
    const flood = `GET /healthz HTTP/1.1\r\nHost: a\r\nX: ${"x".repeat(20_000)}\r\n\r\n`;
    expect(await raw(flood)).toContain("431");
    expect(await raw("nonsense\r\n\r\n")).toContain("400");
    expect(await raw("GET /healthz HTTP/1.1\r\nHost: a/b@c\r\nConnection: close\r\n\r\n")).toContain("400");
  });

  it("stops reading a body that says no length at the limit", async () => {
    let isCancelled = false;
    const body = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.enqueue(new Uint8Array(65_536).fill(32)),
      cancel: () => {
        isCancelled = true;
      },
    });
    const init = {
      method: "POST",
      body,
      duplex: "half",
      headers: { "content-type": "application/json" },
    } as RequestInit;
    const outcome = await ask("/api/tokens", init).then(
      ({ status }) => status,
      () => "cut",
    );
    expect([413, "cut"]).toContain(outcome);
    await expect.poll(() => isCancelled).toBe(true);
  });

  it("streams over the socket while a job runs", async () => {
    const id = await running();
    const response = await ask(`/api/jobs/${id}/events`, { headers: { accept: "text/event-stream" } });
    await emit(id, [event("one"), event("two")]);
    const seen = await eventsUntil(response, (_, count) => count === 2);
    expect(seen.map(({ data }) => data["message"])).toEqual(["one", "two"]);
  });

  it("cuts a watcher off that does not read, and serves the others all that there is", async () => {
    const id = await running();
    const path = `/api/jobs/${id}/events`;
    const socket = connect({ host: "127.0.0.1", port: Number(new URL(server.url).port) });
    socket.on("error", () => undefined);
    const head = `GET ${path} HTTP/1.1\r\nHost: a\r\nAccept: text/event-stream\r\nAuthorization: Bearer ${bench.tokens.admin}\r\n\r\n`;
    socket.write(head);
    await once(socket, "readable");
    const good = await ask(path, { headers: { accept: "text/event-stream" } });
    const total = 600;
    const reading = eventsUntil(good, (_, count) => count === total);
    for (let batch = 0; batch < total / 10; batch += 1) {
      await emit(
        id,
        Array.from({ length: 10 }, () => event("x".repeat(20_000))),
        batch * 10 + 1,
      );
    }
    expect((await reading).map((seen) => Number(seen.id))).toEqual(
      Array.from({ length: total }, (_, index) => index + 1),
    );
    const metrics = async () => (await ask("/metrics")).text();
    await expect.poll(metrics, { timeout: 5000 }).toContain("switchyard_watchers 0");
    socket.destroy();
  });

  it("ends its streams and answers what is under way when it closes", async () => {
    const other = await serveApi(bench.deps, { host: "127.0.0.1", port: 0 });
    const headers = { authorization: `Bearer ${bench.tokens.admin}`, accept: "text/event-stream" };
    const stream = await fetch(`${other.url}/api/events`, { headers });
    const ended = eventsUntil(stream, () => false);
    await other.close();
    expect(await ended).toEqual([]);
    await expect(fetch(`${other.url}/healthz`)).rejects.toThrow();
  });
});
