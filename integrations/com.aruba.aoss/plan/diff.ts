/** What changed between two texts, line by line. */

export interface LineDiff {
  readonly added: number;
  readonly removed: number;
  /** Lines with `+`, `-` or two blanks before them; unchanged ones only near a change. */
  readonly text: string;
}

const context = 3;
const mostLines = 20_000;

type Mark = " " | "+" | "-";
type Marked = readonly [mark: Mark, line: string];

/** Lengths of the longest common subsequences of all rests, in one flat table. */
const lengthsOf = (one: readonly string[], other: readonly string[]): Uint16Array => {
  const width = other.length + 1;
  const lengths = new Uint16Array((one.length + 1) * width);
  for (let a = one.length - 1; a >= 0; a -= 1) {
    for (let b = other.length - 1; b >= 0; b -= 1) {
      const at = a * width + b;
      lengths[at] =
        one[a] === other[b]
          ? (lengths[at + width + 1] ?? 0) + 1
          : Math.max(lengths[at + width] ?? 0, lengths[at + 1] ?? 0);
    }
  }
  return lengths;
};

const walked = (one: readonly string[], other: readonly string[]): readonly Marked[] => {
  const width = other.length + 1;
  const lengths = lengthsOf(one, other);
  const marked: Marked[] = [];
  let [a, b] = [0, 0];
  while (a < one.length && b < other.length) {
    const at = a * width + b;
    if (one[a] === other[b]) {
      marked.push([" ", one[a] ?? ""]);
      a += 1;
      b += 1;
    } else if ((lengths[at + width] ?? 0) >= (lengths[at + 1] ?? 0)) {
      marked.push(["-", one[a] ?? ""]);
      a += 1;
    } else {
      marked.push(["+", other[b] ?? ""]);
      b += 1;
    }
  }
  const rest = one.slice(a).map((line): Marked => ["-", line]);
  return [...marked, ...rest, ...other.slice(b).map((line): Marked => ["+", line])];
};

const sharedStart = (one: readonly string[], other: readonly string[]): number => {
  const different = one.findIndex((line, at) => line !== other[at]);
  return different === -1 ? one.length : different;
};

/** Ends that are alike are set aside; what is left must be small enough for a table of both. */
const marks = (one: readonly string[], other: readonly string[]): readonly Marked[] => {
  const start = sharedStart(one, other);
  const [left, right] = [one.slice(start), other.slice(start)];
  const end = Math.min(sharedStart(left.toReversed(), right.toReversed()), left.length, right.length);
  const [middle, newMiddle] = [left.slice(0, left.length - end), right.slice(0, right.length - end)];
  const isSmall = middle.length * newMiddle.length <= 16_000_000 && Math.max(middle.length, newMiddle.length) < 65_535;
  const between = isSmall
    ? walked(middle, newMiddle)
    : [...middle.map((line): Marked => ["-", line]), ...newMiddle.map((line): Marked => ["+", line])];
  const same = (line: string): Marked => [" ", line];
  return [...one.slice(0, start).map(same), ...between, ...left.slice(left.length - end).map(same)];
};

const near = (all: readonly Marked[]): readonly Marked[] => {
  const kept = new Set<number>();
  for (const [at, [mark]] of all.entries()) {
    if (mark === " ") continue;
    for (let close = at - context; close <= at + context; close += 1) kept.add(close);
  }
  return all.filter((_, at) => kept.has(at)).slice(0, mostLines);
};

export const diffLines = (before: string, after: string): LineDiff => {
  const all = marks(before.trimEnd().split("\n"), after.trimEnd().split("\n"));
  const count = (wanted: Mark): number => all.filter(([mark]) => mark === wanted).length;
  const text = near(all)
    .map(([mark, line]) => `${mark} ${line}\n`)
    .join("");
  return { added: count("+"), removed: count("-"), text };
};
