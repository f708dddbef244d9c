/** A unit of work: what one transaction does, written once for every database. */

/** A statement Kysely compiled. */
export interface Statement {
  readonly sql: string;
  readonly parameters: readonly unknown[];
}

/** What came of a statement: rows of a SELECT or RETURNING, and how many rows a write touched. */
export interface Outcome {
  readonly rows: readonly Record<string, unknown>[];
  readonly changes: number;
}

/**
 * Yields statements and is given their outcomes. SQLite runs it in one turn of the loop, inside the next group commit;
 * PostgreSQL awaits each statement. It must do nothing but compute and yield: it may run again after a conflict.
 */
export type Unit<T> = Generator<Statement, T, Outcome>;

/** Runs one statement inside a unit: `const { rows } = yield* run(query)`. */
export function* run(query: { compile(): Statement }): Unit<Outcome> {
  return yield query.compile();
}
