/** Whether a document is a manifest: its form field by field, then what its fields say about one another. */
import { type FieldProblem, SwitchyardError } from "../errors.ts";
import { checkBlock, checkTestTransport, checkWrites } from "./binding-check.ts";
import { isJsonObject, type JsonObject } from "./json.ts";
import type { Capability, ConnectionTest, Manifest, TransportBlock } from "./manifest.ts";
import { manifestSchema } from "./manifest-schema.ts";
import { checkSchema, compileSchema, type PatternRoom, patternRoom } from "./schema.ts";
import { appendPointer } from "./schema-limits.ts";
import { compileSuccessWhen } from "./success-when.ts";

export interface ManifestCheck {
  /** Present when there are no problems. */
  readonly manifest?: Manifest;
  /** Every problem that was found, each with the place in the document. */
  readonly problems: readonly FieldProblem[];
}

const problem = (pointer: string, expected: string, got: unknown): FieldProblem => ({
  pointer,
  message: `expected ${expected}, got ${typeof got === "string" ? JSON.stringify(got) : String(got)}`,
});
const below = (pointer: string, problems: readonly FieldProblem[]): FieldProblem[] =>
  problems.map(({ pointer: inner, message }) => ({ pointer: `${pointer}${inner}`, message }));
const listed = (names: readonly string[]): string => names.map((name) => JSON.stringify(name)).join(", ");

const uniqueIds = (capabilities: readonly Capability[]): FieldProblem[] =>
  capabilities.flatMap(({ id }, index) =>
    capabilities.findIndex((other) => other.id === id) === index
      ? []
      : [problem(`/capabilities/${index}/id`, "an id that no other capability has", id)],
  );

const declaredVerb = ({ verbs }: Capability, pointer: string, verb: string): FieldProblem[] =>
  verbs.includes(verb) ? [] : [problem(pointer, `one of the declared verbs ${listed(verbs)}`, verb)];

const parameterNames = ({ params }: Capability): readonly string[] | undefined => {
  const properties = params?.["properties"];
  return isJsonObject(properties) && params?.["additionalProperties"] === false ? Object.keys(properties) : undefined;
};

const checkInverses = (capability: Capability, pointer: string): FieldProblem[] =>
  Object.entries(capability.invertible ?? {}).flatMap(([verb, { inverse, params = {} }]) => {
    const at = appendPointer(`${pointer}/invertible`, verb);
    const known = parameterNames(capability);
    return [
      ...declaredVerb(capability, at, verb),
      ...declaredVerb(capability, `${at}/inverse`, inverse),
      ...Object.keys(params)
        .filter((name) => known?.includes(name) === false)
        .map((name) =>
          problem(appendPointer(`${at}/params`, name), `one of the parameters ${listed(known ?? [])}`, name),
        ),
    ];
  });

const checkCapability = (capability: Capability, pointer: string, room: PatternRoom): FieldProblem[] => [
  ...checkInverses(capability, pointer),
  ...(capability.destructive ?? []).flatMap((verb, index) =>
    declaredVerb(capability, `${pointer}/destructive/${index}`, verb),
  ),
  ...(capability.params === undefined ? [] : below(`${pointer}/params`, checkSchema(capability.params, room))),
];

const secretMarks = (node: unknown, pointer: string): string[] => {
  if (typeof node !== "object" || node === null) return [];
  const here = isJsonObject(node) && node["secret"] !== undefined && !isJsonObject(node["secret"]) ? [pointer] : [];
  return [...here, ...Object.entries(node).flatMap(([key, child]) => secretMarks(child, appendPointer(pointer, key)))];
};

const topProperty = /^\/properties\/[^/]+$/;

/** Secrets are kept by name, sealed, as texts: a mark elsewhere would leave the value in the clear. */
const checkSecrets = (connection: JsonObject): FieldProblem[] =>
  secretMarks(connection, "").flatMap((pointer) => {
    const name = pointer.split("/")[2] ?? "";
    if (!topProperty.test(pointer)) {
      return [
        {
          pointer: `${pointer}/secret`,
          message: "expected secret on a property of the connection itself, got it deeper",
        },
      ];
    }
    const properties = connection["properties"] as Record<string, JsonObject>;
    const { type, secret } = properties[name.replaceAll("~1", "/").replaceAll("~0", "~")] ?? {};
    return [
      ...(typeof secret === "boolean" ? [] : [problem(`${pointer}/secret`, "true or false", secret)]),
      ...(secret !== true || type === undefined || type === "string"
        ? []
        : [problem(`${pointer}/type`, '"string" for a secret', type)]),
    ];
  });

