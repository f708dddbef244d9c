/** The one door to JSON Schema (2020-12): schemas are checked, compiled and asked in bounded time. */
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import formats from "ajv-formats";
import { type FieldProblem, SwitchyardError } from "../errors.ts";
import { isJsonObject, type JsonObject } from "./json.ts";
import { compilePattern, maxPatternSize } from "./linear-pattern.ts";
import { patternSize } from "./pattern-size.ts";
import {
  createStepCounter,
  type Effort,
  isWithin,
  ownEffort,
  packEffort,
  type StepCounter,
  TooMuchEffort,
} from "./schema-effort.ts";
import { replaceKeywords } from "./schema-keywords.ts";
import { annotationsOf, formatsOf, patternsOf, weightOfSchema, weightProblems } from "./schema-limits.ts";
import { describeProblems, secrecyOf } from "./schema-problems.ts";

/** ajv keeps one engine object per `toString`: it must differ between patterns, or they are taken for one another. */
const patternEngine = (counter: StepCounter) =>
  Object.assign(
    (pattern: string) => {
      const compiled = compilePattern(pattern);
      const size = compiled.programSize();
      const test = (text: string): boolean => {
        counter.take(size * text.length);
        return compiled.test(text);
      };
      return { test, toString: () => `linear:${pattern}` };
    },
    { code: "linearRegExp" },
  );

/** How many steps the patterns of one pack may have in all: compiling them takes some 10 microseconds each. */
const mostSteps = 30_000;

/** What is left of them while a manifest is checked. */
export interface PatternRoom {
  steps: number;
}
export const patternRoom = (): PatternRoom => ({ steps: mostSteps });

const patternProblem = (pattern: string, room: PatternRoom): string | undefined => {
  const size = patternSize(pattern);
  room.steps -= size <= maxPatternSize ? size : 0;
  if (room.steps < 0) return `expected patterns that unfold to at most ${mostSteps} steps in all, got more`;
  try {
    compilePattern(pattern);
    return undefined;
  } catch (thrown) {
    return reasonOf(thrown);
  }
};

const patternProblems = (schema: JsonObject, room: PatternRoom): FieldProblem[] => {
  const problems: FieldProblem[] = [];
  for (const { pointer, pattern } of patternsOf(schema)) {
    const message = patternProblem(pattern, room);
    if (message !== undefined) problems.push({ pointer, message });
    if (room.steps < 0) break;
  }
  return problems;
};

/** What compiling a step takes, in steps of a text. */
const compiling = 500;

const patternFormat =
  (counter: StepCounter) =>
  (text: string): boolean => {
    counter.take(compiling * patternSize(text.slice(0, 1_000)));
    return patternProblem(text, patternRoom()) === undefined;
  };

const keywordName = /^[a-z_$][a-z0-9_$:-]*$/i;

/** One instance per schema: what one pack names with `$id` can never meet what another does. */
const ajvFor = (schema: object, allErrors: boolean, counter: StepCounter): Ajv2020 => {
  const ajv = new Ajv2020({
    strict: true,
    strictTypes: false,
    strictTuples: false,
    strictRequired: false,
    allErrors,
    verbose: true,
    validateSchema: false,
    code: { regExp: patternEngine(counter) },
    logger: false,
  });
  replaceKeywords(ajv);
  formats.default(ajv);
  ajv.addFormat("regex", patternFormat(counter));
  for (const name of formatsOf(schema)) if (!Object.hasOwn(ajv.formats, name)) ajv.addFormat(name, true);
  for (const name of annotationsOf(schema)) if (keywordName.test(name) && !ajv.getKeyword(name)) ajv.addKeyword(name);
  return ajv;
};

export type Validator = (value: unknown) => readonly FieldProblem[];
type BoundedValidator = (value: unknown, effort: Effort) => readonly FieldProblem[];

const tooDeep: FieldProblem = { pointer: "", message: "expected a value of sensible depth, got one nested too deeply" };
const tooMuch: FieldProblem = {
  pointer: "",
  message: "expected a value that can be checked in time, got one too large for its schema and patterns",
};
/** Stands beside it: whoever passes over problems of some places must not take the rest for sound. */
const onlyFirst: FieldProblem = {
  pointer: "",
  message: "expected a value small enough to tell all of its problems, got one of which only the first is told",
};

