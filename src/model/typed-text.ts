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
const document: Read = (text) => asJson(text) ?? text;
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

/** What the schema cannot read stays text: whoever checks it says what was expected there. */
export const typedText = (text: string, schema: JsonObject | undefined): Json => {
  const type = schema?.["type"];
  return (readers[typeof type === "string" ? type : ""] ?? document)(text);
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
