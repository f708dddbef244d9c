/** Prints tables as the switch does: columns of fixed width under a line of dashes. */

export interface PrintedColumn {
  /** Up to three lines, the last just above the dashes. */
  readonly title: readonly string[];
  readonly width: number;
  /** A bar before this column. */
  readonly bar?: true;
}

const depthOf = (columns: readonly PrintedColumn[]): number => Math.max(...columns.map(({ title }) => title.length));

const lineOf = (columns: readonly PrintedColumn[], cells: readonly string[], bar: string): string => {
  const parts = columns.map(({ width, bar: hasBar }, at) => `${hasBar ? bar : ""}${(cells[at] ?? "").padEnd(width)}`);
  return `  ${parts.join(" ")}`.trimEnd();
};

export const printTable = (columns: readonly PrintedColumn[], rows: readonly (readonly string[])[]): string[] => {
  const depth = depthOf(columns);
  const header = Array.from({ length: depth }, (_, line) =>
    lineOf(
      columns,
      columns.map(({ title }) => title[title.length - depth + line] ?? ""),
      "| ",
    ),
  );
  const dashes = lineOf(
    columns,
    columns.map(({ width }) => "-".repeat(width)),
    "+ ",
  );
  return [...header, dashes, ...rows.map((cells) => lineOf(columns, cells, "| "))];
};
