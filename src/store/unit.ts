/** A unit of work: what one transaction does, written once for every database. */

export type Dialect = "sqlite" | "postgres";

/** A statement as its database takes it. */
export interface Statement {
  readonly sql: string;
  readonly parameters: readonly unknown[];
  /** Set when the text never changes, so that a server may keep its plan under this name. */
  readonly name?: string;
}

/** A statement that is not bound to a database yet: whoever runs the unit says which one it is for. */
export interface Query {
  on(dialect: Dialect): Statement;
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
export type Unit<T> = Generator<Query, T, Outcome>;
