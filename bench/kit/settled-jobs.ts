/** Writes settled jobs straight into a store: ninety days of a system, with what makes lists slow among them. */
import Database from "better-sqlite3";
import { newId } from "../../src/model/ids.ts";

const spanMs = 89 * 24 * 3_600_000;
const atOnce = 10_000;

/** Each of the filters that meets next to nothing among all the jobs. */
export const subjects = {
  /** A third of all jobs are its heartbeats, and nothing else is. */
  busy: newId("ins", 1),
  /** All its jobs failed. */
  dead: newId("ins", 2),
  plain: newId("ins", 3),
  none: newId("ins", 4),
  type: "bench.common",
  rareType: "bench.rare",
} as const;

interface Kind {
  readonly kind: string;
  readonly instance: string;
  readonly type: string;
  readonly state: string;
}

const others = Array.from({ length: 200 }, (_, index) => (index === 0 ? subjects.plain : newId("ins", 5)));
const kinds = ["instance.test_connection", "instance.test_connection", "instance.refresh_inventory", "action.run"];

const rest = (index: number): Kind => ({
  kind: kinds[index % kinds.length] ?? "action.plan",
  instance: others[index % others.length] ?? subjects.plain,
  type: index % 10_000 === 7 ? subjects.rareType : subjects.type,
  state: index % 200 === 5 ? "failed" : "succeeded",
});

/** The oldest jobs are the rare ones: a walk that looks for them goes through all. */
const jobAt = (index: number): Kind => {
  if (index === 0) return { ...rest(0), state: "timed_out" };
  if (index === 1) return { ...rest(1), kind: "pack.rollback", state: "failed" };
  const heartbeat = { kind: "instance.test_connection", type: subjects.type };
  if (index % 3 === 0) return { ...heartbeat, instance: subjects.busy, state: "succeeded" };
  if (index % 20 === 1) return { ...heartbeat, instance: subjects.dead, state: "failed" };
  return rest(index);
};

const error = JSON.stringify({
  code: "contact_timeout",
  title: "No answer",
  detail: "The device did not answer in 5 s.",
});

const insertion = (file: Database.Database) =>
  file.prepare(`insert into jobs (id, kind, state, attempt, max_attempts, tries_used, lost_workers, created_at,
    started_at, finished_at, requested_by, type_id, instance_id, input, result, error, queue, locks, timeout_ms, debug,
    tail, last_seq, enqueued_at, principal_id, is_routine)
    values (?, ?, ?, 1, 3, 1, 0, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'background', '[]', 60000, 0, 'closed', 3, ?, 'system', 0)`);

/** Adds `count` jobs that end at `until` (ms since 1970) to the SQLite file; the runner need not be stopped. */
export const addSettledJobs = (path: string, count: number, until: number): void => {
  const file = new Database(path, { timeout: 10_000 });
  file.pragma("synchronous = NORMAL");
  const insert = insertion(file);
  const by = JSON.stringify({ scheduleId: newId("sch", 1), name: "schedule" });
  const result = JSON.stringify({ ok: true, latency_ms: 12, version: "8.2.4", details: "x".repeat(200) });
  const add = (index: number): void => {
    const { kind, state, type, instance } = jobAt(index);
    const at = until - spanMs + Math.floor((index * spanMs) / count);
    const outcome = state === "succeeded" ? [result, null] : [null, error];
    const input = JSON.stringify({ instance_id: instance });
    insert.run(newId("job", at), kind, state, at, at, at + 40, by, type, instance, input, ...outcome, at);
  };
  const batch = file.transaction((from: number) => {
    for (let index = from; index < Math.min(count, from + atOnce); index += 1) add(index);
  });
  for (let from = 0; from < count; from += atOnce) batch(from);
  file.close();
};
