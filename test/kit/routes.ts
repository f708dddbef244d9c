/** The routes of the OpenAPI document, with requests made up for them. */
import type { ApiBench } from "./api.ts";

export interface Operation {
  readonly "x-role": "open" | "viewer" | "operator" | "admin";
  readonly "x-concerns-all"?: boolean;
  readonly parameters: readonly { readonly name: string; readonly in: string; readonly schema: JsonSchema }[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: JsonSchema }>> };
}

export interface JsonSchema {
  readonly $ref?: string;
  readonly type?: string;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly pattern?: string;
  readonly anyOf?: readonly JsonSchema[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly items?: JsonSchema;
}

export interface ApiRoute {
  readonly method: string;
  readonly path: string;
  readonly name: string;
  readonly operation: Operation;
}

interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, JsonSchema>> };
}

export interface ApiRoutes {
  readonly routes: readonly ApiRoute[];
  /** The schema of a route's JSON body; undefined when it takes none. */
  bodyOf(route: ApiRoute): JsonSchema | undefined;
}

export const readRoutes = async (bench: ApiBench): Promise<ApiRoutes> => {
  const { paths, components } = await bench.json<Document>("GET", "/api/openapi.json", { token: null });
  const routes = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => {
      const verb = method.toUpperCase();
      return { method: verb, path, operation, name: `${verb} ${path}` };
    }),
  );
  const resolve = (schema: JsonSchema): JsonSchema =>
    schema.$ref === undefined ? schema : (components.schemas[schema.$ref.split("/").at(-1) ?? ""] ?? {});
  return {
    routes,
    bodyOf: ({ operation }) => {
      const schema = operation.requestBody?.content["application/json"]?.schema;
      return schema === undefined ? undefined : resolve(schema);
    },
  };
};

const samples: Readonly<Record<string, unknown>> = { integer: 1, number: 1, boolean: true, array: [], object: {} };

/** A value that has the type asked for, if not the meaning. */
export const sampleOf = (schema: JsonSchema): unknown => {
  if (schema.const !== undefined) return schema.const;
  if (schema.enum !== undefined) return schema.enum[0];
  if (schema.anyOf?.[0] !== undefined) return sampleOf(schema.anyOf[0]);
  if (schema.properties !== undefined) {
    return Object.fromEntries(Object.entries(schema.properties).map(([name, inner]) => [name, sampleOf(inner)]));
  }
  return samples[schema.type ?? ""] ?? "some text";
};
