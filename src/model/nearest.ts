/** "Did you mean": the known words nearest to the one that was written. */

/** The next row of the table of distances: what it costs to turn the word so far into each beginning of the other. */
const nextRow = (above: readonly number[], letter: string, to: string): number[] => {
  const row = [(above[0] ?? 0) + 1];
  for (const [index, other] of [...to].entries()) {
    const replaced = (above[index] ?? 0) + (letter === other ? 0 : 1);
    row.push(Math.min(replaced, (above[index + 1] ?? 0) + 1, (row[index] ?? 0) + 1));
  }
  return row;
};

/** Insertions, deletions and replacements that turn one word into the other. */
const distance = (from: string, to: string): number => {
  const start = Array.from({ length: to.length + 1 }, (_, index) => index);
  return [...from].reduce((above, letter) => nextRow(above, letter, to), start).at(-1) ?? 0;
};

const isPart = (word: string, known: string): boolean => word.length >= 3 && known.includes(word);

/** At most three, the nearest first; those that contain the word count as near. */
export const nearest = (word: string, known: readonly string[]): string[] => {
  const asked = word.toLowerCase();
  return known
    .map((name) => ({
      name,
      far: isPart(asked, name.toLowerCase()) ? 1 : distance(asked, name.toLowerCase()),
    }))
    .filter(({ name, far }) => far <= Math.max(2, Math.ceil(Math.max(name.length, asked.length) * 0.34)))
    .sort((a, b) => a.far - b.far)
    .slice(0, 3)
    .map(({ name }) => name);
};

/** A sentence for a person; nothing when no known word is near. */
export const didYouMean = (word: string, known: readonly string[]): string[] => {
  const found = nearest(word, known);
  return found.length === 0 ? [] : [`Did you mean ${found.join(" or ")}?`];
};
