/** Blocks of `label : value` lines, one or two pairs on a line. */

/** A label, what stands behind its colon, and the line it stands on. */
export interface Field {
  readonly label: string;
  readonly value: string;
  readonly line: number;
}

const label = /[A-Z#][\w()%.#/ -]*?/.source;
const pair = new RegExp(`(${label})\\s*:(?!:)\\s*(.*?)(?=\\s{2,}${label}\\s+:\\s|$)`, "g");

const tidy = (text: string): string => text.replaceAll(/\s+/g, " ").trim();

export const fieldsOf = (lines: readonly string[]): readonly Field[] =>
  lines.flatMap((text, line) =>
    [...text.trim().matchAll(pair)].map(([, name = "", value = ""]) => ({
      label: tidy(name),
      value: tidy(value),
      line,
    })),
  );

/** The first value under a label; empty when there is none. */
export const textUnder = (fields: readonly Field[], name: string): string =>
  fields.find((field) => field.label === name)?.value ?? "";

/** Cuts fields into those before the first `name`, and one group from each `name` on. */
export const groupsBy = (fields: readonly Field[], name: string): readonly (readonly Field[])[] => {
  const starts = fields.flatMap((field, index) => (field.label === name ? [index] : []));
  const edges = [0, ...starts, fields.length];
  return edges.slice(0, -1).map((start, index) => fields.slice(start, edges[index + 1]));
};
