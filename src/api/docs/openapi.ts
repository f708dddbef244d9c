/** The OpenAPI 3.1 document, made from the routes themselves. */
import type { TSchema } from "typebox";
import { type ErrorCode, errorTable } from "../../errors.ts";
import { isJobKind } from "../../jobs/catalog.ts";
import type { AnswerSpec, Route } from "../http/route.ts";
import { components } from "../schemas/index.ts";

type Node = Record<string, unknown>;

const problemType = "application/problem+json";
const problemRef = { $ref: "#/components/schemas/Problem" };

const common: readonly ErrorCode[] = [
  ...(["unauthorized", "forbidden", "rate_limited", "validation_failed", "not_acceptable", "internal"] as const),
  ...(["queue_unavailable", "store_unavailable"] as const),
];
const withInput: readonly ErrorCode[] = ["validation_failed"];
const withBody: readonly ErrorCode[] = ["unsupported_media_type", "payload_too_large"];
const withJob: readonly ErrorCode[] = [
  ...(["idempotency_conflict", "timed_out", "job_cancelled", "outcome_unknown"] as const),
];

/** Every code that a route may answer with. */
export const errorsOf = (route: Route): readonly ErrorCode[] => {
  const codes: ErrorCode[] = [...(route.errors ?? [])];
  if (route.access !== "open") codes.push(...common);
  else codes.push("internal", "not_acceptable");
  if (route.query || route.params) codes.push(...withInput);
  if (route.body || route.form) codes.push(...withBody);
  if (route.enqueues) codes.push(...withJob);
  return [...new Set(codes)].sort();
};

const contentOf = ({ schema, type = "application/json" }: AnswerSpec): Node => {
  if (!schema) return {};
  const stream = { schema: { type: "string", description: "Server-sent events" } };
  const entries = type.split(", ").map((one) => [one, one === "text/event-stream" ? stream : { schema }]);
  return { content: Object.fromEntries(entries) };
};

const headersOf = (headers: Readonly<Record<string, string>> | undefined): Node =>
  headers === undefined
    ? {}
    : {
        headers: Object.fromEntries(
          Object.entries(headers).map(([name, description]) => [name, { description, schema: { type: "string" } }]),
        ),
      };

const jobHeaders = {
  Location: "Where the job is",
  "Switchyard-Joined": "`true`: the same was asked for before and is open still; this is that job, none was made",
};
const jobAnswers: Record<number, AnswerSpec> = {
  200: {
    description: "With `Prefer: wait`: the job, succeeded in time",
    schema: { $ref: "#/components/schemas/Job" } as TSchema,
    headers: { ...jobHeaders, "Preference-Applied": "How long it would have waited" },
  },
  202: { description: "The job", schema: { $ref: "#/components/schemas/Job" } as TSchema, headers: jobHeaders },
};

const answersOf = (route: Route): Node => {
  const answers = { ...(route.enqueues === true ? jobAnswers : {}), ...route.answers };
  return Object.fromEntries(
    Object.entries(answers).map(([status, spec]) => [
      status,
      { description: spec.description, ...contentOf(spec), ...headersOf(spec.headers) },
    ]),
  );
};