const checkConnection = (connection: JsonObject, room: PatternRoom): FieldProblem[] =>
  below("/schema/connection", [...checkSchema(connection, room), ...checkSecrets(connection)]);

const conditionProblems = (text: string): FieldProblem[] => {
  try {
    compileSuccessWhen(text);
    return [];
  } catch (thrown) {
    if (!(thrown instanceof SwitchyardError)) throw thrown;
    return [{ pointer: "/test/success_when", message: thrown.message }];
  }
};

const isReadBy = (blocks: readonly TransportBlock[], method: string): boolean =>
  method === "GET" ||
  method === "HEAD" ||
  blocks.some(
    ({ reads }) => Array.isArray(reads) && reads.some((read) => isJsonObject(read) && read["method"] === method),
  );

const checkTest = (test: ConnectionTest, transports: Manifest["transports"]): FieldProblem[] => {
  if (test.method === "driver") return [];
  const blocks = Object.entries(transports ?? {}).filter(([name]) => name.split(".")[0] === test.method);
  const missing =
    transports !== undefined && blocks.length === 0
      ? [
          problem(
            "/test/method",
            `a transport of the transports block (${listed(Object.keys(transports))})`,
            test.method,
          ),
        ]
      : [];
  if (test.method === "tcp") return missing;
  const { method } = test.request;
  const write = isReadBy(
    blocks.map(([, block]) => block),
    method,
  )
    ? []
    : [problem("/test/request/method", "a read (GET, HEAD or one of the transport's reads)", method)];
  return [...missing, ...write, ...conditionProblems(test.success_when)];
};

/** The older spelling keeps request and condition in a block `http`; from here on there is one. */
const withPlainTest = (document: JsonObject): JsonObject => {
  const { test } = document;
  if (!isJsonObject(test) || !isJsonObject(test["http"])) return document;
  const { http, ...rest } = test;
  return { ...document, test: { ...rest, ...(http as JsonObject) } };
};

interface CrossCheck {
  /** What the check reads: it runs only when the form of these is right. */
  readonly parts: readonly string[];
  readonly check: () => readonly FieldProblem[];
}

const isSound = (problems: readonly FieldProblem[], parts: readonly string[]): boolean =>
  !problems.some(({ pointer }) => pointer === "" || parts.some((part) => `${pointer}/`.startsWith(`${part}/`)));

const listOf = (capabilities: unknown): readonly Capability[] =>
  Array.isArray(capabilities) ? (capabilities as readonly Capability[]) : [];

/** The `transports` block and what leans on it. */
const transportChecks = (manifest: Manifest, form: readonly FieldProblem[]): CrossCheck[] => {
  const { capabilities, transports } = manifest;
  const sound = { isSchemaSound: isSound(form, ["/schema"]), isRequiresSound: isSound(form, ["/requires"]) };
  return [
    ...Object.entries(isJsonObject(transports) ? transports : {}).map(
      ([name, block]): CrossCheck => ({
        parts: [appendPointer("/transports", name)],
        check: () => checkBlock(name, block, manifest, sound),
      }),
    ),
    ...listOf(capabilities).map(
      (capability, index): CrossCheck => ({
        parts: ["/transports", `/capabilities/${index}`],
        check: () => checkWrites(manifest, capability, index),
      }),
    ),
    { parts: ["/test", "/transports"], check: () => checkTestTransport(manifest) },
  ];
};

const crossChecks = (manifest: Manifest, form: readonly FieldProblem[]): CrossCheck[] => {
  const { schema, capabilities, test, transports } = manifest;
  const room = patternRoom();
  return [
    { parts: ["/schema"], check: () => checkConnection(schema.connection, room) },
    ...listOf(capabilities).map(
      (capability, index): CrossCheck => ({
        parts: [`/capabilities/${index}`],
        check: () => checkCapability(capability, `/capabilities/${index}`, room),
      }),
    ),
    { parts: ["/capabilities"], check: () => uniqueIds(capabilities) },
    { parts: ["/test", "/transports"], check: () => (test === undefined ? [] : checkTest(test, transports)) },
    ...transportChecks(manifest, form),
  ];
};

/**
 * Checks a parsed `plugin.yaml`. A part whose form is wrong is not checked against the others; all else is, so that
 * an author sees everything at once.
 */
export const checkManifest = (document: unknown): ManifestCheck => {
  const form = compileSchema(manifestSchema)(document);
  if (!isJsonObject(document)) return { problems: form };
  const manifest = withPlainTest(document) as unknown as Manifest;
  const found = crossChecks(manifest, form).filter(({ parts }) => isSound(form, parts));
  const problems = [...form, ...found.flatMap(({ check }) => check())];
  return problems.length > 0 ? { problems } : { manifest, problems: [] };
};
