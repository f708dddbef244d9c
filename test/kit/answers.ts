/** Holds real answers against the OpenAPI document: status, media type and schema must be those that it promises. */
import { compileSchema } from "../../src/model/schema.ts";

type Node = Record<string, unknown>;

const isNode = (value: unknown): value is Node => typeof value === "object" && value !== null && !Array.isArray(value);

/** Names of components become local definitions, and objects are closed: an undocumented member is a fault. */
const strict = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(strict);
  if (!isNode(value)) return value;
  const copy = Object.fromEntries(
    Object.entries(value).map(([name, member]) => [
      name,
      name === "$ref" ? String(member).replace("#/components/schemas/", "#/$defs/") : strict(member),
    ]),
  );
  const isOpen = ["additionalProperties", "patternProperties", "allOf"].some((name) => name in copy);
  return isNode(copy["properties"]) && !isOpen && Object.keys(copy["properties"]).length > 0
    ? { ...copy, additionalProperties: false }
    : copy;
};

export interface SeenAnswer {
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  readonly status: number;
  readonly type: string;
  /** Parsed when it is JSON. */
  readonly body: unknown;
}

/** Says what of an answer is not as the document promises; an empty list when it is. */
export type AnswerCheck = (seen: SeenAnswer) => readonly string[];

export const answerCheck = (document: Node): AnswerCheck => {
  const paths = Object.entries(document["paths"] as Record<string, Node>).map(([path, item]) => ({
    item,
    weight: path.split("{").length,
    pattern: new RegExp(`^${path.replaceAll(".", "\\.").replaceAll(/\{\w+\}/g, "[^/]+")}$`),
  }));
  // A path that is written out stands before one with a parameter in its place.
  paths.sort((one, other) => one.weight - other.weight);
  const $defs = strict((document["components"] as Node)["schemas"]) as Node;
  const schemas = new Map<unknown, object>();
  const schemaFor = (schema: unknown): object => {
    const known = schemas.get(schema) ?? { ...(strict(schema) as Node), $defs };
    schemas.set(schema, known);
    return known;
  };
  const operationOf = (method: string, path: string): { responses: Record<string, Node> } | undefined => {
    const item = paths.find((one) => one.pattern.test(path) && method in one.item)?.item;
    return item?.[method] as { responses: Record<string, Node> } | undefined;
  };
  const faultsOf = (response: Node | undefined, type: string, body: unknown): readonly string[] => {
    if (response === undefined) return ["is not among its answers"];
    const content = (response["content"] ?? {}) as Record<string, { schema: unknown }>;
    const media = type.split(";")[0] ?? "";
    const found = content[media];
    if (Object.keys(content).length === 0) return [];
    if (found === undefined) return [`came as ${media}, not as ${Object.keys(content).join(", ")}`];
    if (!media.endsWith("json")) return [];
    const problems = compileSchema(schemaFor(found.schema))(body);
    return problems.map(({ pointer, message }) => `${pointer || "/"} ${message}`);
  };
  return ({ method, path, status, type, body }) => {
    const operation = operationOf(method.toLowerCase(), path);
    if (operation === undefined) return [];
    const { responses } = operation;
    const faults = faultsOf(responses[String(status)] ?? responses["default"], type, body);
    return faults.map((fault) => `${method} ${path}: ${status} ${fault}`);
  };
};
