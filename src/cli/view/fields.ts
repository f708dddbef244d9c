/** What a field of a schema takes, in words: its type, what is usual, and what it is for. */
import type { JsonObject } from "../../model/json.ts";

/** One line: `string, one of "on", "off", required: What it becomes.` */
export const fieldWords = (schema: JsonObject, isRequired: boolean): string => {
  const { type, format, description, default: usual, enum: among } = schema;
  const facts = [
    typeof type === "string" ? type : "any value",
    ...(typeof format === "string" ? [format] : []),
    ...(Array.isArray(among) ? [`one of ${among.map((value) => JSON.stringify(value)).join(", ")}`] : []),
    ...(usual === undefined ? [] : [`default ${JSON.stringify(usual)}`]),
    ...(isRequired && usual === undefined ? ["required"] : []),
  ];
  return `${facts.join(", ")}${typeof description === "string" ? `: ${description}` : ""}`.replaceAll(/\s+/g, " ");
};

export interface NamedField {
  readonly name: string;
  readonly schema: JsonObject;
  readonly isRequired: boolean;
}

/** The properties of an object's schema, in its order. */
export const fieldsOf = (schema: JsonObject | undefined): readonly NamedField[] => {
  const required = (schema?.["required"] ?? []) as readonly string[];
  return Object.entries((schema?.["properties"] ?? {}) as Record<string, JsonObject>).map(([name, one]) => ({
    ...{ name, schema: one, isRequired: required.includes(name) },
  }));
};
