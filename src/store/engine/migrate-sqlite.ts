/** Brings a SQLite file to the schema of this version, once, whoever else tries at the same time. */
import { setTimeout as pause } from "node:timers/promises";
import Database from "better-sqlite3";
import { isBusy } from "./fault.ts";
import { missing, versionTable } from "./schema.ts";
import { createFile } from "./sqlite-file.ts";

const patienceMs = 30_000;
const pauseMs = 5;

const untilFree = async (act: () => void): Promise<void> => {
  for (let waited = 0; ; waited += pauseMs) {
    try {
      return act();
    } catch (thrown) {
      if (!isBusy(thrown) || waited >= patienceMs) throw thrown;
    }
    await pause(pauseMs);
  }
};

/** `begin immediate` takes SQLite's own lock on the file, which the system lets go of when its holder dies. */
export const migrateSqlite = async (path: string): Promise<void> => {
  createFile(path);
  const file = new Database(path, { timeout: 0 });
  try {
    await untilFree(() => file.pragma("journal_mode = WAL"));
    file.pragma("synchronous = FULL");
    await untilFree(() => file.exec("begin immediate"));
    file.exec(versionTable);
    const present = file.prepare("select coalesce(max(version), 0) as version from schema_migrations").get();
    for (const statement of missing("sqlite", (present as { version: number }).version)) file.exec(statement);
    file.exec("commit");
  } finally {
    file.close();
  }
};
