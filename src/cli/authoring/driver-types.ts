/** The types of a driver's config and parameters, as its manifest's schemas say. */
import { isJsonObject, type JsonObject } from "../../model/json.ts";
import type { Manifest } from "../../model/manifest.ts";
import { schemaType } from "./schema-types.ts";

/** Beside the driver; only types, so that nothing of it runs. */
export const driverTypesFile = "driver.types.d.ts";

/** `vm.lifecycle` becomes `VmLifecycle`. */
export const typeName = (capability: string): string =>
  capability
    .split(/[._]/)
    .map((part) => part.slice(0, 1).toUpperCase() + part.slice(1))
    .join("");

const isSecret = (schema: unknown): boolean =>
  isJsonObject(schema as JsonObject) && (schema as JsonObject)["secret"] === true;

/** A driver's config holds no secrets. */
const withoutSecrets = (connection: JsonObject): JsonObject => {
  const { properties, required, ...rest } = connection;
  if (!isJsonObject(properties)) return connection;
  const kept = Object.entries(properties).filter(([, schema]) => !isSecret(schema));
  const names = new Set(kept.map(([name]) => name));
  const needed = Array.isArray(required) ? required.filter((name) => names.has(String(name))) : [];
  return { ...rest, properties: Object.fromEntries(kept), required: needed };
};

const declared = (name: string, comment: string, type: string): string =>
  `/** ${comment} */\nexport type ${name} = ${type};\n`;

const union = (names: readonly string[]): string => names.map((name) => JSON.stringify(name)).join(" | ");

const secretNames = ({ properties }: JsonObject): string[] =>
  Object.entries(isJsonObject(properties) ? properties : {})
    .filter(([, schema]) => isSecret(schema))
    .map(([name]) => name);

/** The whole file. */
export const driverTypes = ({ schema: { connection }, capabilities }: Manifest): string => {
  const secrets = secretNames(connection);
  const blocks = [
    declared(
      "Config",
      "What `this.config` holds: the connection without its secrets, defaults filled in.",
      schemaType(withoutSecrets(connection)),
    ),
    declared(
      "SecretName",
      "The names that `this.secrets` has, when they are set.",
      secrets.length === 0 ? "never" : union(secrets),
    ),
    ...capabilities.flatMap(({ id, verbs, targets, params }) => [
      declared(`${typeName(id)}Verb`, `The verbs of ${id}.`, union(verbs)),
      declared(`${typeName(id)}Target`, `The target types of ${id}.`, union(targets)),
      ...(params === undefined
        ? []
        : [declared(`${typeName(id)}Params`, `The parameters of ${id}.`, schemaType(params))]),
    ]),
  ];
  const needsJson = blocks.some((block) => /\bJson\b/.test(block.replaceAll(/\/\*\*[\s\S]*?\*\//g, "")));
  const head = "// Written from plugin.yaml by `npx switchyard validate <folder> --types`. Change that, not this.\n";
  const imports = needsJson ? 'import type { Json } from "switchyard/sdk";\n' : "";
  return [head + imports, ...blocks].join("\n");
};
