/** A PostgreSQL database as a snapshot, and an empty one filled in one transaction. */
import { Client } from "pg";
import { driveAsync } from "../engine/drive.ts";
import { poolOptions } from "../engine/postgres.ts";
import { missing } from "../engine/schema.ts";
import type { Outcome, Query } from "../unit.ts";
import { nextCount, type Refill, type Row, type Snapshot, schemaTable, type TableShape, type Value } from "./copy.ts";
import { parentsFirst, type Reference } from "./order.ts";

/** The protocol counts parameters in 16 bits. */
const mostParameters = 60_000;

const quoted = (name: string): string => `"${name}"`;
const listed = (names: readonly string[]): string => names.map(quoted).join(", ");

const executeOn =
  (client: Client) =>
  async (query: Query): Promise<Outcome> => {
    const { sql, parameters } = query.on("postgres");
    const { rows, rowCount } = await client.query({ text: sql, values: [...parameters] });
    return { rows, changes: rowCount ?? 0 };
  };

const connect = async (url: string): Promise<Client> => {
  const client = new Client(poolOptions(url));
  // A connection that breaks says so by its query, too.
  client.on("error", () => undefined);
  await client.connect();
  return client;
};

const columnsOf = async (client: Client): Promise<Map<string, string[]>> => {
  const { rows } = await client.query<{ name: string; column: string }>(
    `select c.table_name as name, c.column_name as "column" from information_schema.columns c
      join information_schema.tables t on t.table_schema = c.table_schema and t.table_name = c.table_name
      where c.table_schema = current_schema() and t.table_type = 'BASE TABLE'
      order by c.table_name, c.ordinal_position`,
  );
  const tables = new Map<string, string[]>();
  for (const { name, column } of rows) tables.set(name, [...(tables.get(name) ?? []), column]);
  return tables;
};

const shapesOf = async (client: Client): Promise<readonly TableShape[]> => {
  const columns = await columnsOf(client);
  columns.delete(schemaTable);
  const { rows } = await client.query<Reference>(
    `select child.relname as child, parent.relname as parent from pg_constraint c
      join pg_class child on child.oid = c.conrelid join pg_class parent on parent.oid = c.confrelid
      where c.contype = 'f' and c.connamespace = current_schema()::regnamespace`,
  );
  return parentsFirst([...columns.keys()], rows).map((name) => ({ name, columns: columns.get(name) ?? [] }));
};

async function* rowsOf(client: Client, { name, columns }: TableShape): AsyncGenerator<readonly Row[]> {
  await client.query(`declare portions no scroll cursor for select ${listed(columns)} from ${quoted(name)}`);
  let count = 1;
  for (;;) {
    const { rows } = await client.query<Value[]>({ text: `fetch ${count} from portions`, rowMode: "array" });
    if (rows.length === 0) break;
    yield rows;
    count = nextCount(rows);
  }
  await client.query("close portions");
}

/** A repeatable-read transaction sees the database as it was at its first read. */
export const snapshotPostgres = async (url: string): Promise<Snapshot> => {
  const client = await connect(url);
  try {
    await client.query("begin transaction isolation level repeatable read, read only");
    const { rows } = await client.query(`select max(version) as version from ${schemaTable}`);
    const execute = executeOn(client);
    return {
      dialect: "postgres",
      schema: Number(rows[0]?.version ?? 0),
      tables: await shapesOf(client),
      rows: (table) => rowsOf(client, table),
      read: (unit) => driveAsync(unit(), execute),
      close: () => client.end(),
    };
  } catch (error) {
    await client.end();
    throw error;
  }
};

const insertRows = async (client: Client, { name, columns }: TableShape, rows: readonly Row[]): Promise<void> => {
  const atOnce = Math.floor(mostParameters / columns.length);
  for (let from = 0; from < rows.length; from += atOnce) {
    const some = rows.slice(from, from + atOnce);
    const places = some.map((_, row) => `(${columns.map((__, at) => `$${row * columns.length + at + 1}`).join(", ")})`);
    const text = `insert into ${quoted(name)} (${listed(columns)}) values ${places.join(", ")}`;
    await client.query({ text, values: some.flat() });
  }
};

/** Columns that count by themselves go on after the highest number that came in. */
const advanceCounters = async (client: Client): Promise<void> => {
  const { rows } = await client.query<{ name: string; column: string }>(
    `select table_name as name, column_name as "column" from information_schema.columns
      where table_schema = current_schema() and is_identity = 'YES'`,
  );
  for (const { name, column } of rows) {
    await client.query(
      `select setval(pg_get_serial_sequence($1, $2), coalesce(max(${quoted(column)}), 0) + 1, false) from ${quoted(name)}`,
      [quoted(name), column],
    );
  }
};

/** How many tables there are already. */
export const countTables = async (url: string): Promise<number> => {
  const client = await connect(url);
  try {
    return (await columnsOf(client)).size;
  } finally {
    await client.end();
  }
};

export const refillPostgres = async (url: string, schema: number): Promise<Refill> => {
  const client = await connect(url);
  await client.query("begin");
  await client.query(`create table ${schemaTable} (version integer primary key, name text not null)`);
  for (const statement of missing("postgres", 0, schema)) await client.query(statement);
  return {
    insert: (table, rows) => insertRows(client, table, rows),
    finish: async (unit) => {
      await advanceCounters(client);
      for (const statement of missing("postgres", schema)) await client.query(statement);
      await driveAsync(unit(), executeOn(client));
      await client.query("commit");
      await client.end();
    },
    // Ending the session undoes what was not committed.
    abandon: () => client.end(),
  };
};
