/** Events of a job for tests of their streams. */
import { appendEvents } from "../../src/live/events.ts";
import type { NewEvent } from "../../src/model/event.ts";
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

/** Appends to one job's stream and answers the numbers, or `stale`. */
export const appendTo = async (
  redis: Redis,
  jobId: string,
  events: NewEvent[],
  more: { floorSeq?: number; batch?: string } = {},
) => {
  const attempt = events[0]?.attempt ?? 1;
  const [answer] = await appendEvents(redis, [{ jobId, attempt, floorSeq: 0, events, facts, ...more }]);
  return answer;
};
