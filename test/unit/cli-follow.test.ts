/** Following a job while its server comes and goes. */
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { followEvents } from "../../src/cli/client/events.ts";
import type { Client } from "../../src/cli/client/http.ts";
import type { EventDocument } from "../../src/cli/client/wire.ts";
import { createLiveView } from "../../src/cli/view/live.ts";
import { createTerminal } from "../../src/cli/view/terminal.ts";

// The waits of this module go by the clock of the test, as all others do.
vi.mock("node:timers/promises", () => ({
  setTimeout: (ms: number) => new Promise((resolve) => setTimeout(resolve, ms)),
}));

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const line = (id: number, event = "job.event"): string => `id: ${id}\nevent: ${event}\ndata: {"seq":${id}}\n\n`;

/** A stream that says one thing after the other, each so many ms after the one before, and then breaks. */
const saying = (...parts: readonly (readonly [number, string])[]): Response => {
  const rest = [...parts];
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const next = rest.shift();
      if (next === undefined) return controller.close();
      await new Promise((resolve) => setTimeout(resolve, next[0]));
      controller.enqueue(new TextEncoder().encode(next[1]));
    },
  });
  return new Response(body);
};

/** What it answers while it has no Redis. */
const unavailable = (): Response => {
  const problem = { code: "queue_unavailable", title: "The queue cannot be reached", detail: "Redis is away." };
  return Response.json(problem, { status: 503 });
};

/** A server that is met with each of these in turn; null, and at the end: it is away. */
const serverOf = (answers: readonly (Response | null)[]): Client => {
  const left = [...answers];
  const open = async (): Promise<Response> => {
    const answer = left.shift();
    if (!answer) throw new TypeError("fetch failed");
    return answer;
  };
  return { server: { url: "http://127.0.0.1:9" }, open } as unknown as Client;
};

const follow = async (answers: readonly (Response | null)[]) => {
  const told: string[] = [];
  const stderr = { write: (text: string) => told.push(text.trimEnd()) };
  const view = createLiveView(
    createTerminal({ stdin: process.stdin, stdout: stderr, stderr, environment: {} }),
    "lines",
  );
  const signal = new AbortController().signal;
  const seen: number[] = [];
  const following = (async () => {
    const events = followEvents(serverOf(answers), "job_1", { signal, onAway: view.away, onBack: view.back });
    for await (const { id } of events) seen.push(id);
  })().catch((thrown: unknown) => thrown);
  await vi.advanceTimersByTimeAsync(600_000);
  return { seen, told, failure: await following };
};

const away = "The server does not answer: trying again for two minutes.";
const troubled = "The server answers, but with an error (The queue cannot be reached): trying again for two minutes.";
const back = "The server is back.";

it("says that the server is away when it is for longer than a restart takes, and that it is back", async () => {
  const misses = Array.from({ length: 10 }, () => null);
  const found = await follow([saying([0, line(1)]), ...misses, saying([0, line(2)], [0, line(3, "job.done")])]);
  expect(found).toEqual({ seen: [1, 2, 3], told: [away, back], failure: undefined });
});

it("says nothing of a server that is only started anew", async () => {
  const found = await follow([saying([0, line(1)]), null, null, saying([0, line(2, "job.done")])]);
  expect(found).toEqual({ seen: [1, 2], told: [], failure: undefined });
});

it("is as patient with a server that goes after a long silence of the job", async () => {
  const beats = Array.from({ length: 20 }, () => [15_000, ": beat\n\n"] as const);
  const found = await follow([saying([0, line(1)], ...beats), null, null, saying([0, line(2, "job.done")])]);
  expect(found).toEqual({ seen: [1, 2], told: [], failure: undefined });
});

it("gives up on a server that stays away", async () => {
  const found = await follow([saying([0, line(1)])]);
  expect(found).toMatchObject({ seen: [1], told: [away], failure: { problem: { code: "no_server" } } });
});

it("says of a server that answers with a problem which one it is, and ends with it", async () => {
  const problems = Array.from({ length: 200 }, unavailable);
  const found = await follow([saying([0, line(1)]), ...problems]);
  const failure = { problem: { code: "queue_unavailable", detail: "Redis is away." }, exitCode: 1 };
  expect(found).toMatchObject({ seen: [1], told: [troubled], failure });
});

it("goes on when the problem is over", async () => {
  const problems = Array.from({ length: 10 }, unavailable);
  const found = await follow([...problems, saying([0, line(1, "job.done")])]);
  expect(found).toEqual({ seen: [1], told: [troubled, back], failure: undefined });
});

it("takes a gateway's answer for a server that is away", async () => {
  const found = await follow(Array.from({ length: 200 }, () => new Response("Bad Gateway", { status: 502 })));
  expect(found).toMatchObject({ told: [away], failure: { message: expect.stringContaining("with status 502") } });
});

it("shows how long the job has been going on, also to who comes later", () => {
  vi.setSystemTime(new Date("2026-01-01T00:01:30.500Z"));
  const said: string[] = [];
  const screen = { write: (text: string) => said.push(text), isTTY: true, columns: 80 };
  const view = createLiveView(
    createTerminal({ stdin: process.stdin, stdout: screen, stderr: screen, environment: { NO_COLOR: "1" } }),
    "phases",
  );
  const event = { seq: 1, level: "info", phase: "start", message: "started", meta: {} };
  view.event({ ...event, job_id: "job_1", ts: "2026-01-01T00:00:00.000Z" } as EventDocument);
  vi.advanceTimersByTime(1_000);
  view.end();
  expect(said.join("")).toContain("1 min  start: started");
  expect(said.join("")).not.toContain(" 1 s ");
});
