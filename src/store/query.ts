/** The one door to Kysely: it builds statements and compiles them for the database at hand; it runs none. */
import { createHash } from "node:crypto";
import {
  type Compilable,
  createQueryId,
  DummyDriver,
  Kysely,
  type OperationNodeSource,
  PostgresQueryCompiler,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from "kysely";
import type { Tables } from "./tables.ts";
import type { Dialect, Query, Statement, Unit } from "./unit.ts";

/** SQLite has one writer at a time, so that `for update` has nothing to say there. */
class LocklessSqliteCompiler extends SqliteQueryCompiler {
  protected override visitSelectModifier(): void {}
}

const compilers = { sqlite: new LocklessSqliteCompiler(), postgres: new PostgresQueryCompiler() };

/** Builds queries. What it builds is bound to no database until a store runs it. */
export const query = new Kysely<Tables>({
  dialect: {
    createAdapter: () => new SqliteAdapter(),
    createDriver: () => new DummyDriver(),
    createIntrospector: (db) => new SqliteIntrospector(db),
    createQueryCompiler: () => compilers.sqlite,
  },
});

/** A finished builder; `Row` is what one row of its answer holds. */
export type Built<Row> = OperationNodeSource & Compilable<Row>;

const compile = (dialect: Dialect, built: OperationNodeSource): Statement => {
  const { sql, parameters } = compilers[dialect].compileQuery(built.toOperationNode() as never, createQueryId());
  return { sql, parameters };
};

/** Runs one statement inside a unit: `const { rows } = yield* run(query.selectFrom(...))`. */
export function* run<Row>(built: Built<Row>): Unit<{ readonly rows: readonly Row[]; readonly changes: number }> {
  const outcome = yield { on: (dialect) => compile(dialect, built) };
  return outcome as { rows: readonly Row[]; changes: number };
}

/** The first row of the answer. */
export function* runOne<Row>(built: Built<Row>): Unit<Row | undefined> {
  return (yield* run(built)).rows[0];
}

/** Stands where a value will stand once a prepared statement is used. */
class Placeholder {
  readonly name: string;
  constructor(name: string) {
    this.name = name;
  }
}

type Parameter<P> = <K extends keyof P & string>(name: K) => P[K];
type Binder<P> = (values: P) => Statement;

const binder = <P extends object>({ sql, parameters }: Statement): Binder<P> => {
  const name = createHash("sha256").update(sql).digest("base64url").slice(0, 16);
  return (values) => ({
    sql,
    name,
    parameters: parameters.map((one) => (one instanceof Placeholder ? values[one.name as keyof P] : one)),
  });
};

/**
 * A statement that is compiled once for each database and then only bound: building and compiling costs more than
 * running it, which shows in what every job does. `run` it with the values of one use.
 */
export const prepared = <P extends object, Row>(build: (parameter: Parameter<P>) => Built<Row>) => {
  const binders: Partial<Record<Dialect, Binder<P>>> = {};
  const built = build(<K extends keyof P & string>(name: K) => new Placeholder(name) as P[K]);
  const on = (dialect: Dialect, values: P): Statement => {
    const bind = binders[dialect] ?? binder<P>(compile(dialect, built));
    binders[dialect] = bind;
    return bind(values);
  };
  return function* runPrepared(values: P): Unit<{ readonly rows: readonly Row[]; readonly changes: number }> {
    const bound: Query = { on: (dialect) => on(dialect, values) };
    const outcome = yield bound;
    return outcome as { rows: readonly Row[]; changes: number };
  };
};
