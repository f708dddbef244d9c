/** Tables that fit the terminal, and plain aligned lines in a pipe. */
import { oneLine, type Style, type Terminal } from "./terminal.ts";

export interface Column<T> {
  readonly title: string;
  readonly value: (row: T) => string;
  /** Never cut: what is shown is copied into the next command. */
  readonly isWhole?: boolean;
  readonly style?: (row: T) => Style | undefined;
}

const gap = 2;
const narrowest = 12;

const total = (widths: readonly number[]): number =>
  widths.reduce((sum, each) => sum + each, gap * (widths.length - 1));

/** Leaves out columns from the right until the others can be read, then takes from the widest until all fit. */
const fitted = (columns: readonly { wanted: number; isWhole: boolean }[], width: number): number[] => {
  const least = columns.map(({ wanted, isWhole }) => (isWhole ? wanted : Math.min(wanted, narrowest)));
  while (least.length > 2 && total(least) > width) least.pop();
  const widths = least.map((_, index) => columns[index]?.wanted ?? 0);
  while (total(widths) > width) {
    const spare = widths.map((each, index) => each - (least[index] ?? 0));
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
  const cells = rows.map((row) => columns.map(({ value }) => oneLine(value(row))));
  const widths = fitted(
    columns.map(({ title, isWhole = false }, index) => ({
      wanted: Math.max(title.length, ...cells.map((line) => line[index]?.length ?? 0)),
      isWhole,
    })),
    terminal.width,
  );
  const lay = (texts: readonly string[], style: (index: number) => Style | undefined): string =>
    widths
      .map((width, index) => {
        const text = texts[index] ?? "";
        const isLast = index === widths.length - 1;
        const shown = isLast ? cut(text, width) : cut(text, width).padEnd(width);
        const chosen = style(index);
        return chosen === undefined ? shown : terminal.style(chosen, shown);
      })
      .join(" ".repeat(gap))
      .trimEnd();
  terminal.print(
    lay(
      columns.map(({ title }) => title),
      () => "dim",
    ),
  );
  rows.forEach((row, index) => {
    terminal.print(lay(cells[index] ?? [], (column) => columns[column]?.style?.(row)));
  });
};
