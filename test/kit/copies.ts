/** For tests of copies of the store: rows in every table there is, and all of them as one value. */
import { openSnapshot } from "../../src/store/copy/open-copy.ts";
import type { Store } from "../../src/store/store.ts";
import type { Query, Unit } from "../../src/store/unit.ts";

type Kind = "number" | "bytes" | "text";

const kindOf = (type: string): Kind => {
  if (/int|double/i.test(type)) return "number";
  return /blob|bytea/i.test(type) ? "bytes" : "text";
};

const columnsSql = {
  sqlite: (table: string) => `select name, type from pragma_table_info('${table}')`,
  postgres: (table: string) =>
    `select column_name as name, data_type as type from information_schema.columns
      where table_schema = current_schema() and table_name = '${table}'`,
};

const plain = (sqlite: string, postgres: string, parameters: readonly unknown[] = []): Query => ({
  on: (dialect) => ({ sql: dialect === "sqlite" ? sqlite : postgres, parameters }),
});

/** What refers to another table gets what that one was given. */
const sampleOf = (table: string, { name, type }: { name: string; type: string }): unknown => {
  const kind = kindOf(type);
  if (kind === "number") return 7;
  if (kind === "bytes") return Buffer.from([0, 10, 255, 13, 10, 0]);
  if (name === "job_id") return "jobs.id";
  if (name === "instance_id") return "instances.id";
  return `${table}.${name}`;
};

function* fillOne(table: string): Unit<void> {
  const { rows } = yield plain(columnsSql.sqlite(table), columnsSql.postgres(table));
  const columns = rows as unknown as { name: string; type: string }[];
  const names = columns.map(({ name }) => `"${name}"`).join(", ");
  const into = `insert into "${table}" (${names}) values`;
  yield plain(
    `${into} (${columns.map(() => "?").join(", ")})`,
    `${into} (${columns.map((_, at) => `$${at + 1}`).join(", ")})`,
    columns.map((column) => sampleOf(table, column)),
  );
}

/** One row in each table, with every column set: also in those that come with a later schema. */
export const fillEveryTable = async (store: Store, url: string): Promise<readonly string[]> => {
  const snapshot = await openSnapshot(url);
  const names = snapshot.tables.map(({ name }) => name);
  await snapshot.close();
  for (const name of names) await store.write(() => fillOne(name));
  return names;
};

/** Each row that has this text in it, as `table: row`. */
export const rowsWith = async (url: string, text: string): Promise<string[]> =>
  Object.entries(await everything(url))
    .flatMap(([table, rows]) => rows.map((row) => `${table}: ${JSON.stringify(row)}`))
    .filter((row) => row.includes(text));

/** Every row of every table, in an order of its own: equal for equal stores on any database. */
export const everything = async (url: string): Promise<Record<string, unknown[]>> => {
  const snapshot = await openSnapshot(url);
  try {
    const found: Record<string, unknown[]> = {};
    for (const table of snapshot.tables) {
      const texts: string[] = [];
      for await (const rows of snapshot.rows(table)) {
        for (const row of rows) {
          const named = Object.fromEntries(row.map((value, at) => [table.columns[at] ?? "", value]));
          const sorted = Object.entries(named).sort(([a], [b]) => (a < b ? -1 : 1));
          texts.push(JSON.stringify(sorted));
        }
      }
      found[table.name] = texts.sort().map((text) => JSON.parse(text));
    }
    return found;
  } finally {
    await snapshot.close();
  }
};
