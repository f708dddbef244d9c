/** Query and path values: text on the wire, typed by the route's schemas. */
import { type TSchema, Type } from "typebox";
import type { FieldProblem } from "../../errors.ts";
import { compileSchema } from "../../model/schema.ts";
import { refuse } from "./body.ts";

type Shape = Readonly<Record<string, TSchema>>;

const booleans: Readonly<Record<string, boolean>> = { true: true, "1": true, false: false, "0": false };

const typed = (schema: TSchema, text: string): unknown => {
  const type = (schema as { type?: string }).type;
  if (type === "boolean") return booleans[text] ?? text;
  if (type === "integer" || type === "number") return /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : text;
  return text;
};

/** Reads declared names only: others mean nothing to the route. */
export const createReader = (shape: Shape, at: string) => {
  const names = Object.entries(shape);
  const schema = Type.Object(shape as Record<string, TSchema>);
  return (read: (name: string) => string | undefined): Record<string, unknown> => {
    const values: Record<string, unknown> = {};
    for (const [name, part] of names) {
      const text = read(name);
      if (text !== undefined) values[name] = typed(part, text);
    }
    const problems = compileSchema(schema)(values);
    if (problems.length > 0) refuse(problems.map((found): FieldProblem => ({ ...found, pointer: at + found.pointer })));
    return values;
  };
};
