/** Events of jobs after their spill: in chunks, read from any number. */
import { type Expression, sql } from "kysely";
import type { JobEvent } from "../model/event.ts";
import { prepared, query, run } from "./query.ts";
import type { Tables } from "./tables.ts";
import type { Unit } from "./unit.ts";

/** A chunk is small enough to be parsed in about a millisecond. */
const chunk = { events: 200, bytes: 128 * 1024 } as const;

const lastOf = prepared<{ id: string }, { last_seq: number }>((value) =>
  query
    .selectFrom("job_events")
    .select("last_seq")
    .where("job_id", "=", value("id"))
    .orderBy("last_seq", "desc")
    .limit(1),
);
const chunkInserted = prepared<Tables["job_events"], unknown>((value) =>
  query.insertInto("job_events").values({
    job_id: value("job_id"),
    first_seq: value("first_seq"),
    last_seq: value("last_seq"),
    events: value("events"),
  }),
);

/** For set-based updates of jobs: the number of a job's last spilled event. */
export const lastSpilledOf = (jobId: Expression<string>) =>
  sql<number>`(select coalesce(max(last_seq), 0) from job_events where job_id = ${jobId})`;

/** The number of the last event that lies in the store; 0 when none does. */
export function* lastSpilled(jobId: string): Unit<number> {
  return (yield* lastOf({ id: jobId })).rows[0]?.last_seq ?? 0;
}

interface Chunk {
  readonly first: number;
  last: number;
  bytes: number;
  readonly texts: string[];
}

const chunksOf = (events: readonly JobEvent[]): readonly Chunk[] => {
  const chunks: Chunk[] = [];
  for (const event of events) {
    const text = JSON.stringify(event);
    const open = chunks.at(-1);
    if (open === undefined || open.texts.length >= chunk.events || open.bytes + text.length > chunk.bytes) {
      chunks.push({ first: event.seq, last: event.seq, bytes: text.length, texts: [text] });
      continue;
    }
    open.texts.push(text);
    open.last = event.seq;
    open.bytes += text.length;
  }
  return chunks;
};

/** Adds the first events of a job, which has none yet. */
export function* addFirstEvents(jobId: string, events: readonly JobEvent[]): Unit<void> {
  for (const { first, last, texts } of chunksOf(events)) {
    yield* chunkInserted({ job_id: jobId, first_seq: first, last_seq: last, events: `[${texts.join(",")}]` });
  }
}

/** Adds events to a job, leaving out what it has; returns the number of its last event. */
export function* addEvents(jobId: string, events: readonly JobEvent[]): Unit<number> {
  const last = yield* lastSpilled(jobId);
  const fresh = events.filter(({ seq }) => seq > last).sort((a, b) => a.seq - b.seq);
  yield* addFirstEvents(jobId, fresh);
  return fresh.at(-1)?.seq ?? last;
}

/** The events after a number, in order, at most `limit`. */
export function* readEvents(asked: {
  readonly jobId: string;
  readonly after: number;
  readonly limit: number;
}): Unit<JobEvent[]> {
  const found: JobEvent[] = [];
  let after = asked.after;
  while (found.length < asked.limit) {
    const { rows } = yield* run(
      query
        .selectFrom("job_events")
        .select(["events", "last_seq"])
        .where("job_id", "=", asked.jobId)
        .where("last_seq", ">", after)
        .orderBy("last_seq")
        .limit(4),
    );
    for (const { events } of rows) {
      found.push(...(JSON.parse(events) as JobEvent[]).filter(({ seq }) => seq > asked.after));
    }
    const last = rows.at(-1);
    if (last === undefined || rows.length < 4) break;
    after = last.last_seq;
  }
  return found.slice(0, asked.limit);
}
