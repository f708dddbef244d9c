/** The whole store at one moment, row by row, and the way back: what backups are made of, the same for both databases. */
import type { Dialect, Unit } from "../unit.ts";

/** What a column may hold. Numbers stay below 2^53. */
export type Value = string | number | null | Uint8Array;
export type Row = readonly Value[];

export interface TableShape {
  readonly name: string;
  readonly columns: readonly string[];
}

/** A view of the store that does not move while others write. */
export interface Snapshot {
  readonly dialect: Dialect;
  readonly schema: number;
  /** In an order in which they can be filled again. */
  readonly tables: readonly TableShape[];
  /** All rows of a table, in portions that are small enough to be held. */
  rows(table: TableShape): AsyncGenerator<readonly Row[]>;
  /** Runs a unit that only reads, inside the same view. */
  read<T>(unit: () => Unit<T>): Promise<T>;
  close(): Promise<void>;
}

/** A new store in the making: nobody sees anything of it before it is finished. */
export interface Refill {
  insert(table: TableShape, rows: readonly Row[]): Promise<void>;
  /** Brings the schema up to this version's, runs a last unit, and makes it all true at once. */
  finish(unit: () => Unit<unknown>): Promise<void>;
  /** Leaves no trace. */
  abandon(): Promise<void>;
}

/** The table that says which schema there is: it is written by migrations, never copied. */
export const schemaTable = "schema_migrations";

/** So much text or bytes is handed on at once, as far as one row allows. */
const portionBytes = 1024 * 1024;
const mostRows = 2_000;

const sizeOf = (value: Value): number => (value === null || typeof value === "number" ? 8 : value.length);
const rowSize = (row: Row): number => row.reduce<number>((sum, value) => sum + sizeOf(value), 0);

/** How many rows to ask for next, after what the last portion weighed: a table of archives goes one by one. */
export const nextCount = (portion: readonly Row[]): number => {
  if (portion.length === 0) return 1;
  const bytes = portion.reduce((sum, row) => sum + rowSize(row), 0);
  return Math.max(1, Math.min(mostRows, portion.length * 2, Math.floor(portionBytes / (bytes / portion.length + 1))));
};

/** Whether rows that come one by one make a portion. */
export const isPortion = (count: number, bytes: number): boolean => bytes >= portionBytes || count >= mostRows;

export const sizeOfRow = rowSize;
