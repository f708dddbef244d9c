/** Schemas that many routes share, and the table of named ones that the OpenAPI document lists. */
import { type TSchema, Type } from "typebox";

/** Refers to a schema of the document by its name. */
export const ref = (name: string): TSchema => Type.Unsafe({ $ref: `#/components/schemas/${name}` });

export const closed = { additionalProperties: false } as const;
export const timeText = (description?: string): TSchema =>
  Type.String({ format: "date-time", ...(description && { description }) });
export const orNull = (schema: TSchema): TSchema => Type.Union([schema, Type.Null()]);
export const freeObject = (description?: string) =>
  Type.Record(Type.String(), Type.Unknown(), description ? { description } : {});
export const list = (item: TSchema) => Type.Object({ items: Type.Array(item), next_cursor: orNull(Type.String()) });

/** Path parameter: an id that is looked up, so that a wrong one is simply not found. */
export const idParam = (description: string) => Type.String({ minLength: 1, maxLength: 500, description });

/** Problems with single places of an input. */
export const fieldProblems = Type.Array(
  Type.Object({
    pointer: Type.String({ description: "JSON Pointer; for query parameters /query/<name>" }),
    message: Type.String(),
    line: Type.Optional(Type.Integer({ description: "Of a text that a person wrote, from 1" })),
    column: Type.Optional(Type.Integer()),
  }),
);

export const problemSchema = Type.Object(
  {
    type: Type.String({ description: "Where the code is explained" }),
    title: Type.String(),
    status: Type.Integer(),
    detail: Type.String({ description: "What was expected, what was seen, what to do next" }),
    instance: Type.String({ description: "Path of the request" }),
    code: Type.String({ description: "One of the listed codes; never renamed" }),
    errors: fieldProblems,
    job_id: Type.Optional(Type.String()),
  },
  { description: "RFC 9457. Facts of a single error stand beside these members.", additionalProperties: true },
);
