/** Says in words for a person what a schema validator found, without showing what is secret. */
import type { FieldProblem } from "../errors.ts";
import { isJsonObject } from "./json.ts";
import { nearest } from "./nearest.ts";
import { appendPointer } from "./schema-limits.ts";

/** One finding of the validator, as far as it is read here. */
export interface RawProblem {
  readonly keyword: string;
  readonly instancePath: string;
  readonly schemaPath: string;
  readonly params: Readonly<Record<string, unknown>>;
  readonly propertyName?: string | undefined;
  readonly message?: string | undefined;
  readonly parentSchema?: object | undefined;
  readonly data?: unknown;
}

const maxProblems = 500;
const maxShown = 60;

const typeWords: Readonly<Record<string, string>> = {
  string: "a text",
  number: "a number",
  integer: "a whole number",
  boolean: "true or false",
  object: "an object",
  array: "a list",
  null: "null",
};
const typeOf = (value: unknown): string => {
  if (value === null) return "null";
  return Array.isArray(value) ? "array" : typeof value;
};
const shown = (value: unknown): string => {
  const text = JSON.stringify(value) ?? "nothing";
  return text.length > maxShown ? `${text.slice(0, maxShown)}...` : text;
};
const seen = (value: unknown, isHidden: boolean): string => {
  if (value === undefined) return "nothing";
  const word = typeWords[typeOf(value)] ?? "something else";
  if (typeof value === "object" && value !== null) return word;
  return isHidden ? `${word === "true or false" ? "a boolean" : word} (not shown)` : shown(value);
};
const listOf = (values: unknown): string => (Array.isArray(values) ? values.map(shown).join(", ") : shown(values));
const typesOf = (types: unknown): string =>
  [types]
    .flat()
    .map((type) => typeWords[String(type)] ?? String(type))
    .join(" or ");

const sizeOf = (value: unknown): string => {
  if (typeof value === "string") return `${[...value].length} characters`;
  if (Array.isArray(value)) return `${value.length} items`;
  return isJsonObject(value) ? `${Object.keys(value).length} properties` : typeof value;
};
const propertiesOf = ({ parentSchema }: RawProblem): readonly string[] =>
  Object.keys((parentSchema as { properties?: object } | undefined)?.properties ?? {});
const known = (problem: RawProblem): string => {
  const names = propertiesOf(problem);
  return names.length === 0 ? "no further property" : `one of ${names.join(", ")}`;
};

const vague = "expected one of the allowed forms";

/** An example says more than the pattern to whoever has to write one. */
const patternWords = ({ parentSchema, params }: RawProblem): string => {
  const { examples = [] } = (parentSchema ?? {}) as { readonly examples?: unknown };
  const [example] = Array.isArray(examples) ? examples : [];
  return typeof example === "string" ? `such as ${shown(example)}` : `that matches ${params["pattern"]}`;
};

type Words = (problem: RawProblem, got: string) => string;
const size =
  (bound: string, unit: string): Words =>
  ({ params, data }, got) =>
    `expected at ${bound} ${params["limit"]} ${unit}, got ${got.endsWith("(not shown)") ? got : sizeOf(data)}`;
const compared: Words = ({ params }, got) => `expected a number ${params["comparison"]} ${params["limit"]}, got ${got}`;
const meant = (name: unknown, problem: RawProblem): string => {
  const near = typeof name === "string" ? nearest(name, propertiesOf(problem)) : [];
  return near.length === 0 ? "" : ` (did you mean ${near.join(" or ")}?)`;
};
const extra: Words = (problem) => {
  const name = problem.params["additionalProperty"] ?? problem.params["unevaluatedProperty"];
  return `expected ${known(problem)}, got ${shown(name)}${meant(name, problem)}`;
};

