/** What a store of an earlier version goes through: nothing is lost, and what cannot be done leaves it as it was. */
import Database from "better-sqlite3";
import { Client } from "pg";
import { expect, it } from "vitest";
import { missing } from "../../src/store/engine/schema.ts";
import { countOpenJobs, findJob, insertJob, listJobs, unsettledJobs } from "../../src/store/jobs.ts";
import { schemaVersion } from "../../src/store/migrations/all.ts";
import { migrate, openStore } from "../../src/store/open.ts";
import type { Store } from "../../src/store/store.ts";
import { describeStores, newJob, type StoreBench } from "../kit/stores.ts";

interface Raw {
  run(sql: string): Promise<Record<string, unknown>[]>;
  close(): Promise<void>;
}

const openRaw = async ({ dialect }: StoreBench, url: string): Promise<Raw> => {
  if (dialect === "sqlite") {
    const file = new Database(url);
    const run = async (sql: string) => {
      const statement = file.prepare(sql);
      if (statement.reader) return statement.all() as Record<string, unknown>[];
      statement.run();
      return [];
    };
    return { run, close: async () => void file.close() };
  }
  const client = new Client(url);
  await client.connect();
  return { run: async (sql) => (await client.query(sql)).rows, close: () => client.end() };
};

/** An empty database of an earlier schema, the first if nothing else is said. */
const oldSchema = async (bench: StoreBench, version = 1): Promise<{ url: string; raw: Raw }> => {
  const url = bench.dialect === "sqlite" ? `${bench.url}.old` : bench.url;
  const raw = await openRaw(bench, url);
  if (bench.dialect === "postgres") {
    await raw.run("drop schema public cascade");
    await raw.run("create schema public");
  }
  await raw.run("create table schema_migrations (version integer primary key, name text not null)");
  for (const statement of missing(bench.dialect, 0, version)) await raw.run(statement);
  return { url, raw };
};

interface Column {
  readonly name: string;
  readonly type: string;
}

/** The tables of a database with their columns, those that others refer to first. */
const tablesOf = async ({ run }: Raw, { dialect }: StoreBench): Promise<Map<string, Column[]>> => {
  const names = await run(
    dialect === "sqlite"
      ? "select name from sqlite_master where type = 'table' and name not like 'sqlite%' order by rowid"
      : "select relname as name from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace order by oid",
  );
  const tables = new Map<string, Column[]>();
  for (const { name } of names.filter(({ name }) => name !== "schema_migrations")) {
    const sql =
      dialect === "sqlite"
        ? `select name, type from pragma_table_info('${name}')`
        : `select column_name as name, data_type as type from information_schema.columns where table_schema = 'public' and table_name = '${name}' order by ordinal_position`;
    tables.set(String(name), (await run(sql)) as unknown as Column[]);
  }
  return tables;
};

const references: Readonly<Record<string, string>> = { id: "one", job_id: "one", instance_id: "one" };
const valueFor = ({ name, type }: Column, dialect: StoreBench["dialect"]): string => {
  if (/blob|bytea/i.test(type)) return dialect === "sqlite" ? "x'00ff'" : "'\\x00ff'::bytea";
  return /int|double|real/i.test(type) ? "7" : `'${references[name] ?? `kept ${name}`}'`;
};

/** The database numbers these itself. */
const numbered: ReadonlySet<string> = new Set(["admission", "number"]);

const addOneToEach = async (raw: Raw, bench: StoreBench): Promise<void> => {
  for (const [table, columns] of await tablesOf(raw, bench)) {
    const filled = columns.filter(({ name }) => !numbered.has(name));
    const values = filled.map((column) => valueFor(column, bench.dialect));
    await raw.run(`insert into ${table} (${filled.map(({ name }) => name).join()}) values (${values.join()})`);
  }
};

const contentOf = async (raw: Raw, tables: Map<string, Column[]>): Promise<[string, Record<string, unknown>[]][]> => {
  const read = async (table: string, columns: readonly Column[]): Promise<Record<string, unknown>[]> =>
    raw.run(`select ${columns.map(({ name }) => name).join()} from ${table}`);
  const content: [string, Record<string, unknown>[]][] = [];
  for (const [table, columns] of tables) content.push([table, await read(table, columns)]);
  return content;
};

interface OldJob {
  readonly state: "succeeded" | "failed" | "timed_out" | "queued";
  readonly finishedAt: number | null;
  readonly error?: string;
}

