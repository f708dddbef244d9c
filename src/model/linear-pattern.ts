/** Regular expressions of packs and people: they run in linear time, and their size has a bound. */
import { RE2JS } from "re2js";
import { SwitchyardError } from "../errors.ts";
import { patternSize } from "./pattern-size.ts";

/** A regular expression whose time grows with the text only, whatever the pattern. */
export interface LinearRegExp {
  test(text: string): boolean;
  /** The first match and its groups (`null` for a group that took no part), or `undefined`. */
  exec(text: string): readonly (string | null)[] | undefined;
  /** The text with every match's first group, or all of a match without one, replaced. Empty matches stay. */
  replace(text: string, by: string): string;
}

/** Longest pattern that is taken, in characters. */
const maxPatternLength = 200;
/** Each character of a text may cost as many steps as a pattern is large, some 20 ns each: `^[a-z]{1,1000}$` has 2,000. */
export const maxPatternSize = 2_500;

const replaceIn = (compiled: RE2JS, text: string, by: string): string => {
  const matcher = compiled.matcher(text);
  const pieces: string[] = [];
  let last = 0;
  while (matcher.find()) {
    const isGroup = compiled.groupCount() > 0 && (matcher.group(1) ?? "") !== "";
    const [start, end] = isGroup ? [matcher.start(1), matcher.end(1)] : [matcher.start(), matcher.end()];
    if (end > start) pieces.push(text.slice(last, start), by);
    last = end > start ? end : last;
  }
  return last === 0 ? text : pieces.join("") + text.slice(last);
};

const requireSmall = (size: number): void => {
  if (size <= maxPatternSize) return;
  throw new SwitchyardError("validation_failed", {
    detail: `expected repetitions that unfold to at most ${maxPatternSize} steps, got ${size}`,
  });
};

/** Compiled for whoever counts its steps. @throws SwitchyardError as `linearRegExp` does. */
export const compilePattern = (pattern: string): RE2JS => {
  if (pattern.length > maxPatternLength) {
    throw new SwitchyardError("validation_failed", {
      detail: `expected a pattern of at most ${maxPatternLength} characters, got ${pattern.length}`,
    });
  }
  requireSmall(patternSize(pattern));
  const compiled = compileAny(pattern);
  requireSmall(compiled.programSize());
  return compiled;
};

const compileAny = (pattern: string): RE2JS => {
  try {
    return RE2JS.compile(RE2JS.translateRegExp(pattern));
  } catch (thrown) {
    const reason = thrown instanceof Error ? thrown.message.replace("error parsing regexp: ", "") : "unknown";
    throw new SwitchyardError("validation_failed", {
      detail: `expected a regular expression without look-around and back references, got one with ${reason}`,
      cause: thrown,
    });
  }
};

/**
 * Compiles a pattern of ECMAScript's everyday syntax; unanchored unless it says so.
 * @throws SwitchyardError `validation_failed` when it is longer than 200 characters, unfolds to more than 2,500 steps or needs
 * backtracking.
 */
export const linearRegExp = (pattern: string): LinearRegExp => {
  const compiled = compilePattern(pattern);
  return {
    test: (text) => compiled.test(text),
    replace: (text, by) => replaceIn(compiled, text, by),
    exec: (text) => {
      const matcher = compiled.matcher(text);
      if (!matcher.find()) return undefined;
      return Array.from({ length: compiled.groupCount() + 1 }, (_, group) => matcher.group(group) ?? null);
    },
  };
};
