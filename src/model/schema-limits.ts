/** What a schema from outside may cost, and the names in it that are mere annotations. */
import type { FieldProblem } from "../errors.ts";
import { isJsonObject, type JsonObject } from "./json.ts";
import { escapeToken, valueAt } from "./pointer.ts";

const maxDepth = 64;
const maxNodes = 20_000;

/** A pointer one level deeper, the name escaped as RFC 6901 asks. */
export const appendPointer = (pointer: string, name: string | number): string =>
  `${pointer}/${escapeToken(String(name))}`;

const childrenOf = (node: unknown): readonly unknown[] => {
  if (Array.isArray(node)) return node;
  return isJsonObject(node) ? Object.values(node) : [];
};

const collect = (schema: object, take: (node: JsonObject) => Iterable<string>): ReadonlySet<string> => {
  const names = new Set<string>();
  const pending: unknown[] = [schema];
  while (pending.length > 0) {
    const node = pending.pop();
    if (isJsonObject(node)) for (const name of take(node)) names.add(name);
    pending.push(...childrenOf(node));
  }
  return names;
};

/** Keywords whose value is data, not schema. */
const dataKeywords: ReadonlySet<string> = new Set(["const", "enum", "default", "examples", "example"]);

interface PlacedPattern {
  readonly pointer: string;
  readonly pattern: string;
}
const patternsAt = (key: string, child: unknown, pointer: string): PlacedPattern[] => {
  if (key === "pattern" && typeof child === "string") return [{ pointer, pattern: child }];
  if (key !== "patternProperties" || !isJsonObject(child)) return [];
  return Object.keys(child).map((name) => ({ pointer: appendPointer(pointer, name), pattern: name }));
};

/** The patterns of a schema and where they stand; names of `patternProperties` are patterns too. */
export const patternsOf = (node: unknown, pointer = ""): PlacedPattern[] => {
  if (typeof node !== "object" || node === null) return [];
  return Object.entries(node).flatMap(([key, child]) => {
    const below = appendPointer(pointer, key);
    return [...patternsAt(key, child, below), ...(dataKeywords.has(key) ? [] : patternsOf(child, below))];
  });
};

/** Every text under a key `format`: those the validator does not know are annotations, as the standard says. */
export const formatsOf = (schema: object): ReadonlySet<string> =>
  collect(schema, ({ format }) => (typeof format === "string" ? [format] : []));

/** Keywords that only speak to a form or a reader. */
const formKeywords = ["secret", "placeholder", "example"];
export const annotationsOf = (schema: object): ReadonlySet<string> =>
  new Set([...formKeywords, ...collect(schema, (node) => Object.keys(node).filter((key) => key.startsWith("x-")))]);

/** References whose target is known without loading or renaming anything, and which say so plainly. */
const localReference = /^#(\/[^%]*)?$/;

interface Walk {
  readonly root: JsonObject;
  readonly open: Set<unknown>;
  nodes: number;
  /** What a validator may look at: schemas, and values written out in them. */
  weight: number;
}

const refusal = (walk: Walk, node: unknown, depth: number): string | undefined => {
  if (walk.nodes > maxNodes) return `expected at most ${maxNodes} nodes with references followed, got more`;
  if (depth > maxDepth) return `expected at most ${maxDepth} levels, got more`;
  if (walk.open.has(node)) return "expected references that end, got one that leads back to itself";
  if (!isJsonObject(node)) return undefined;
  if (typeof node["$dynamicRef"] === "string") return "expected references by $ref, got a $dynamicRef";
  const reference = node["$ref"];
  if (typeof reference !== "string" || localReference.test(reference)) return undefined;
  return `expected a reference within the schema that begins with #/, got ${JSON.stringify(reference)}`;
};

const weightOf = (node: unknown): number => {
  if (Array.isArray(node)) return node.filter((item) => typeof item !== "object").length;
  return isJsonObject(node) ? 1 : 0;
};

const nextOf = (walk: Walk, node: unknown): readonly unknown[] => {
  const reference = isJsonObject(node) ? node["$ref"] : undefined;
  return typeof reference === "string"
    ? [...childrenOf(node), valueAt(walk.root, reference.slice(1))]
    : childrenOf(node);
};

/** Follows references as a validator would; what refers to itself, or unfolds to too much, is refused. */
const unfold = (walk: Walk, node: unknown, depth: number): string | undefined => {
  walk.nodes += 1;
  walk.weight += weightOf(node);
  const refused = refusal(walk, node, depth);
  if (refused !== undefined || typeof node !== "object" || node === null) return refused;
  walk.open.add(node);
  for (const child of nextOf(walk, node)) {
    const problem = unfold(walk, child, depth + 1);
    if (problem !== undefined) return problem;
  }
  walk.open.delete(node);
  return undefined;
};

const walkFrom = (root: JsonObject): Walk => ({ root, open: new Set(), nodes: 0, weight: 0 });

/** How much a validator may have to look at for one value, references followed. */
export const weightOfSchema = (schema: JsonObject): number => {
  const walk = walkFrom(schema);
  unfold(walk, schema, 0);
  return Math.max(1, walk.weight);
};

/** Whether a schema can be followed to its end at a bounded cost. */
export const weightProblems = (schema: JsonObject): FieldProblem[] => {
  const message = unfold(walkFrom(schema), schema, 0);
  return message === undefined ? [] : [{ pointer: "", message }];
};
