/** A SQLite file as a snapshot, and a new one filled aside and put into place whole. */
import { closeSync, fsyncSync, openSync, renameSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { setImmediate } from "node:timers/promises";
import Database from "better-sqlite3";
import { drive } from "../engine/drive.ts";
import { missing } from "../engine/schema.ts";
import { createFile } from "../engine/sqlite-file.ts";
import type { Outcome, Query } from "../unit.ts";
import { isPortion, type Refill, type Row, type Snapshot, schemaTable, sizeOfRow, type TableShape } from "./copy.ts";
import { parentsFirst, type Reference } from "./order.ts";

const quoted = (name: string): string => `"${name}"`;
const listed = (names: readonly string[]): string => names.map(quoted).join(", ");

const executeOn =
  (file: Database.Database) =>
  (query: Query): Outcome => {
    const { sql, parameters } = query.on("sqlite");
    const statement = file.prepare(sql);
    if (!statement.reader) return { rows: [], changes: statement.run(...parameters).changes };
    const rows = statement.all(...parameters) as Record<string, unknown>[];
    return { rows, changes: rows.length };
  };

const shapesOf = (file: Database.Database): readonly TableShape[] => {
  const names = file.prepare("select name from sqlite_schema where type = 'table' and name not like 'sqlite_%'");
  const references = file.prepare(
    `select child.name as child, parent."table" as parent from sqlite_schema child,
      pragma_foreign_key_list(child.name) parent where child.type = 'table'`,
  );
  const columns = file.prepare("select name from pragma_table_info(?) order by cid");
  const tables = (names.pluck().all() as string[]).filter((name) => name !== schemaTable);
  return parentsFirst(tables, references.all() as Reference[]).map((name) => ({
    name,
    columns: columns.pluck().all(name) as string[],
  }));
};

async function* rowsOf(file: Database.Database, { name, columns }: TableShape): AsyncGenerator<readonly Row[]> {
  const select = file.prepare(`select ${listed(columns)} from ${quoted(name)}`).raw();
  let portion: Row[] = [];
  let bytes = 0;
  for (const row of select.iterate() as IterableIterator<Row>) {
    portion.push(row);
    bytes += sizeOfRow(row);
    if (!isPortion(portion.length, bytes)) continue;
    yield portion;
    portion = [];
    bytes = 0;
    // The process has other things to do, and this reader is in no hurry.
    await setImmediate();
  }
  yield portion;
}

/** A reader's transaction sees the file as it was at its first read, however long it takes. */
export const snapshotSqlite = (path: string): Snapshot => {
  const file = new Database(path, { readonly: true, fileMustExist: true, timeout: 5_000 });
  try {
    file.exec("begin");
    const schema = file.prepare(`select max(version) from ${schemaTable}`).pluck().get() as number;
    const execute = executeOn(file);
    return {
      dialect: "sqlite",
      schema,
      tables: shapesOf(file),
      rows: (table) => rowsOf(file, table),
      read: async (unit) => drive(unit(), execute),
      close: async () => void file.close(),
    };
  } catch (error) {
    file.close();
    throw error;
  }
};

const beside = ["", "-wal", "-shm", "-journal"];
const removeFile = (path: string): void => {
  for (const suffix of beside) rmSync(`${path}${suffix}`, { force: true });
};

const syncPath = (path: string): void => {
  const descriptor = openSync(path, "r");
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
};

const inserter = (file: Database.Database) => {
  const statements = new Map<string, Database.Statement>();
  return ({ name, columns }: TableShape): Database.Statement => {
    const kept = statements.get(name);
    if (kept !== undefined) return kept;
    const places = columns.map(() => "?").join(", ");
    const made = file.prepare(`insert into ${quoted(name)} (${listed(columns)}) values (${places})`);
    statements.set(name, made);
    return made;
  };
};

/** Fills a file beside the asked one; `finish` gives it its name. */
export const refillSqlite = (path: string, schema: number): Refill => {
  const draft = `${path}.restoring`;
  removeFile(draft);
  createFile(draft);
  const file = new Database(draft, { timeout: 0 });
  file.pragma("journal_mode = MEMORY");
  file.pragma("foreign_keys = ON");
  file.exec(`begin; create table ${schemaTable} (version integer primary key, name text not null)`);
  for (const statement of missing("sqlite", 0, schema)) file.exec(statement);
  const insertInto = inserter(file);
  return {
    insert: async (table, rows) => {
      const insert = insertInto(table);
      for (const row of rows) insert.run(...row);
    },
    finish: async (unit) => {
      for (const statement of missing("sqlite", schema)) file.exec(statement);
      drive(unit(), executeOn(file));
      file.exec("commit");
      file.pragma("journal_mode = WAL");
      file.close();
      syncPath(draft);
      renameSync(draft, path);
      syncPath(dirname(path));
    },
    abandon: async () => {
      file.close();
      removeFile(draft);
    },
  };
};
