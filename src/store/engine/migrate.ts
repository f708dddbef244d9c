/** Brings a database to the schema of this version, once, whoever else tries at the same time. */
import { setTimeout as pause } from "node:timers/promises";
import Database from "better-sqlite3";
import { Client } from "pg";
import type { SwitchyardError } from "../../errors.ts";
import { migrations, schemaVersion } from "../migrations/all.ts";
import { columnTypes, type Migration } from "../migrations/migration.ts";
import type { Dialect } from "../unit.ts";
import { isBusy, unavailable } from "./fault.ts";
import { poolOptions } from "./postgres.ts";
import { createFile } from "./sqlite-file.ts";

const patienceMs = 30_000;
const pauseMs = 5;
/** Any number that nobody else locks in this database. */
const advisoryKey = 7_402_113;
const versionTable = "create table if not exists schema_migrations (version integer primary key, name text not null)";

/** The migrations that are missing, as statements; refuses a database that a newer version wrote. */
export const missing = (dialect: Dialect, present: number, upTo = schemaVersion): readonly string[] => {
  if (present > schemaVersion) throw newerSchema(present);
  const record = ({ version, name }: Migration) =>
    `insert into schema_migrations (version, name) values (${version}, '${name}')`;
  return migrations
    .filter(({ version }) => version > present && version <= upTo)
    .flatMap((migration) => [...migration.statements(columnTypes[dialect]), record(migration)]);
};

export const newerSchema = (present: number): SwitchyardError =>
  unavailable(
    `The database has schema ${present}, this version knows ${schemaVersion}: start the version that wrote it, or a newer one.`,
  );

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

export const migratePostgres = async (url: string): Promise<void> => {
  const client = new Client(poolOptions(url));
  await client.connect();
  try {
    await client.query("select pg_advisory_lock($1)", [advisoryKey]);
    await client.query("begin");
    await client.query(versionTable);
    const { rows } = await client.query("select coalesce(max(version), 0) as version from schema_migrations");
    for (const statement of missing("postgres", rows[0].version)) await client.query(statement);
    await client.query("commit");
  } finally {
    // Ending the session lets go of the lock, and undoes what was not committed.
    await client.end();
  }
};
