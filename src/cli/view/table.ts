/** Tables that fit the terminal, and in a pipe whatever their cells want. */
import { oneLine, type Style, type Terminal } from "./terminal.ts";

export interface Column<T> {
  readonly title: string;
  readonly value: (row: T) => string;
  /** Says the same in less room; shown when the table does not fit otherwise. */
  readonly short?: (row: T) => string;
  /** Never cut while anything else is there: what is shown is copied into the next command. */
  readonly isWhole?: boolean;
  /** Left out as soon as there is no room; everything else is cut first. */
  readonly isExtra?: boolean;
  readonly style?: (row: T) => Style | undefined;
}

const gap = 2;
const narrowest = 6;

interface Laid<T> {
  readonly column: Column<T>;
  readonly cells: readonly string[];
  readonly wanted: number;
  readonly least: number;
}

const total = (widths: readonly number[]): number =>
  widths.reduce((sum, each) => sum + each, gap * (widths.length - 1));

const lay = <T>(rows: readonly T[], column: Column<T>, isShort: boolean): Laid<T> => {
  const text = (isShort ? column.short : undefined) ?? column.value;
  const cells = rows.map((row) => oneLine(text(row)) || "-");
  const wanted = Math.max(column.title.length, ...cells.map(({ length }) => length));
  return { column, cells, wanted, least: column.isWhole ? wanted : Math.min(wanted, narrowest) };
};

/**
 * First everything as it is, then what has a short form in that, then without what may be left out, from the right;
 * then without what would be cut too much. The first column stays: it identifies a row.
 */
const chosen = <T>(rows: readonly T[], columns: readonly Column<T>[], width: number): readonly Laid<T>[] => {
  const whole = columns.map((column) => lay(rows, column, false));
  if (total(whole.map(({ wanted }) => wanted)) <= width) return whole;
  let laid = columns.map((column) => lay(rows, column, true));
  while (total(laid.map(({ wanted }) => wanted)) > width) {
    const extra = laid.findLastIndex(({ column }) => column.isExtra === true);
    if (extra < 0) break;
    laid = laid.filter((_, index) => index !== extra);
  }
  while (laid.length > 1 && total(laid.map(({ least }) => least)) > width) laid = laid.slice(0, -1);
  return laid;
};

/** Takes from the widest until all fit. */
const fitted = (laid: readonly Laid<never>[], width: number): number[] => {
  const widths = laid.map(({ wanted }) => (laid.length === 1 ? Math.min(wanted, width) : wanted));
  while (total(widths) > width) {
    const spare = widths.map((each, index) => (each > (laid[index]?.least ?? 0) ? each : 0));
    const widest = spare.indexOf(Math.max(...spare));
    if ((spare[widest] ?? 0) <= 0) break;
    widths[widest] = (widths[widest] ?? 0) - 1;
  }
  return widths;
};

const cut = (text: string, width: number): string =>
  text.length <= width ? text : `${text.slice(0, Math.max(0, width - 1))}…`;

/** Prints the rows under their titles, and what had no room; says `none` when there are none. */
export const printTable = <T>(
  terminal: Terminal,
  rows: readonly T[],
  columns: readonly Column<T>[],
  none: string,
): void => {
  if (rows.length === 0) {
    terminal.note(none);
    return;
  }
  const laid = chosen(rows, columns, terminal.width);
  const widths = fitted(laid as unknown as Laid<never>[], terminal.width);
  const line = (textOf: (each: Laid<T>) => string, styleOf: (each: Laid<T>) => Style | undefined): string =>
    laid
      .map((each, index) => {
        const width = widths[index] ?? 0;
        const text = cut(textOf(each), width);
        const shown = index === laid.length - 1 ? text : text.padEnd(width);
        const style = styleOf(each);
        return style === undefined ? shown : terminal.style(style, shown);
      })
      .join(" ".repeat(gap))
      .trimEnd();
  terminal.print(
    line(
      ({ column }) => column.title,
      () => "dim",
    ),
  );
  for (const [index, row] of rows.entries()) {
    terminal.print(
      line(
        ({ cells }) => cells[index] ?? "",
        ({ column }) => column.style?.(row),
      ),
    );
  }
  const left = columns.filter((column) => !laid.some((each) => each.column === column));
  if (left.length === 0) return;
  const names = left.map(({ title }) => title).join(", ");
  terminal.note(terminal.styleError("dim", `left out: ${names} (widen the terminal or use --json)`));
};
