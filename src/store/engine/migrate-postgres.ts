/** Brings a PostgreSQL database to the schema of this version, once, whoever else tries at the same time. */
import { Client } from "pg";
import { poolOptions } from "./postgres.ts";
import { missing, versionTable } from "./schema.ts";

/** Any number that nobody else locks in this database. */
const advisoryKey = 7_402_113;

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
