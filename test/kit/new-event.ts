/** Events of a job for tests of their streams. */
import { appendEvents, readEvents } from "../../src/live/events.ts";
import type { JobEvent, NewEvent } from "../../src/model/event.ts";
import type { Redis } from "../../src/redis.ts";

export const facts = { kind: "action.run", instanceId: "ins_1", typeId: "acme.box" };

export const event = (message: string, attempt = 1): NewEvent => ({
  ts: Date.UTC(2026, 0, 2, 3, 4, 5, 678),
  phase: "work",
  level: "info",
  message,
  meta: { list: [1, "two", { deep: null }] },
  attempt,
});
export const lines = (count: number, attempt = 1): NewEvent[] =>
  Array.from({ length: count }, (_, index) => event(`line ${index}`, attempt));

/** The events with the numbers from `first` on. */
export const numbered = (events: readonly NewEvent[], first: number): JobEvent[] =>
  events.map((said, index) => ({ ...said, seq: first + index }));

/** Appends to one job's stream, after what it has or from the given number on; answers the numbers, or `stale`. */
export const appendTo = async (redis: Redis, jobId: string, events: readonly NewEvent[], first?: number) => {
  const attempt = events[0]?.attempt ?? 1;
  const last = (await readEvents(redis, jobId, { after: 0, limit: 100_000 })).at(-1)?.seq ?? 0;
  const given = numbered(events, first ?? last + 1);
  const [answer] = await appendEvents(redis, [{ jobId, attempt, events: given, facts }]);
  return answer === "kept" ? given.map(({ seq }) => seq) : answer;
};
