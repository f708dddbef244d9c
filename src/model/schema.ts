/** The one door to JSON Schema (2020-12) and to regular expressions that run in linear time. */
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import formats from "ajv-formats";
import { RE2JS } from "re2js";
import { type FieldProblem, SwitchyardError } from "../errors.ts";
import { isJsonObject, type JsonObject } from "./json.ts";
import { annotationsOf, formatsOf, patternsOf, weightProblems } from "./schema-limits.ts";
import { describeProblems, secrecyOf } from "./schema-problems.ts";

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

const compilePattern = (pattern: string): RE2JS => {
  if (pattern.length > maxPatternLength) {
    throw new SwitchyardError("validation_failed", {
      detail: `expected a pattern of at most ${maxPatternLength} characters, got ${pattern.length}`,
    });
  }
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
 * @throws SwitchyardError `validation_failed` when it is longer than 200 characters or needs backtracking.
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

/** ajv keeps one engine object per `toString`: it must differ between patterns, or they are taken for one another. */
const ajvPattern = Object.assign(
  (pattern: string) => {
    const compiled = compilePattern(pattern);
    return { test: (text: string) => compiled.test(text), toString: () => `linear:${pattern}` };
  },
  { code: "linearRegExp" },
);

const patternProblems = (schema: JsonObject): FieldProblem[] =>
  [...patternsOf(schema)].flatMap(({ pointer, pattern }) => {
    try {
      compilePattern(pattern);
      return [];
    } catch (thrown) {
      return [{ pointer, message: reasonOf(thrown) }];
    }
  });

const isPattern = (text: string): boolean => patternProblems({ pattern: text }).length === 0;

const keywordName = /^[a-z_$][a-z0-9_$:-]*$/i;

/** One instance per schema: what one pack names with `$id` can never meet what another does. */
const ajvFor = (schema: object): Ajv2020 => {
  const ajv = new Ajv2020({
    strict: true,
    strictTypes: false,
    strictTuples: false,
    strictRequired: false,
    allErrors: true,
    verbose: true,
    validateSchema: false,
    code: { regExp: ajvPattern },
    logger: false,
  });
  formats.default(ajv);
  ajv.addFormat("regex", isPattern);
  for (const name of formatsOf(schema)) if (!Object.hasOwn(ajv.formats, name)) ajv.addFormat(name, true);
  for (const name of annotationsOf(schema)) if (keywordName.test(name) && !ajv.getKeyword(name)) ajv.addKeyword(name);
  return ajv;
};

export type Validator = (value: unknown) => readonly FieldProblem[];

const tooDeep: FieldProblem = { pointer: "", message: "expected a value of sensible depth, got one nested too deeply" };

const build = (schema: object): Validator => {
  const validate: ValidateFunction = ajvFor(schema).compile(schema);
  const isHidden = secrecyOf(schema);
  return (value) => {
    try {
      if (validate(value)) return [];
    } catch (thrown) {
      if (thrown instanceof RangeError) return [tooDeep];
      throw thrown;
    }
    return describeProblems(validate.errors ?? [], isHidden);
  };
};

/** Remembers by identity, and for schemas that are parsed anew on each read by their text as well. */
const createMemo = (limit: number): ((schema: object) => Validator) => {
  const byIdentity = new WeakMap<object, Validator>();
  const byText = new Map<string, Validator>();
  const lookUp = (schema: object): Validator => {
    const text = JSON.stringify(schema);
    const found = byText.get(text) ?? build(schema);
    byText.delete(text);
    byText.set(text, found);
    const oldest = byText.size > limit ? byText.keys().next().value : undefined;
    if (oldest !== undefined) byText.delete(oldest);
    return found;
  };
  return (schema) => {
    const known = byIdentity.get(schema);
    if (known !== undefined) return known;
    const found = lookUp(schema);
    byIdentity.set(schema, found);
    return found;
  };
};
const remembered = createMemo(500);

/**
 * A function that says everything that is wrong with a value: one problem per place, with a JSON Pointer and
 * "expected ... got ...". Values below a property marked `secret: true` never appear in a message.
 * Formats it does not know are annotations, and so are keywords that begin with `x-`.
 * @param schema a JSON Schema of draft 2020-12 (TypeBox schemas are such); not to be changed afterwards.
 * @throws SwitchyardError `validation_failed` when the schema itself cannot be used.
 */
export const compileSchema = (schema: object): Validator => {
  try {
    return remembered(schema);
  } catch (thrown) {
    throw new SwitchyardError("validation_failed", {
      detail: `The schema cannot be used: ${reasonOf(thrown)}.`,
      cause: thrown,
    });
  }
};

const reasonOf = (thrown: unknown): string => {
  if (thrown instanceof RangeError) return "it is nested too deeply";
  return thrown instanceof Error ? thrown.message.replace(/^strict mode: /, "") : "for an unknown reason";
};

/** Compiled at its first use: it costs some 10 ms, and most processes never check a schema. */
const createMetaSchema = (): Validator => {
  let compiled: ValidateFunction | undefined;
  return (schema) => {
    compiled ??= ajvFor({}).getSchema("https://json-schema.org/draft/2020-12/schema");
    return compiled?.(schema) === true ? [] : describeProblems(compiled?.errors ?? [], () => false);
  };
};
const metaProblems = createMetaSchema();

const rootProblems = (schema: JsonObject): FieldProblem[] => {
  const problems: FieldProblem[] = [];
  if (schema["type"] !== "object") {
    problems.push({ pointer: "/type", message: `expected "object", got ${JSON.stringify(schema["type"] ?? null)}` });
  }
  if (schema["$async"] !== undefined) {
    problems.push({ pointer: "/$async", message: "expected a schema of draft 2020-12, got the keyword $async" });
  }
  return problems;
};

const compileProblems = (schema: JsonObject): FieldProblem[] => {
  try {
    build(schema);
    return [];
  } catch (thrown) {
    return [{ pointer: "", message: `expected a schema of draft 2020-12, got one where ${reasonOf(thrown)}` }];
  }
};

/**
 * What keeps a document from being a usable object schema of draft 2020-12: its form, a root that is no object,
 * patterns that need backtracking, keywords that do not exist, references that lead nowhere or grow without bound.
 */
export const checkSchema = (schema: unknown): FieldProblem[] => {
  if (!isJsonObject(schema)) {
    return [
      { pointer: "", message: `expected an object schema, got ${Array.isArray(schema) ? "a list" : typeof schema}` },
    ];
  }
  const weight = weightProblems(schema);
  if (weight.length > 0) return weight;
  const problems = [...metaProblems(schema), ...rootProblems(schema), ...patternProblems(schema)];
  return problems.length > 0 ? problems : compileProblems(schema);
};
