/** Rows of an SNMP agent as no device should give them, and more of them than any device has. */
import type { Json, JsonObject } from "../model/json.ts";
import { numbered } from "./numbered.ts";

/** As rows pass between the runner and a driver: names behind a common beginning, and what stands under each. */
interface Rows {
  readonly base: string;
  readonly names: readonly string[];
  readonly types: readonly number[];
  readonly values: readonly (number | string | null)[];
  /** Which values are hexadecimal digits. */
  readonly hex: readonly number[];
}

const types = { integer: 2, octetString: 4, noSuchInstance: 129 } as const;

const isRows = (answer: Json): boolean => {
  const { base, names, types: kinds, values, hex } = (answer ?? {}) as JsonObject;
  return typeof base === "string" && [names, kinds, values, hex].every(Array.isArray);
};

/** The columns of a table, or the one list of a walk or a get; undefined when the answer is none of an agent's. */
const columnsOf = (answer: Json): readonly Rows[] | undefined => {
  const columns = Array.isArray(answer) ? answer : [answer];
  return columns.length > 0 && columns.every(isRows) ? (columns as unknown as readonly Rows[]) : undefined;
};

const answerOf = (before: Json, columns: readonly Rows[]): Json =>
  (Array.isArray(before) ? columns : (columns[0] ?? null)) as unknown as Json;

const changed = (answer: Json, change: (rows: Rows) => Rows): Json | undefined => {
  const columns = columnsOf(answer);
  return columns && answerOf(answer, columns.map(change));
};

/** Texts as numbers and numbers as texts; undefined when these are no rows. */
export const turnedRows = (answer: Json): Json | undefined =>
  changed(answer, (rows) => ({
    ...rows,
    types: rows.values.map((value) => (typeof value === "number" ? types.octetString : types.integer)),
    values: rows.values.map((value) => (typeof value === "number" ? "perhaps" : 42)),
    hex: [],
  }));

/** Every name is there and nothing stands under it. */
export const nulledRows = (answer: Json): Json | undefined =>
  changed(answer, (rows) => ({
    ...rows,
    types: rows.values.map(() => types.noSuchInstance),
    values: rows.values.map(() => null),
    hex: [],
  }));

/** Nothing is there. */
export const noRows = (answer: Json): Json | undefined =>
  changed(answer, ({ base }) => ({ base, names: [], types: [], values: [], hex: [] }));

/** What one read of a driver may hold, and how long a column is made at most. */
const mostValues = 100_000;
const mostRows = 12_000;

const splitName = (name: string): readonly [column: string, index: string] => {
  const dot = name.lastIndexOf(".");
  return [name.slice(0, dot + 1), name.slice(dot + 1)];
};

/** The rows that differ in the last number of their names alone, in their order. */
const groupsOf = ({ names }: Rows): readonly (readonly number[])[] => {
  const found = Map.groupBy(names.keys(), (at) => splitName(names[at] ?? "")[0]);
  return [...found.values()];
};

/** An object with one value has the index 0, and no other. */
const isTable = ({ names }: Rows, group: readonly number[]): boolean =>
  group.some((at) => splitName(names[at] ?? "")[1] !== "0");

/** Whether the values of a column tell its rows apart: texts and whole numbers may, what is counted does not. */
const areNames = ({ types: kinds, values, hex }: Rows, group: readonly number[]): boolean =>
  group.every((at) => kinds[at] === types.octetString || (kinds[at] === types.integer && group.length > 1)) &&
  !group.some((at) => hex.includes(at) || values[at] === "") &&
  new Set(group.map((at) => values[at])).size === group.length;

/** One row of a column: which one it is a copy of, and in which round; round 0 is the row itself. */
interface Place {
  readonly at: number;
  readonly round: number;
  readonly isNamed: boolean;
}

const placesOf = (rows: Rows, group: readonly number[], rounds: number): readonly Place[] => {
  const isNamed = areNames(rows, group);
  const inRound = (round: number): readonly Place[] => group.map((at) => ({ at, round, isNamed }));
  return Array.from({ length: isTable(rows, group) ? rounds + 1 : 1 }, (_, round) => inRound(round)).flat();
};

const grownRows = (rows: Rows, rounds: number): Rows => {
  const places = groupsOf(rows).flatMap((group) => placesOf(rows, group, rounds));
  const wasHex = new Set(rows.hex);
  return {
    base: rows.base,
    names: places.map(({ at, round }) => {
      const [column, index] = splitName(rows.names[at] ?? "");
      return column + numbered(Number(index), round);
    }),
    types: places.map(({ at }) => rows.types[at] ?? 0),
    values: places.map(({ at, round, isNamed }) => {
      const value = rows.values[at] ?? null;
      return isNamed && value !== null ? numbered(value, round) : value;
    }),
    hex: places.flatMap(({ at }, place) => (wasHex.has(at) ? [place] : [])),
  };
};

/** The same table or walk with many rows; undefined when it is none, or has no row to be copied. */
export const grownTable = (asked: JsonObject, answer: Json): Json | undefined => {
  const columns = asked["oids"] === undefined ? columnsOf(answer) : undefined;
  if (!columns?.some((rows) => groupsOf(rows).some((group) => isTable(rows, group)))) return undefined;
  const longest = Math.max(...columns.map(({ names }) => names.length));
  const rounds = Math.floor(Math.min(mostRows, mostValues / columns.length) / longest) - 1;
  return rounds < 1
    ? undefined
    : answerOf(
        answer,
        columns.map((rows) => grownRows(rows, rounds)),
      );
};
