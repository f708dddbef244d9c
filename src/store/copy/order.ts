/** In which order tables are filled: those that others refer to come first. */

export interface Reference {
  readonly child: string;
  readonly parent: string;
}

/** Parents before children, else by name. A table that refers to itself does not wait for itself. */
export const parentsFirst = (tables: readonly string[], references: readonly Reference[]): readonly string[] => {
  const placed: string[] = [];
  const left = new Set([...tables].sort());
  const waits = (table: string): boolean =>
    references.some(({ child, parent }) => child === table && parent !== table && left.has(parent));
  while (left.size > 0) {
    const next = [...left].find((table) => !waits(table));
    if (next === undefined) throw new Error(`These tables refer to each other in a circle: ${[...left].join(", ")}.`);
    left.delete(next);
    placed.push(next);
  }
  return placed;
};
