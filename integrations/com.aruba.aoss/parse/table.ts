/** Tables of the command line: the columns are found by the dashes under the header, never by counting words. */
import { linesOf, unexpected } from "./problem.ts";

export interface Column {
  /** What the header must say above the dashes, its lines joined by blanks. */
  readonly title: RegExp;
  /** What every cell must look like; anything else makes the whole table garbage. */
  readonly cell?: RegExp;
  /** Whether tables without this column are good as well; its cells are empty then. */
  readonly isOptional?: true;
}

type Columns<F extends string> = Readonly<Record<F, Column>>;
type Row<F extends string> = Readonly<Record<F, string>>;

/** Where a column begins and what stands above it. */
interface Span {
  readonly start: number;
  readonly end: number;
  readonly title: string;
}

const ruler = /^[\s+|]*-{2,}[\s+|-]*$/;
const headerLines = 4;

const textAt = (line: string, start: number, end: number): string =>
  line.slice(start, end).replaceAll("|", " ").replaceAll(/\s+/g, " ").trim();

const startsOf = (line: string): number[] => [...line.matchAll(/-+/g)].map(({ index }) => index);

const isRuler = (line: string): boolean => ruler.test(line) && startsOf(line).length > 1;

const headerOf = (lines: readonly string[], at: number): readonly string[] => {
  const above = lines.slice(Math.max(0, at - headerLines), at);
  const blank = above.findLastIndex((line) => line.trim() === "");
  return above.slice(blank + 1);
};

const spansOf = (lines: readonly string[], at: number): readonly Span[] => {
  const starts = startsOf(lines[at] ?? "");
  const header = headerOf(lines, at);
  return starts.map((start, index) => {
    const end = starts[index + 1] ?? Number.POSITIVE_INFINITY;
    const title = header.map((line) => textAt(line, start, end)).filter((part) => part !== "");
    return { start, end, title: title.join(" ") };
  });
};

/** Whether a word of the line runs across the beginning of a column. */
const straddles = (line: string, { start }: Span): boolean =>
  start > 0 && !/[\s|]/.test(line[start - 1] ?? " ") && !/[\s|]/.test(line[start] ?? " ");

const isEnd = (line: string): boolean => line.trim() === "" || /^\s*(?:\*|Note\b)/.test(line);

/** The lines of a table, and those behind its end that belong to no other one. */
const partsBelow = (
  lines: readonly string[],
  at: number,
): { readonly body: readonly string[]; rest: readonly string[] } => {
  const below = lines.slice(at + 1);
  const next = lines.findIndex((line, index) => index > at && isRuler(line));
  const last = next === -1 ? lines.length : next - headerOf(lines, next).length;
  const end = below.findIndex(isEnd);
  return end === -1
    ? { body: below, rest: [] }
    : { body: below.slice(0, end), rest: lines.slice(at + 1 + end, Math.max(last, at + 1 + end)) };
};

const rowOf = <F extends string>(line: string, chosen: ReadonlyMap<F, Span | null>, columns: Columns<F>) => {
  const row = {} as Record<F, string>;
  for (const [field, span] of chosen) {
    const text = span === null ? "" : textAt(line, span.start, span.end);
    const { cell } = columns[field];
    if (span !== null && cell !== undefined && !cell.test(text)) return null;
    row[field] = text;
  }
  return row;
};

const chosenFrom = <F extends string>(spans: readonly Span[], columns: Columns<F>): Map<F, Span | null> | null => {
  const chosen = new Map<F, Span | null>();
  for (const [field, { title, isOptional }] of Object.entries(columns) as [F, Column][]) {
    const span = spans.find((each) => title.test(each.title)) ?? null;
    if (span === null && isOptional !== true) return null;
    chosen.set(field, span);
  }
  return chosen;
};

type ReadRow<F extends string> = (line: string) => Row<F> | null;

const rowReader =
  <F extends string>(spans: readonly Span[], chosen: ReadonlyMap<F, Span | null>, columns: Columns<F>): ReadRow<F> =>
  (line) =>
    spans.some((span) => straddles(line, span)) ? null : rowOf(line, chosen, columns);

/** A line that would be a row, with or without the star that some switches put before one. */
const isStray = <F extends string>(line: string, read: ReadRow<F>): boolean =>
  [line, line.replace("*", " "), line.replace("*", "")].some(
    (each) => Object.values(read(each) ?? {}).filter((cell) => cell !== "").length > 1,
  );

/** A table that goes on behind what looked like its end was cut in two: the rows above are not all there are. */
const rowsOf = <F extends string>(
  { body, rest }: ReturnType<typeof partsBelow>,
  read: ReadRow<F>,
  garbage: (line: string) => Error,
): readonly Row<F>[] => {
  const stray = rest.find((line) => isStray(line, read));
  if (stray !== undefined) throw garbage(stray);
  return body.map((line) => {
    const row = read(line);
    if (row !== null) return row;
    throw garbage(line);
  });
};

/**
 * The rows of all tables in an output that have these columns; a switch prints one table for each member or module.
 * @throws DriverError `protocol_mismatch` when there is none, when a row does not keep its columns, or when rows
 * follow behind the table's end; `device_error`
 * when the switch did not take the command.
 */
export const readTable = <F extends string>(text: string, command: string, columns: Columns<F>): readonly Row<F>[] => {
  const lines = linesOf(text, command);
  const garbage = (line: string) =>
    unexpected(command, `rows with the columns ${Object.keys(columns).join(", ")}, and none behind their end,`, line);
  const tables = [...lines.keys()]
    .filter((at) => isRuler(lines[at] ?? ""))
    .flatMap((at) => {
      const spans = spansOf(lines, at);
      const chosen = chosenFrom(spans, columns);
      if (chosen === null) return [];
      return [rowsOf(partsBelow(lines, at), rowReader(spans, chosen, columns), garbage)];
    });
  if (tables.length > 0) return tables.flat();
  throw unexpected(command, `a table with the columns ${Object.keys(columns).join(", ")}`, text);
};
