/** Query and path values: text on the wire, typed by the route's schemas. */
import { type TSchema, Type } from "typebox";
import type { FieldProblem } from "../../errors.ts";
import { escapeToken } from "../../model/pointer.ts";
import { compileSchema } from "../../model/schema.ts";
import { refuse } from "./body.ts";

type Shape = Readonly<Record<string, TSchema>>;

const booleans: Readonly<Record<string, boolean>> = { true: true, "1": true, false: false, "0": false };

const typed = (schema: TSchema | undefined, text: string): unknown => {
  const type = (schema as { type?: string } | undefined)?.type;
  if (type === "boolean") return booleans[text] ?? text;
  if (type === "integer" || type === "number") return /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : text;
  return text;
};

const repeated = (name: string, times: number): FieldProblem => ({
  pointer: `/${escapeToken(name)}`,
  message: `expected one value, got ${times}`,
});

/** What was given under each name, as it stands in the URL. */
export type Given = Readonly<Record<string, readonly string[]>>;

/**
 * Reads what was given as the schemas of its names say.
 * @throws SwitchyardError `validation_failed` for a value that does not fit, a name that is not declared, or one that comes twice.
 */
export const createReader = (shape: Shape, at: string) => {
  const parts = new Map(Object.entries(shape));
  const schema = Type.Object(shape as Record<string, TSchema>, { additionalProperties: false });
  return (given: Given): Record<string, unknown> => {
    const entries = Object.entries(given);
    const values = Object.fromEntries(entries.map(([name, [text = ""]]) => [name, typed(parts.get(name), text)]));
    const problems = [
      ...entries.filter(([, texts]) => texts.length > 1).map(([name, texts]) => repeated(name, texts.length)),
      ...compileSchema(schema)(values),
    ];
    if (problems.length > 0) refuse(problems.map((found): FieldProblem => ({ ...found, pointer: at + found.pointer })));
    return values;
  };
};