const oldJobs: Readonly<Record<string, OldJob>> = {
  job_1: { state: "succeeded", finishedAt: 3_000 },
  job_2: { state: "failed", finishedAt: 3_000 },
  job_3: { state: "timed_out", finishedAt: 3_000, error: `'{"code":"timed_out"}'` },
  job_4: { state: "queued", finishedAt: null },
};

const addJobs = async ({ run }: Raw): Promise<void> => {
  for (const [id, { state, finishedAt, error }] of Object.entries(oldJobs)) {
    await run(`insert into jobs (id, kind, state, attempt, max_attempts, tries_used, lost_workers, created_at,
      finished_at, requested_by, input, queue, locks, timeout_ms, debug, tail, last_seq, principal_id, is_routine,
      instance_id, error) values ('${id}', 'action.run', '${state}', 1, 3, 1, 0, 1000, ${finishedAt}, '{"name":"ada"}',
      '{}', 'interactive', '[]', 1000, 0, 'closed', 0, 'tok_1', 0, 'ins_1', ${error ?? null})`);
  }
};

const listed = async (store: Store, { state }: OldJob): Promise<string[]> =>
  (await store.read(() => listJobs({ state, instanceId: "ins_1", limit: 9 }))).items.map(({ id }) => id);

const indexNames = async ({ run }: Raw, { dialect }: StoreBench): Promise<unknown[]> => {
  const sqlite = "select name from sqlite_master where type = 'index' order by name";
  const postgres = "select indexname as name from pg_indexes where schemaname = 'public' order by indexname";
  return (await run({ sqlite, postgres }[dialect])).map(({ name }) => name);
};

describeStores("a store of schema 1", (bench) => {
  it("is brought up with all its jobs, each of them in its lists", async () => {
    const { url, raw } = await oldSchema(bench);
    await addJobs(raw);
    await raw.close();
    await expect(openStore({ url })).rejects.toThrow("schema 1");
    await Promise.all([migrate(url), migrate(url)]);
    const store = await openStore({ url });
    for (const [id, job] of Object.entries(oldJobs)) expect(await listed(store, job)).toEqual([id]);
    expect(await store.read(() => findJob("job_2"))).toMatchObject({ error: { code: "internal" } });
    expect(await store.read(() => findJob("job_3"))).toMatchObject({ error: { code: "timed_out" } });
    expect(await store.read(() => findJob("job_1"))).toMatchObject({ error: null });
    expect(await store.read(countOpenJobs)).toMatchObject([{ state: "queued", count: 1 }]);
    const { job } = await store.write(() => insertJob(newJob()));
    expect((await store.read(() => unsettledJobs({ limit: 9 }))).map(({ id }) => id)).toEqual(["job_4", job.id]);
    await store.close();
  });

  it("stays as it was when a step of the migration fails", async () => {
    const { url, raw } = await oldSchema(bench);
    await addJobs(raw);
    await raw.run("create index jobs_begun on instances (state)");
    const before = await indexNames(raw, bench);
    await expect(migrate(url)).rejects.toThrow("jobs_begun");
    expect(await indexNames(raw, bench)).toEqual(before);
    expect(await raw.run("select version from schema_migrations")).toEqual([{ version: 1 }]);
    expect(await raw.run("select id from jobs where state = 'failed' and error is null")).toEqual([{ id: "job_2" }]);
    await raw.run("drop index jobs_begun");
    await migrate(url);
    await (await openStore({ url })).close();
    await raw.close();
  });
});

const earlier = Array.from({ length: schemaVersion - 1 }, (_, index) => index + 1);

describeStores("a store of any earlier schema", (bench) => {
  it.each(earlier)("keeps a row of every table as it was, from schema %i on", async (version) => {
    const { url, raw } = await oldSchema(bench, version);
    await addOneToEach(raw, bench);
    const tables = await tablesOf(raw, bench);
    const before = await contentOf(raw, tables);
    expect(before.length).toBeGreaterThan(15);
    expect(before.filter(([, rows]) => rows.length !== 1)).toEqual([]);
    if (bench.dialect === "sqlite") await raw.close();
    await migrate(url);
    await (await openStore({ url })).close();
    const after = bench.dialect === "sqlite" ? await openRaw(bench, url) : raw;
    expect(await contentOf(after, tables)).toEqual(before);
    await after.close();
  });
});
