/** The least a store can do that keeps its word: two rows a job, what is asked for in one turn in one durable commit. */
import Database from "better-sqlite3";

export interface BareStore {
  /** Resolves when the change is on the disk. */
  write<T>(change: () => T): Promise<T>;
  insert(id: string, body: string): void;
  claim(id: string): void;
  settle(id: string, result: string): void;
}

interface Asked {
  readonly change: () => unknown;
  readonly resolve: (value: unknown) => void;
}

const tables = `
create table if not exists jobs (id text primary key, state text not null, attempt integer not null, body text not null,
  result text, created_at integer not null, finished_at integer) strict;
create table if not exists audit (at integer not null, what text not null, job text not null) strict`;

export const openBareStore = (path: string): BareStore => {
  const db = new Database(path);
  for (const pragma of ["journal_mode = wal", "synchronous = full", "busy_timeout = 10000"]) db.pragma(pragma);
  db.exec(tables);
  const addJob = db.prepare("insert into jobs values (?, 'queued', 0, ?, null, ?, null)");
  const addLine = db.prepare("insert into audit values (?, 'action.run', ?)");
  const claim = db.prepare("update jobs set state = 'running', attempt = attempt + 1 where id = ?");
  const settle = db.prepare("update jobs set state = 'succeeded', result = ?, finished_at = ? where id = ?");
  const together = db.transaction((asked: readonly Asked[]) => asked.map(({ change }) => change()));
  let waiting: Asked[] = [];
  const commit = (): void => {
    const asked = waiting;
    waiting = [];
    const answers = together.immediate(asked);
    for (const [index, { resolve }] of asked.entries()) resolve(answers[index]);
  };
  return {
    write: <T>(change: () => T) =>
      new Promise<T>((resolve) => {
        if (waiting.length === 0) setImmediate(commit);
        waiting.push({ change, resolve: (value) => resolve(value as T) });
      }),
    insert: (id, body) => {
      const now = Date.now();
      addJob.run(id, body, now);
      addLine.run(now, id);
    },
    claim: (id) => void claim.run(id),
    settle: (id, result) => void settle.run(result, Date.now(), id),
  };
};
