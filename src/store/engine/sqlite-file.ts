/** Opens the SQLite file the one way it is used, and keeps its statements compiled. */
import { closeSync, fdatasync, mkdirSync, openSync } from "node:fs";
import { dirname } from "node:path";
import { promisify } from "node:util";
import Database from "better-sqlite3";
import type { Outcome, Query } from "../unit.ts";

const keptStatements = 400;

export interface SqliteFile {
  execute(query: Query): Outcome;
  /** Runs plain SQL, such as BEGIN. */
  plain(sql: string): void;
  readonly isInTransaction: boolean;
  /** Whether anything but a read was run since the last sync began. */
  readonly isChanged: boolean;
  /** Resolves when all that was committed so far is on the disk. */
  sync(): Promise<void>;
  close(): void;
}

const syncData = promisify(fdatasync);

/**
 * `busy_timeout` is 0 because SQLite's own busy handler sleeps in the event loop. With `NORMAL` a commit is written but
 * not synced, which would stop the event loop too: `sync` does what `FULL` does, in a thread of the pool.
 */
const openFile = (path: string): Database.Database => {
  const file = new Database(path, { timeout: 0, fileMustExist: true });
  file.pragma("synchronous = NORMAL");
  file.pragma("foreign_keys = ON");
  file.pragma("cache_size = -8000");
  file.pragma("temp_store = MEMORY");
  return file;
};

/** Makes the file and its folder, open to their owner only. The files beside it take over its mode. */
export const createFile = (path: string): void => {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  closeSync(openSync(path, "a", 0o600));
};

export const openSqliteFile = (path: string): SqliteFile => {
  const file = openFile(path);
  // The log is there as long as a connection is, and stays the same file.
  let log: number | undefined;
  let isChanged = false;
  const statements = new Map<string, Database.Statement>();
  const prepare = (sql: string): Database.Statement => {
    const kept = statements.get(sql);
    if (kept !== undefined) return kept;
    // Lists of ids make ever new texts: start over rather than grow.
    if (statements.size >= keptStatements) statements.clear();
    const made = file.prepare(sql);
    statements.set(sql, made);
    return made;
  };
  return {
    execute: (query) => {
      const { sql, parameters } = query.on("sqlite");
      const statement = prepare(sql);
      isChanged ||= !statement.readonly;
      if (!statement.reader) return { rows: [], changes: statement.run(...parameters).changes };
      const rows = statement.all(...parameters) as Record<string, unknown>[];
      return { rows, changes: rows.length };
    },
    plain: (sql) => {
      prepare(sql).run();
    },
    get isInTransaction() {
      return file.inTransaction;
    },
    get isChanged() {
      return isChanged;
    },
    sync: () => {
      isChanged = false;
      log ??= openSync(`${path}-wal`, "r");
      return syncData(log);
    },
    close: () => {
      if (log !== undefined) closeSync(log);
      statements.clear();
      file.close();
    },
  };
};
