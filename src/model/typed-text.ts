/** What a person typed for a field, as the value that its schema asks for. */
import { isJsonObject, type Json, type JsonObject } from "./json.ts";

const asJson = (text: string): Json | undefined => {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
};

type Read = (text: string) => Json;
const number: Read = (text) => (/^-?\d+(\.\d+)?([eE][+-]?\d+)?$/.test(text) ? Number(text) : text);
const boolean: Read = (text) => (text === "true" ? true : text === "false" ? false : text);
const document: Read = (text) => {
  const value = asJson(text);
  return value === undefined ? text : value;
};
const readers: Readonly<Record<string, Read>> = {
  string: (text) => text,
  number,
  integer: number,
  boolean,
  object: document,
  array: (text) => {
    const value = asJson(text);
    return Array.isArray(value) ? value : text.split(",").map((item) => item.trim());
  },
};

const typeOf = (value: unknown): string => {
  if (value === null) return "null";
  return Array.isArray(value) ? "array" : typeof value;
};

/** One type that a schema allows, and the values that it allows of it where it lists them. */
interface Form {
  readonly type: string;
  readonly values: readonly Json[] | undefined;
}

const branchesOf = ({ anyOf, oneOf }: JsonObject): readonly JsonObject[] =>
  [anyOf, oneOf].flatMap((branches) => (Array.isArray(branches) ? branches.filter(isJsonObject) : []));

const formsOf = (schema: JsonObject): readonly Form[] => {
  const { type, enum: listed, const: only } = schema;
  const values = only !== undefined ? [only] : Array.isArray(listed) ? listed : undefined;
  const types = type === undefined ? (values ?? []).map(typeOf) : [type].flat();
  const own = types.filter((one) => typeof one === "string").map((one) => ({ type: one, values }));
  return own.length > 0 ? own : branchesOf(schema).flatMap(formsOf);
};

const readAs = (text: string, { type, values }: Form): readonly Json[] => {
  const value = (readers[type] ?? document)(text);
  const isOf = typeOf(value) === (type === "integer" ? "number" : type);
  return isOf && (values === undefined || values.includes(value)) ? [value] : [];
};

/** `null` is nothing where nothing is allowed; otherwise a text is taken as it was typed. */
const preferred = ["null", "string"];
const rank = ({ type }: Form): number => (preferred.includes(type) ? preferred.indexOf(type) : preferred.length);

/** What the schema cannot read stays text: whoever checks it says what was expected there. */
export const typedText = (text: string, schema: JsonObject | undefined): Json => {
  const forms = formsOf(schema ?? {}).toSorted((one, other) => rank(one) - rank(other));
  const types = new Set(forms.map(({ type }) => type));
  const [only] = types.size === 1 ? types : [];
  if (only !== undefined) return (readers[only] ?? document)(text);
  const [fitting] = forms.flatMap((form) => readAs(text, form));
  return fitting !== undefined ? fitting : types.has("string") ? text : document(text);
};

/** Each text by the property of its name. */
export const typedTexts = (texts: Readonly<Record<string, string>>, schema: JsonObject | undefined): JsonObject => {
  const properties = isJsonObject(schema?.["properties"]) ? schema["properties"] : {};
  const entries = Object.entries(texts).map(([name, text]) => {
    const own = properties[name];
    return [name, typedText(text, isJsonObject(own) ? own : undefined)] as const;
  });
  return Object.fromEntries(entries);
};
