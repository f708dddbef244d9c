/** Checks what an instance is configured with: config and secrets against the type's connection schema. */
import { type FieldProblem, SwitchyardError } from "../../errors.ts";
import { bind } from "../../model/binding.ts";
import { minSecretLength } from "../../model/handle.ts";
import type { JsonObject } from "../../model/json.ts";
import { type Manifest, secretNames } from "../../model/manifest.ts";
import { escapeToken } from "../../model/pointer.ts";
import { compilePackSchema } from "../../model/schema.ts";
import { withDefaults } from "../../model/schema-defaults.ts";

export interface Proposal {
  readonly config: JsonObject;
  /** Values that are set now; null deletes. */
  readonly secrets: JsonObject;
  /** Names of secrets that are set already; their values are not known here. */
  readonly kept: readonly string[];
}

/** Stands for a secret whose value only the vault knows. */
const placeholder = "\u0000 kept";

/** Keywords by which a schema takes names beside its `properties`. */
const openKeywords = [
  ...["additionalProperties", "patternProperties", "unevaluatedProperties", "propertyNames"],
  ...["$ref", "$dynamicRef", "allOf", "anyOf", "oneOf", "if", "dependentSchemas"],
];

const propertiesOf = (schema: JsonObject): readonly string[] => Object.keys((schema["properties"] as JsonObject) ?? {});

const unknownNames = (schema: JsonObject, config: JsonObject): FieldProblem[] => {
  if (openKeywords.some((keyword) => schema[keyword] !== undefined)) return [];
  const known = propertiesOf(schema);
  return Object.keys(config)
    .filter((name) => !known.includes(name))
    .map((name) => ({
      pointer: `/config/${escapeToken(name)}`,
      message: `expected one of ${known.join(", ")}, got a field of another name`,
    }));
};

const misplaced = (secrets: readonly string[], { config, secrets: values }: Proposal): FieldProblem[] => [
  ...Object.keys(config)
    .filter((name) => secrets.includes(name))
    .map((name) => ({
      pointer: `/config/${escapeToken(name)}`,
      message: "expected this secret in secrets, got it in config",
    })),
  ...Object.keys(values)
    .filter((name) => !secrets.includes(name))
    .map((name) => ({
      pointer: `/secrets/${escapeToken(name)}`,
      message: `expected one of the secrets ${secrets.join(", ") || "(none)"}, got a field of another name`,
    })),
];

/** A problem's place in the request: in `config` or in `secrets`. */
const placed = (secrets: readonly string[], { pointer, message }: FieldProblem): FieldProblem => {
  const [, name = ""] = pointer.split("/");
  const part = secrets.some((secret) => escapeToken(secret) === name) ? "secrets" : "config";
  return { pointer: `/${part}${pointer}`, message };
};

const withoutNull = (values: JsonObject): JsonObject =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== null));

const fitProblems = (schema: JsonObject, secrets: readonly string[], { config, secrets: given, kept }: Proposal) => {
  const unseen = kept.filter((name) => !(name in given));
  const stand = Object.fromEntries(unseen.map((name) => [name, placeholder]));
  const complete = withDefaults(schema, config);
  const plain = Object.fromEntries(Object.entries(complete).filter(([name]) => !secrets.includes(name)));
  const hidden = new Set(unseen.map((name) => `/${escapeToken(name)}`));
  return compilePackSchema(schema)({ ...plain, ...stand, ...withoutNull(given) })
    .filter(({ pointer }) => !hidden.has(pointer))
    .map((found) => placed(secrets, found));
};

const setSecrets = ({ secrets, kept }: Proposal): string[] => [
  ...kept.filter((name) => secrets[name] !== null),
  ...Object.keys(withoutNull(secrets)),
];

/** @throws SwitchyardError `config_invalid` with every problem, also when the config names no usable endpoint */
export const checkInstanceConfig = (manifest: Manifest, proposal: Proposal): void => {
  const schema = manifest.schema.connection;
  const secrets = secretNames(manifest);
  const fit = fitProblems(schema, secrets, proposal);
  const extra = [...misplaced(secrets, proposal), ...unknownNames(schema, proposal.config)];
  const places = new Set(fit.map(({ pointer }) => pointer));
  const errors = [...fit, ...extra.filter(({ pointer }) => !places.has(pointer))];
  if (errors.length === 0) {
    bind({ manifest, config: withDefaults(schema, proposal.config), secretNames: setSecrets(proposal) });
    return;
  }
  const words = errors.map(({ pointer, message }) => `${pointer} ${message}`).join("; ");
  throw new SwitchyardError("config_invalid", {
    detail: `The configuration does not fit ${manifest.id}: ${words}.`,
    errors,
  });
};

/** A secret as text: what is no text is kept as its JSON. */
export const secretText = (value: unknown): string => (typeof value === "string" ? value : JSON.stringify(value));

/** What the caller should think about in the secrets that were just set. */
export const warningsFor = (secrets: JsonObject): readonly string[] =>
  Object.entries(secrets)
    .filter(([, value]) => value !== null && secretText(value).length < minSecretLength)
    .map(
      ([name]) =>
        `The secret ${name} is shorter than ${minSecretLength} characters: it is used by the manifest's templates only, and is not searched for in texts.`,
    );