const words: Readonly<Record<string, Words>> = {
  type: ({ params }, got) => `expected ${typesOf(params["type"])}, got ${got}`,
  required: () => "expected a value, got nothing",
  dependentRequired: ({ params }) => `expected a value because ${shown(params["property"])} is set, got nothing`,
  additionalProperties: extra,
  unevaluatedProperties: extra,
  enum: ({ params }, got) => `expected one of ${listOf(params["allowedValues"])}, got ${got}`,
  const: ({ params }, got) => `expected ${shown(params["allowedValue"])}, got ${got}`,
  pattern: (problem, got) => `expected a text ${patternWords(problem)}, got ${got}`,
  format: ({ params }, got) => `expected a text of the format ${params["format"]}, got ${got}`,
  minLength: size("least", "characters"),
  maxLength: size("most", "characters"),
  minItems: size("least", "items"),
  maxItems: size("most", "items"),
  minProperties: size("least", "properties"),
  maxProperties: size("most", "properties"),
  minimum: compared,
  maximum: compared,
  exclusiveMinimum: compared,
  exclusiveMaximum: compared,
  multipleOf: ({ params }, got) => `expected a multiple of ${params["multipleOf"]}, got ${got}`,
  uniqueItems: ({ params }) => `expected items that differ, got the same at ${params["j"]} and ${params["i"]}`,
  contains: ({ params }) => `expected at least ${params["minContains"]} item of the asked form, got fewer`,
  anyOf: (_, got) => `${vague}, got ${got}`,
  oneOf: (_, got) => `expected exactly one of the allowed forms, got ${got}`,
  allowed: ({ params }, got) => `expected ${params["forms"]}, got ${got}`,
  not: (_, got) => `expected another form, got ${got}`,
  "false schema": (_, got) => `expected nothing here, got ${got}`,
};

/** Where the problem lies: a missing or unknown property is named itself, not the object around it. */
const pointerOf = ({ instancePath, params, propertyName }: RawProblem): string => {
  const name =
    propertyName ?? params["missingProperty"] ?? params["additionalProperty"] ?? params["unevaluatedProperty"];
  return typeof name === "string" ? appendPointer(instancePath, name) : instancePath;
};

const describe = (problem: RawProblem, isHidden: (pointer: string) => boolean): FieldProblem => {
  const pointer = pointerOf(problem);
  const got =
    problem.propertyName === undefined
      ? seen(problem.data, isHidden(pointer))
      : `the name ${shown(problem.propertyName)}`;
  const say = words[problem.keyword];
  return { pointer, message: say?.(problem, got) ?? `expected that it ${problem.message ?? "fits"}, got ${got}` };
};

const isChoice = ({ keyword }: RawProblem): boolean => keyword === "anyOf" || keyword === "oneOf";

type Branches = readonly (readonly RawProblem[])[];

const branchesOf = (choice: RawProblem, inside: readonly RawProblem[]): Branches => [
  ...Map.groupBy(inside, ({ schemaPath }) => schemaPath.slice(choice.schemaPath.length + 1).split("/")[0]).values(),
];

const isValue = ({ keyword }: RawProblem): boolean => keyword === "const" || keyword === "enum";

/** The branches of a choice that were at least of the right type, each as its problems. */
const branchesMeant = (choice: RawProblem, branches: Branches): Branches => {
  const isMeant = (problems: readonly RawProblem[]): boolean =>
    !problems.some(
      (problem) => isValue(problem) || (problem.keyword === "type" && problem.instancePath === choice.instancePath),
    );
  return branches.filter(isMeant);
};

const valuesIn = ({ params }: RawProblem): readonly unknown[] =>
  Array.isArray(params["allowedValues"]) ? params["allowedValues"] : [params["allowedValue"]];

