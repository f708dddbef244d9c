/** How large a regular expression is with its repetitions unfolded, told before it is compiled, which takes its time. */

/** A quotation, an escape, a class, a repetition with its numbers, or one character. */
const piece = /\\Q.*?(?:\\E|$)|\\[pP]\{[^}]*\}|\\.|\[\^?\]?(?:\[:\w*:\]|\\.|[^\]\\])*\]|\{(\d+)(?:(,)(\d*))?\}|./gsu;

/** The steps of what stands between two parentheses, and of its last part, which a repetition takes up again. */
interface Level {
  size: number;
  last: number;
}

const add = (level: Level, size: number): void => {
  level.size += size;
  level.last = size;
};

const repeat = (level: Level, least: number, most: number): void => {
  const size = level.last * Math.max(1, most) + most - least;
  level.size += size - level.last;
  level.last = size;
};

const close = (levels: Level[]): void => {
  const inner = levels.pop() as Level;
  if (levels.length === 0) levels.push(inner);
  else add(levels.at(-1) as Level, inner.size);
};

/** The least and the most times of a repetition. */
const timesOf = ([text, least, comma, most]: RegExpExecArray): readonly [number, number] | undefined => {
  if (least !== undefined) return [Number(least), Number(comma === undefined ? least : most || least)];
  return "*+?".includes(text) ? [0, 1] : undefined;
};

/** One step for each character that may match, and some for choices and groups: what the compiled program has, nearly. */
export const patternSize = (pattern: string): number => {
  const levels: Level[] = [{ size: 0, last: 0 }];
  for (const found of pattern.matchAll(piece)) {
    const [text] = found;
    const times = timesOf(found);
    const top = levels.at(-1) as Level;
    if (times !== undefined) repeat(top, ...times);
    else if (text === "(") levels.push({ size: 2, last: 0 });
    else if (text === ")") close(levels);
    else add(top, text.startsWith("\\Q") ? text.length : 1);
  }
  return levels.reduce((sum, { size }) => sum + size, 0);
};
