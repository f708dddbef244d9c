/** The words of a `success_when` condition, read one after the other. */
import { SwitchyardError } from "../errors.ts";

export type Token =
  | { readonly kind: "name" | "mark" | "end"; readonly text: string; readonly column: number }
  | { readonly kind: "literal"; readonly text: string; readonly column: number; readonly value: string | number };

export interface TokenReader {
  next(): Token;
  /** Takes the next token when it is this name or mark. */
  takes(text: string): boolean;
  expect(text: string): void;
  /** A name, or digits: one part of a dotted path. */
  expectName(): string;
  expectEnd(): void;
  fault(expected: string, token?: Token): SwitchyardError;
}

const pattern =
  /\s*(?:(?<number>-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)|(?<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|(?<name>[A-Za-z_][A-Za-z0-9_-]*)|(?<mark>==|!=|<=|>=|[<>()[\],.]))/y;

const tokenOf = (match: RegExpExecArray): Token => {
  const { number, text, name, mark } = match.groups ?? {};
  const column = match.index + match[0].length - match[0].trimStart().length + 1;
  const word = number ?? text ?? name ?? mark ?? "";
  if (number !== undefined) return { kind: "literal", text: word, column, value: Number(number) };
  if (text === undefined) return { kind: name === undefined ? "mark" : "name", text: word, column };
  return { kind: "literal", text: word, column, value: text.slice(1, -1).replace(/\\(.)/g, "$1") };
};

const fault = (expected: string, token: Token): SwitchyardError =>
  new SwitchyardError("validation_failed", {
    detail: `expected ${expected} at column ${token.column}, got ${token.kind === "end" ? "the end" : token.text.slice(0, 40)}`,
  });

const tokenAt = (text: string, from: number): { token: Token; after: number } => {
  // Inside a path, digits after a dot are an index and not the fraction of a number.
  const digits = /(?<=\.)\d+/y;
  digits.lastIndex = from;
  const index = digits.exec(text);
  if (index !== null) {
    return { token: { kind: "name", text: index[0], column: from + 1 }, after: digits.lastIndex };
  }
  const sticky = new RegExp(pattern);
  sticky.lastIndex = from;
  const match = sticky.exec(text);
  if (match !== null) return { token: tokenOf(match), after: sticky.lastIndex };
  const rest = text.slice(from).trimStart();
  const column = text.length - rest.length + 1;
  return rest === ""
    ? { token: { kind: "end", text: "", column }, after: text.length }
    : { token: { kind: "mark", text: rest.slice(0, 1), column }, after: text.length - rest.length + 1 };
};

/** A reader that looks one token ahead. */
export const readTokens = (text: string): TokenReader => {
  let at = tokenAt(text, 0);
  const next = (): Token => {
    const { token, after } = at;
    at = tokenAt(text, after);
    return token;
  };
  const takes = (wanted: string): boolean => {
    const isWanted = at.token.kind !== "literal" && at.token.text === wanted;
    if (isWanted) next();
    return isWanted;
  };
  return {
    next,
    takes,
    expect: (wanted) => {
      if (!takes(wanted)) throw fault(wanted, at.token);
    },
    expectName: () => {
      if (at.token.kind !== "name") throw fault("a name after the dot", at.token);
      return next().text;
    },
    expectEnd: () => {
      if (at.token.kind !== "end") throw fault("and, or or the end", at.token);
    },
    fault: (expected, token = at.token) => fault(expected, token),
  };
};