/** A choice between values and types tells them all; between other forms it cannot. */
const tellChoice = (choice: RawProblem, branches: Branches): RawProblem => {
  const isPlain = (problem: RawProblem): boolean =>
    problem.instancePath === choice.instancePath && (problem.keyword === "type" || isValue(problem));
  if (branches.length === 0 || !branches.flat().every(isPlain)) return choice;
  const values = branches.flatMap((branch) => branch.filter(isValue).flatMap(valuesIn));
  const types = branches.filter((branch) => !branch.some(isValue)).flat();
  const ofValues = values.length > 1 ? [`one of ${listOf(values)}`] : values.map(shown);
  const forms = [...ofValues, ...types.map(({ params }) => typesOf(params["type"]))].join(" or ");
  return { ...choice, keyword: "allowed", params: { forms } };
};

/** More than one branch fits: what the others want is no matter. */
const isTooMany = ({ params }: RawProblem): boolean => Array.isArray(params["passingSchemas"]);

/** A choice that failed is one problem, not one per branch, unless it is clear which branch was meant. */
const foldChoices = (problems: readonly RawProblem[]): readonly RawProblem[] => {
  let kept = problems;
  for (const choice of problems.filter(isChoice)) {
    const prefix = `${choice.schemaPath}/`;
    const inside = kept.filter(
      ({ schemaPath, instancePath }) => schemaPath.startsWith(prefix) && instancePath.startsWith(choice.instancePath),
    );
    const branches = isTooMany(choice) ? [] : branchesOf(choice, inside);
    const [meant, ...others] = branchesMeant(choice, branches);
    const shownInstead = meant !== undefined && others.length === 0 ? meant : [tellChoice(choice, branches)];
    kept = kept.filter((problem) => problem !== choice && !inside.includes(problem)).concat(shownInstead);
  }
  return kept;
};

const placeOf = ({ schemaPath, instancePath }: RawProblem): string =>
  `${instancePath} ${schemaPath.slice(0, schemaPath.lastIndexOf("/"))}`;

/** The values that one schema allows say its type as well. */
const foldTypes = (problems: readonly RawProblem[]): readonly RawProblem[] => {
  const told = new Set(problems.filter(isValue).map(placeOf));
  return problems.filter((problem) => problem.keyword !== "type" || !told.has(placeOf(problem)));
};

const isEcho = ({ keyword }: RawProblem): boolean => keyword === "if" || keyword === "propertyNames";

/** The findings as problems a person can act on, each place and message once, in the order they were found. */
export const describeProblems = (
  raw: readonly RawProblem[],
  isHidden: (pointer: string) => boolean,
): readonly FieldProblem[] => {
  const heard = raw.slice(0, 4 * maxProblems).filter((problem) => !isEcho(problem));
  const problems = foldTypes(foldChoices(heard)).map((problem) => describe(problem, isHidden));
  const unique = new Map(problems.map((problem) => [`${problem.pointer} ${problem.message}`, problem]));
  const said = [...unique.values()];
  // That none of several forms fits says nothing beside what one of them wants.
  const isVague = ({ pointer, message }: FieldProblem): boolean =>
    message.startsWith(vague) && said.some((other) => other.pointer === pointer && !other.message.startsWith(vague));
  return said.filter((problem) => !isVague(problem)).slice(0, maxProblems);
};

const holdsSecret = (node: unknown): boolean => {
  if (Array.isArray(node)) return node.some(holdsSecret);
  return isJsonObject(node) && (node["secret"] === true || Object.values(node).some(holdsSecret));
};

/**
 * Whether the value at a pointer may be shown. A property is hidden when its schema says `secret: true` anywhere
 * inside; a mark that stands where no property name leads to it (behind a reference, a choice) hides everything.
 */
export const secrecyOf = (schema: object): ((pointer: string) => boolean) => {
  if (!holdsSecret(schema)) return () => false;
  const { properties, ...rest } = schema as { properties?: unknown };
  const named = isJsonObject(properties) ? properties : {};
  if (holdsSecret(rest)) return () => true;
  const hidden = new Set(
    Object.keys(named)
      .filter((name) => holdsSecret(named[name]))
      .map((name) => appendPointer("", name)),
  );
  return (pointer) => hidden.has(`/${pointer.split("/")[1] ?? ""}`);
};
