/** Tables that fit the terminal, and in a pipe whatever their cells want. */
import { oneLine, type Style, type Terminal } from "./terminal.ts";

export interface Column<T> {
  readonly title: string;
  readonly value: (row: T) => string;
  /** Says the same in less room; shown when the table does not fit otherwise. */
  readonly short?: (row: T) => string;
  /** Never cut: what is shown is copied into the next command. */
  readonly isWhole?: boolean;
  /** May be left out when there is no room; everything else stays. */
  readonly isExtra?: boolean;
  readonly style?: (row: T) => Style | undefined;
}

const gap = 2;
const narrowest = 10;

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
  const cells = rows.map((row) => oneLine(text(row)));
  const wanted = Math.max(column.title.length, ...cells.map(({ length }) => length));
  return { column, cells, wanted, least: column.isWhole ? wanted : Math.min(wanted, narrowest) };
};

/**
 * First everything as it is, then what has a short form in that, then without what may be left out, from the right.
 * What identifies a row stays, even where the lines are longer than the terminal is wide then.
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
  return laid;
};

/** Takes from the widest until all fit. */
const fitted = (laid: readonly Laid<never>[], width: number): number[] => {
  const widths = laid.map(({ wanted }) => wanted);
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

/** Prints the rows under their titles; says `none` when there are none. */
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
};
