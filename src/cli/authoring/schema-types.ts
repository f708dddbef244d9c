/** Writes the TypeScript type of the values that a JSON Schema describes, for the keywords that manifests use. */
import { isJsonObject, type Json, type JsonObject } from "../../model/json.ts";

const unknownType = "Json";
const isName = /^[A-Za-z_$][\w$]*$/;
const indentOf = (depth: number): string => "  ".repeat(depth);

interface Place {
  readonly root: JsonObject;
  readonly depth: number;
  /** References on the way here: one that leads back to itself ends. */
  readonly seen: readonly string[];
}

const commentOf = (schema: Json, depth: number): string => {
  if (!isJsonObject(schema)) return "";
  const { description, title, default: fallback } = schema;
  const said = String([description, title].find((text) => typeof text === "string") ?? "").trim();
  const sentence = said === "" || /[.!?:]$/.test(said) ? said : `${said}.`;
  const parts = [sentence, fallback === undefined ? "" : `Default: ${JSON.stringify(fallback)}.`];
  const text = parts
    .filter((part) => part !== "")
    .join(" ")
    .replaceAll("*/", "* /")
    .replaceAll(/\s+/g, " ");
  return text === "" ? "" : `${indentOf(depth)}/** ${text} */\n`;
};

const union = (types: readonly string[]): string => {
  const distinct = [...new Set(types)];
  return distinct.length === 0 ? "never" : distinct.join(" | ");
};

const listOf = (value: Json | undefined): readonly Json[] => (Array.isArray(value) ? value : []);
const objectOf = (value: Json | undefined): JsonObject => (isJsonObject(value) ? value : {});
const inBrackets = (type: string): string => (type.includes(" | ") || type.includes(" & ") ? `(${type})` : type);

const property = (entry: readonly [string, Json], isRequired: boolean, place: Place): string => {
  const [name, schema] = entry;
  // The runner fills in defaults, so that what has one is always there.
  const isThere = isRequired || (isJsonObject(schema) && schema["default"] !== undefined);
  const key = isName.test(name) ? name : JSON.stringify(name);
  const comment = commentOf(schema, place.depth);
  return `${comment}${indentOf(place.depth)}readonly ${key}${isThere ? "" : "?"}: ${typeOf(schema, place)};\n`;
};

const objectType = (schema: JsonObject, place: Place): string => {
  const properties = Object.entries(objectOf(schema["properties"]));
  const required = listOf(schema["required"]);
  const { additionalProperties: rest } = schema;
  const inner = { ...place, depth: place.depth + 1 };
  if (properties.length === 0) {
    if (rest === false) return "Record<string, never>";
    return `Readonly<Record<string, ${isJsonObject(rest) ? typeOf(rest, place) : unknownType}>>`;
  }
  const lines = properties.map((entry) => property(entry, required.includes(entry[0]), inner));
  // Without a word on further properties the named ones are what a driver relies on.
  const others = isJsonObject(rest) ? `${indentOf(inner.depth)}readonly [other: string]: ${unknownType};\n` : "";
  return `{\n${lines.join("")}${others}${indentOf(place.depth)}}`;
};

const arrayType = (schema: JsonObject, place: Place): string => {
  const { items, prefixItems } = schema;
  if (Array.isArray(prefixItems)) {
    const rest =
      items === false ? [] : [`...${inBrackets(isJsonObject(items) ? typeOf(items, place) : unknownType)}[]`];
    return `readonly [${[...prefixItems.map((item) => typeOf(item, place)), ...rest].join(", ")}]`;
  }
  return `readonly ${inBrackets(isJsonObject(items) ? typeOf(items, place) : unknownType)}[]`;
};

type Write = (schema: JsonObject, place: Place) => string;
const byType: Readonly<Record<string, Write>> = {
  string: () => "string",
  number: () => "number",
  integer: () => "number",
  boolean: () => "boolean",
  null: () => "null",
  object: objectType,
  array: arrayType,
};

const named = (schema: JsonObject, types: readonly Json[], place: Place): string =>
  union(types.map((type) => byType[String(type)]?.(schema, place) ?? unknownType));

const resolve = (root: JsonObject, reference: string): Json | undefined => {
  if (reference !== "#" && !reference.startsWith("#/")) return undefined;
  const parts = reference.slice(1).split("/").slice(1);
  return parts.reduce<Json | undefined>((node, part) => {
    const name = decodeURIComponent(part).replaceAll("~1", "/").replaceAll("~0", "~");
    return isJsonObject(node) && Object.hasOwn(node, name) ? node[name] : undefined;
  }, root);
};

const referenced: Write = (schema, place) => {
  const reference = String(schema["$ref"]);
  if (place.seen.includes(reference)) return unknownType;
  const found = resolve(place.root, reference);
  return found === undefined ? unknownType : typeOf(found, { ...place, seen: [...place.seen, reference] });
};

const choice =
  (keyword: string): Write =>
  (schema, place) =>
    union(listOf(schema[keyword]).map((branch) => inBrackets(typeOf(branch, place))));

/** The first keyword that is there decides. */
const keywords: readonly (readonly [string, Write])[] = [
  ["$ref", referenced],
  ["const", ({ const: value }) => JSON.stringify(value)],
  ["enum", ({ enum: values }) => union(listOf(values).map((value) => JSON.stringify(value)))],
  ["oneOf", choice("oneOf")],
  ["anyOf", choice("anyOf")],
  [
    "allOf",
    (schema, place) =>
      listOf(schema["allOf"])
        .map((part) => inBrackets(typeOf(part, place)))
        .join(" & "),
  ],
];

function typeOf(schema: Json, place: Place): string {
  if (!isJsonObject(schema)) return schema === false ? "never" : unknownType;
  const keyword = keywords.find(([name]) => schema[name] !== undefined);
  const own = schema["type"] ?? (schema["properties"] === undefined ? undefined : "object");
  // A choice beside named properties narrows them; the properties say more.
  if (keyword !== undefined && !(isJsonObject(schema["properties"]) && keyword[0].endsWith("Of"))) {
    return keyword[1](schema, place);
  }
  return own === undefined ? unknownType : named(schema, [own].flat() as readonly Json[], place);
}

/** The type as an expression. `Json` stands for what the schema leaves open. */
export const schemaType = (schema: JsonObject): string => typeOf(schema, { root: schema, depth: 0, seen: [] });