/** Codes of one status share an answer. */
const problemsOf = (route: Route): Node => {
  const byStatus = new Map<number, ErrorCode[]>();
  for (const code of errorsOf(route)) {
    const { status } = errorTable[code];
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  const entries = [...byStatus].map(([status, codes]) => [
    String(status),
    {
      description: `Problem: ${codes.join(", ")}`,
      content: { [problemType]: { schema: problemRef } },
      "x-codes": codes,
    },
  ]);
  return Object.fromEntries(entries);
};

/** Whoever waits for a job gets the error that it failed with, whatever that is. */
const failureInTime = ({ enqueues, waits }: Route): Node =>
  enqueues === true || waits
    ? {
        default: {
          description: "With `Prefer: wait`: the error of the job, with its own status, when it failed in time",
          content: { [problemType]: { schema: problemRef } },
        },
      }
    : {};

const parameter = (place: "path" | "query" | "header", name: string, schema: TSchema, isRequired = false): Node => {
  const { description, ...rest } = schema as TSchema & { description?: string };
  return { name, in: place, required: isRequired, ...(description ? { description } : {}), schema: rest };
};

const text = (description: string): TSchema => ({ type: "string", description }) as unknown as TSchema;

/** The headers that mean something to a route, with what they mean. */
export const requestHeaders = ({ enqueues, waits }: Route): readonly (readonly [string, string])[] => [
  ...(enqueues === undefined ? [] : [["Idempotency-Key", "Same key and request within 24 h: the same job"] as const]),
  ...(enqueues === true || waits
    ? [["Prefer", "`wait=N`: wait up to N seconds (at most 60) for the outcome"] as const]
    : []),
];

const jobParameters = (route: Route): Node[] => [
  ...requestHeaders(route).map(([name, description]) => parameter("header", name, text(description))),
  ...(route.enqueues === undefined
    ? []
    : [
        parameter("query", "debug", { type: "boolean", description: "Also record debug events" } as unknown as TSchema),
      ]),
];

const parametersOf = (route: Route): Node[] => [
  ...Object.entries(route.params ?? {}).map(([name, schema]) => parameter("path", name, schema, true)),
  ...Object.entries(route.query ?? {}).map(([name, schema]) => parameter("query", name, schema)),
  ...jobParameters(route),
];

const bodyOf = ({ body, form, example, isBodyOptional = false }: Route): Node => {
  if (form) return { requestBody: { required: true, content: { "multipart/form-data": { schema: form } } } };
  if (!body) return {};
  return {
    requestBody: {
      required: !isBodyOptional,
      content: { "application/json": { schema: body, ...(example === undefined ? {} : { example }) } },
    },
  };
};

const accessOf = ({ access, concernsAll }: Route): Node => {
  if (access === "open") return { security: [], "x-role": "open" };
  return {
    "x-concerns-all": concernsAll === true,
    "x-role": access === "ticket" ? "viewer" : access,
    ...(access === "ticket" ? { "x-ticket": true } : {}),
  };
};

/** Who may ask, in words. */
const roleSentence = ({ access, concernsAll }: Route): string => {
  if (access === "open") return "No token is needed.";
  const role = access === "ticket" ? "viewer (or a ticket)" : access;
  return `Needs the role ${role}${concernsAll ? ", with a token that is not limited to instances" : ""}.`;
};

const operationId = ({ method, path }: Route): string =>
  `${method.toLowerCase()}${path.replaceAll(/[^A-Za-z0-9]+(\w?)/g, (_, letter: string) => letter.toUpperCase())}`;

const operationOf = (route: Route): Node => ({
  operationId: operationId(route),
  tags: [route.tag],
  summary: route.summary,
  description: [route.description, roleSentence(route)].filter((text) => text !== undefined).join(" "),
  ...accessOf(route),
  parameters: parametersOf(route),
  ...bodyOf(route),
  // An answer of the route's own stands before the problem of the same status.
  responses: { ...problemsOf(route), ...failureInTime(route), ...answersOf(route) },
});

const pathsOf = (routes: readonly Route[]): Node => {
  const paths: Record<string, Node> = {};
  for (const route of routes) {
    const item = paths[route.path] ?? {};
    item[route.method.toLowerCase()] = operationOf(route);
    paths[route.path] = item;
  }
  return paths;
};

const kindsOf = (): readonly string[] =>
  Object.keys(components)
    .map((name) => name.replace(/^Input\./, ""))
    .filter(isJobKind);

/** What a program, a form or a command needs to know about this interface. */
export const openapiOf = (routes: readonly Route[], version: string): Node => ({
  openapi: "3.1.0",
  info: {
    title: "Switchyard",
    version,
    description:
      "Everything that does work is a job: the answer is 202 with the job, and its events tell what happens. Errors are problem documents (RFC 9457).",
  },
  jsonSchemaDialect: "https://json-schema.org/draft/2020-12/schema",
  security: [{ token: [] }],
  tags: [...new Set(routes.map(({ tag }) => tag))].map((name) => ({ name })),
  paths: pathsOf(routes),
  components: {
    securitySchemes: { token: { type: "http", scheme: "bearer" } },
    schemas: components,
  },
  "x-job-kinds": kindsOf(),
  "x-errors": Object.entries(errorTable).map(([code, { status, title }]) => ({ code, status, title })),
});