const problemOf = (thrown: unknown): FieldProblem => {
  if (thrown instanceof RangeError) return tooDeep;
  if (thrown instanceof TooMuchEffort) return tooMuch;
  throw thrown;
};

/** A large value is looked at up to its first problem, by a function that is compiled when there is one. */
const build = (schema: object): BoundedValidator => {
  const counter = createStepCounter();
  const compile = (allErrors: boolean): ValidateFunction => ajvFor(schema, allErrors, counter).compile(schema);
  const all = compile(true);
  let first: ValidateFunction | undefined;
  const isHidden = secrecyOf(schema);
  const problemsOf = (value: unknown, effort: Effort): readonly FieldProblem[] => {
    counter.allow(effort.steps);
    if (isWithin(value, effort.all)) return all(value) ? [] : describeProblems(all.errors ?? [], isHidden);
    if (!isWithin(value, effort.first)) return [tooMuch];
    first ??= compile(false);
    return first(value) ? [] : [...describeProblems(first.errors ?? [], isHidden), onlyFirst];
  };
  return (value, effort) => {
    try {
      return problemsOf(value, effort);
    } catch (thrown) {
      return [problemOf(thrown)];
    }
  };
};

/** Remembers by identity, and for schemas that are parsed anew on each read by their text as well. */
const createMemo = <Made>(limit: number, make: (schema: object) => Made): ((schema: object) => Made) => {
  const byIdentity = new WeakMap<object, Made>();
  const byText = new Map<string, Made>();
  const lookUp = (schema: object): Made => {
    const text = JSON.stringify(schema);
    const found = byText.get(text) ?? make(schema);
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

interface Compiled {
  readonly own: Validator;
  readonly pack: Validator;
}
const remembered = createMemo(500, (schema): Compiled => {
  const check = build(schema);
  const effort = packEffort(weightOfSchema(schema as JsonObject));
  return { own: (value) => check(value, ownEffort), pack: (value) => check(value, effort) };
});

const compiled = (schema: object): Compiled => {
  try {
    return remembered(schema);
  } catch (thrown) {
    throw new SwitchyardError("validation_failed", {
      detail: `The schema cannot be used: ${reasonOf(thrown)}.`,
      cause: thrown,
    });
  }
};

/**
 * A function that says everything that is wrong with a value: one problem per place, with a JSON Pointer and
 * "expected ... got ...". Values below a property marked `secret: true` never appear in a message.
 * Formats it does not know are annotations, and so are keywords that begin with `x-`.
 * @param schema a JSON Schema of draft 2020-12 (TypeBox schemas are such); not to be changed afterwards.
 * @throws SwitchyardError `validation_failed` when the schema itself cannot be used.
 */
export const compileSchema = (schema: object): Validator => compiled(schema).own;

/** As `compileSchema`, for a schema of a pack: a value whose check could hold up everybody else is refused unseen. */
export const compilePackSchema = (schema: object): Validator => compiled(schema).pack;

const reasonOf = (thrown: unknown): string => {
  if (thrown instanceof RangeError) return "it is nested too deeply";
  return thrown instanceof Error ? thrown.message.replace(/^strict mode: /, "") : "for an unknown reason";
};

/** Compiled at its first use: it costs some 10 ms, and most processes never check a schema. */
const createMetaSchema = (): Validator => {
  let compiled: ValidateFunction | undefined;
  return (schema) => {
    // Patterns are looked at apart, as long as there is room for them.
    const ajv = () => ajvFor({}, true, createStepCounter()).addFormat("regex", true);
    compiled ??= ajv().getSchema("https://json-schema.org/draft/2020-12/schema");
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
 * patterns that need backtracking or unfold to too much, keywords that do not exist, references that lead nowhere or grow without bound.
 */
export const checkSchema = (schema: unknown, room: PatternRoom = patternRoom()): FieldProblem[] => {
  if (!isJsonObject(schema)) {
    return [
      { pointer: "", message: `expected an object schema, got ${Array.isArray(schema) ? "a list" : typeof schema}` },
    ];
  }
  const weight = weightProblems(schema);
  if (weight.length > 0) return weight;
  const problems = [...metaProblems(schema), ...rootProblems(schema), ...patternProblems(schema, room)];
  return problems.length > 0 ? problems : compileProblems(schema);
};
