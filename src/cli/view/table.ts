/** Tables that fit the terminal, and plain aligned lines in a pipe. */
import { oneLine, type Style, type Terminal } from "./terminal.ts";

export interface Column<T> {
  readonly title: string;
  readonly value: (row: T) => string;
  readonly style?: (row: T) => Style | undefined;
}

const gap = 2;
const narrowest = 6;

/** Takes from the widest columns until all fit. */
const fitted = (wanted: readonly number[], width: number): number[] => {
  const widths = [...wanted];
  const excess = (): number => widths.reduce((sum, each) => sum + each, gap * (widths.length - 1)) - width;
  for (let over = excess(); over > 0; over = excess()) {
    const widest = widths.indexOf(Math.max(...widths));
    const current = widths[widest] ?? 0;
    if (current <= narrowest) break;
    const next = Math.max(...widths.filter((_, index) => index !== widest), narrowest);
    widths[widest] = Math.max(current - over, Math.min(next, current - 1), narrowest);
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
  const wanted = columns.map(({ title }, index) =>
    Math.max(title.length, ...cells.map((line) => line[index]?.length ?? 0)),
  );
  const widths = fitted(wanted, terminal.width);
  const lay = (texts: readonly string[], style: (index: number) => Style | undefined): string =>
    texts
      .map((text, index) => {
        const isLast = index === texts.length - 1;
        const width = widths[index] ?? 0;
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
