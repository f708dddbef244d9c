/** Following a job while its server comes and goes. */
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { followEvents } from "../../src/cli/client/events.ts";
import type { Client } from "../../src/cli/client/http.ts";

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

/** A server that is met with each of these in turn; null: it is away. */
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
  const told: boolean[] = [];
  const signal = new AbortController().signal;
  const seen: number[] = [];
  const following = (async () => {
    const events = followEvents(serverOf(answers), "job_1", { signal, onAway: (isAway) => void told.push(isAway) });
    for await (const { id } of events) seen.push(id);
  })().catch((thrown: unknown) => thrown);
  await vi.advanceTimersByTimeAsync(600_000);
  return { seen, told, failure: await following };
};

it("says that the server is away when it is for longer than a restart takes, and that it is back", async () => {
  const away = Array.from({ length: 10 }, () => null);
  const found = await follow([saying([0, line(1)]), ...away, saying([0, line(2)], [0, line(3, "job.done")])]);
  expect(found).toEqual({ seen: [1, 2, 3], told: [true, false], failure: undefined });
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
  expect(found).toMatchObject({ seen: [1], told: [true], failure: { problem: expect.anything() } });
});
