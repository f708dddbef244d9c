/** Brings a SQLite file to the schema of this version, once, whoever else tries at the same time. */
import { setTimeout as pause } from "node:timers/promises";
import Database from "better-sqlite3";
import { isBusy, unavailable } from "./fault.ts";
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

/** A file with tables of another program is left as it is. */
const refuseForeign = (file: Database.Database, path: string): void => {
  const tables = file.prepare("select name from sqlite_master where type = 'table'").pluck().all() as string[];
  if (tables.length === 0 || tables.includes("schema_migrations")) return;
  const shown = tables.slice(0, 3).join(", ");
  throw unavailable(
    `Expected ${path} to be our database, found one of another program (tables ${shown}): move it away, or set SWITCHYARD_DATA or DATABASE_URL to another place.`,
  );
};

/** `begin immediate` takes SQLite's own lock on the file, which the system lets go of when its holder dies. */
export const migrateSqlite = async (path: string): Promise<void> => {
  createFile(path);
  const file = new Database(path, { timeout: 0 });
  try {
    await untilFree(() => refuseForeign(file, path));
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
