/** Turns nouns into rows and back: camelCase here, snake_case there, documents as JSON text, booleans as 0 and 1. */

/**
 * How a field lies in its column. `bytes` and `plain` lie as they are; `document` is JSON that is read far more often
 * than it changes: equal texts give one frozen value.
 */
export type Coding = "plain" | "json" | "document" | "flag";

export interface Codec<T extends object, Row extends object> {
  encode(value: T): Row;
  /** Only the fields that are given. */
  encodeSome(value: Partial<T>): Partial<Row>;
  decode(row: Row): T;
  readonly columns: readonly (keyof Row & string)[];
}

const columnOf = (field: string): string => field.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

const writers: Readonly<Record<Coding, (value: unknown) => unknown>> = {
  plain: (value) => value,
  json: (value) => (value === null ? null : JSON.stringify(value)),
  document: (value) => JSON.stringify(value),
  flag: (value) => (value ? 1 : 0),
};

/** The value with everything in it, never to change again. */
export const frozen = (value: unknown): unknown => {
  if (typeof value !== "object" || value === null) return value;
  for (const inner of Object.values(value)) frozen(inner);
  return Object.freeze(value);
};

const keptDocuments = 100;

const createDocumentReader = () => {
  const known = new Map<string, unknown>();
  return (text: string): unknown => {
    const kept = known.get(text);
    if (kept !== undefined) return kept;
    if (known.size >= keptDocuments) known.clear();
    const made = frozen(JSON.parse(text));
    known.set(text, made);
    return made;
  };
};

const readerOf = (coding: Coding): ((value: unknown) => unknown) => {
  if (coding === "json") return (value) => (value === null ? null : JSON.parse(value as string));
  if (coding === "flag") return (value) => value === 1;
  if (coding === "plain") return (value) => value;
  const read = createDocumentReader();
  return (value) => read(value as string);
};

/** A codec from one declaration: which field is coded how. Column names follow from field names. */
export const codec = <T extends object, Row extends object>(
  fields: {
    readonly [K in keyof T]-?: Coding;
  },
): Codec<T, Row> => {
  const plan = (Object.entries(fields) as [string, Coding][]).map(([field, coding]) => ({
    field,
    column: columnOf(field),
    write: writers[coding],
    read: readerOf(coding),
  }));
  const encodeSome = (value: Partial<T>): Partial<Row> => {
    const row: Record<string, unknown> = {};
    for (const { field, column, write } of plan) {
      const given = (value as Record<string, unknown>)[field];
      if (given !== undefined) row[column] = write(given);
    }
    return row as Partial<Row>;
  };
  const decode = (row: Row): T => {
    const value: Record<string, unknown> = {};
    for (const { field, column, read } of plan) value[field] = read((row as Record<string, unknown>)[column]);
    return value as T;
  };
  const columns = plan.map(({ column }) => column as keyof Row & string);
  return { encode: (value) => encodeSome(value) as Row, encodeSome, decode, columns };
};
