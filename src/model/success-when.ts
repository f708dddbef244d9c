/**
 * The condition of a manifest's http test: `status == 200 and body.data.version in ["8.1", "9.0"]`.
 *
 *     condition  = alternative { "or" alternative }
 *     alternative = term { "and" term }
 *     term       = "not" term | "(" condition ")" | comparison
 *     comparison = subject ( "==" | "!=" | "<" | "<=" | ">" | ">=" ) value | subject "in" list
 *     subject    = "status" | "body" { "." name | "." index | "[" string "]" | "[" index "]" }
 *     value      = number | string | list | "true" | "false" | "null"
 *     list       = "[" [ value { "," value } ] "]"
 *
 * Strings stand in single or double quotes, with `\` before a quote or a `\`. Values are compared without conversion:
 * `body.port == "80"` does not hold for the number 80. Numbers are ordered with numbers and texts with texts; what
 * the body lacks equals nothing, and every other comparison with it but `!=` does not hold.
 */
import { isDeepStrictEqual } from "node:util";
import { SwitchyardError } from "../errors.ts";
import { readTokens, type Token, type TokenReader } from "./success-when-tokens.ts";

/** The answer a condition is asked about; `body` is the parsed JSON, the text of another body, or `undefined`. */
interface AnswerFacts {
  readonly status: number;
  readonly body: unknown;
}
export type Condition = (facts: AnswerFacts) => boolean;

type Compare = (left: unknown, right: unknown) => boolean;
const ordered =
  (holds: (left: number | string, right: number | string) => boolean): Compare =>
  (left, right) =>
    (typeof left === "number" && typeof right === "number") || (typeof left === "string" && typeof right === "string")
      ? holds(left, right)
      : false;
const compares: Readonly<Record<string, Compare>> = {
  "==": isDeepStrictEqual,
  "!=": (left, right) => !isDeepStrictEqual(left, right),
  "<": ordered((left, right) => left < right),
  "<=": ordered((left, right) => left <= right),
  ">": ordered((left, right) => left > right),
  ">=": ordered((left, right) => left >= right),
  in: (left, right) => Array.isArray(right) && right.some((item) => isDeepStrictEqual(left, item)),
};

const maxDepth = 32;
const constants: ReadonlyMap<string, unknown> = new Map<string, unknown>([
  ["true", true],
  ["false", false],
  ["null", null],
]);

const readList = (reader: TokenReader, depth: number): unknown[] => {
  const items: unknown[] = [];
  while (!reader.takes("]")) {
    if (items.length > 0) reader.expect(",");
    items.push(readValue(reader, depth + 1));
  }
  return items;
};

const readValue = (reader: TokenReader, depth = 0): unknown => {
  if (depth > maxDepth) throw reader.fault("fewer brackets");
  if (reader.takes("[")) return readList(reader, depth);
  const token = reader.next();
  if (token.kind === "literal") return token.value;
  if (token.kind === "name" && constants.has(token.text)) return constants.get(token.text);
  throw reader.fault("a number, a text in quotes or a list", token);
};

const readPath = (reader: TokenReader): (string | number)[] => {
  const path: (string | number)[] = [];
  for (;;) {
    if (reader.takes(".")) path.push(reader.expectName());
    else if (reader.takes("[")) {
      const token = reader.next();
      if (token.kind !== "literal") throw reader.fault("an index or a name in quotes", token);
      path.push(token.value);
      reader.expect("]");
    } else return path;
  }
};

const follow = (value: unknown, path: readonly (string | number)[]): unknown => {
  let found = value;
  for (const part of path) {
    if (typeof found !== "object" || found === null || !Object.hasOwn(found, part)) return undefined;
    found = (found as Record<string | number, unknown>)[part];
  }
  return found;
};

const readSubject = (reader: TokenReader): ((facts: AnswerFacts) => unknown) => {
  const token: Token = reader.next();
  if (token.text === "status") return ({ status }) => status;
  if (token.kind !== "name" || token.text !== "body") throw reader.fault("status or body.<path>", token);
  const path = readPath(reader);
  return ({ body }) => follow(body, path);
};

const readComparison = (reader: TokenReader): Condition => {
  const subject = readSubject(reader);
  const operator = reader.next();
  const compare = Object.hasOwn(compares, operator.text) ? compares[operator.text] : undefined;
  if (compare === undefined || operator.kind === "literal") throw reader.fault("== != < <= > >= or in", operator);
  const value = readValue(reader);
  if (operator.text === "in" && !Array.isArray(value)) throw reader.fault("a list after in");
  return (facts) => compare(subject(facts), value);
};

const readTerm = (reader: TokenReader, depth: number): Condition => {
  if (depth > maxDepth) throw reader.fault("fewer brackets");
  if (reader.takes("not")) {
    const inner = readTerm(reader, depth + 1);
    return (facts) => !inner(facts);
  }
  if (!reader.takes("(")) return readComparison(reader);
  const inner = readCondition(reader, depth + 1);
  reader.expect(")");
  return inner;
};

const readAll = (reader: TokenReader, depth: number): Condition => {
  const terms = [readTerm(reader, depth)];
  while (reader.takes("and")) terms.push(readTerm(reader, depth));
  return (facts) => terms.every((holds) => holds(facts));
};

const readCondition = (reader: TokenReader, depth = 0): Condition => {
  const alternatives = [readAll(reader, depth)];
  while (reader.takes("or")) alternatives.push(readAll(reader, depth));
  return (facts) => alternatives.some((holds) => holds(facts));
};

/**
 * Reads a condition once; what it returns may be asked as often as one likes.
 * @throws SwitchyardError `validation_failed` with "expected ... got ..." and the column.
 */
export const compileSuccessWhen = (text: string): Condition => {
  if (text.length > 1000) {
    throw new SwitchyardError("validation_failed", {
      detail: `expected a condition of at most 1000 characters, got ${text.length}`,
    });
  }
  const reader = readTokens(text);
  const condition = readCondition(reader);
  reader.expectEnd();
  return condition;
};
