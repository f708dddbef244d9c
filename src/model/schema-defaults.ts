/** Puts a schema's defaults where a value is silent. */
import { isJsonObject, type Json, type JsonObject } from "./json.ts";

const filled = (schema: Json | undefined, value: Json): Json =>
  isJsonObject(schema) && isJsonObject(value) ? withDefaults(schema, value) : value;

const isSecret = (schema: Json): boolean => isJsonObject(schema) && schema["secret"] === true;

const missing = (properties: JsonObject, value: JsonObject): [string, Json][] =>
  Object.entries(properties).flatMap(([name, schema]): [string, Json][] => {
    const isSilent = !Object.hasOwn(value, name) && isJsonObject(schema) && !isSecret(schema);
    const given = isSilent ? schema["default"] : undefined;
    return given === undefined ? [] : [[name, structuredClone(given)]];
  });

/**
 * The value with the defaults of the schema's `properties` where it has none of its own, also inside of objects that
 * it has. What only other keywords (`$ref`, `allOf` ...) say is left alone, and so are secrets: their values are never
 * read from a manifest. The value given is not changed.
 * @example withDefaults({ properties: { port: { default: 443 } } }, { host: "a" }) // { host: "a", port: 443 }
 */
export const withDefaults = (schema: JsonObject, value: JsonObject): JsonObject => {
  const { properties } = schema;
  if (!isJsonObject(properties)) return value;
  const own = Object.entries(value).map(([name, member]): [string, Json] => [
    name,
    filled(Object.hasOwn(properties, name) ? properties[name] : undefined, member),
  ]);
  return Object.fromEntries([...own, ...missing(properties, value)]);
};
