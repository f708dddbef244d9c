/** What help says beyond the options of a command: the fields of a type, the actions of an instance, what a route takes. */
import type { Command } from "commander";
import type { JsonObject } from "../model/json.ts";
import type { Capability } from "../model/manifest.ts";
import { call } from "./called.ts";
import { findInstance, findType } from "./client/find.ts";
import type { Client } from "./client/http.ts";
import { lastSeen, listedAs, listedTypes } from "./client/inventory.ts";
import type { InstanceDocument, TypeDocument } from "./client/wire.ts";
import { placeOf } from "./completion.ts";
import { fieldsOf, fieldWords, type NamedField } from "./view/fields.ts";
import { oneLine } from "./view/terminal.ts";

type Helps = (api: Client, given: readonly string[]) => Promise<readonly string[]>;

const lineOf = (start: string, { schema, isRequired }: NamedField): string =>
  `${start.padEnd(29)}  ${oneLine(fieldWords(schema, isRequired))}`;

const fieldLine = (field: NamedField): string =>
  lineOf(field.schema["secret"] === true ? `  --secret ${field.name}=-` : `  --set ${field.name}=...`, field);

const fieldsOfType: Helps = async (api, [asked = ""]) => {
  const { id, version, schema_connection: schema } = await findType(api, asked);
  return [`Fields of ${id} ${version}:`, ...fieldsOf(schema).map(fieldLine)];
};

/** Such a type at its shortest: what has to be given and has no default. */
const exampleOf = ({ id, schema_connection: schema }: TypeDocument): string => {
  const wanted = fieldsOf(schema).filter((field) => field.isRequired && field.schema["default"] === undefined);
  const given = wanted.flatMap(({ name, schema: { secret } }) =>
    secret === true ? ["--secret", `${name}=@FILE`] : ["--set", `${name}=...`],
  );
  return call("add", id, "--name", "NAME", ...given);
};

const fieldsOfNew: Helps = async (api, given) => {
  const type = await findType(api, given[0] ?? "");
  return [...(await fieldsOfType(api, given)), "", "Example:", `  $ ${exampleOf(type)}`];
};

const fieldsOfInstance: Helps = async (api, [asked = ""]) =>
  fieldsOfType(api, [(await findInstance(api, asked)).type_id]);

const capabilityLines = (capability: Capability): readonly string[] => [
  `  ${capability.id} ${capability.verbs.join("|")} ${capability.targets.map((type) => `${type}/<id>`).join("|")}`,
  ...fieldsOf(capability.params).map((field) => lineOf(`    --param ${field.name}=...`, field)),
];

const mostIds = 5;

/** What is known of the ids of types that actions name and no inventory lists. */
const unlistedLines = ({ capabilities }: TypeDocument, listed: readonly string[]): readonly string[] => {
  const named = [...new Set(capabilities.flatMap(({ targets }) => targets))].filter((one) => !listed.includes(one));
  return named.map((one) => {
    const under = listedAs(one, listed).join(", ");
    return `  ${one.padEnd(28)} ${under === "" ? "(in no inventory: a plan asks the device)" : `(those of ${under})`}`;
  });
};

/** Which ids there are of all that is listed, and where those of other types stand. */
const idLines = async (api: Client, instance: InstanceDocument, type: TypeDocument): Promise<readonly string[]> => {
  const listed = listedTypes(type);
  if (listed.length === 0) return [];
  const lines = listed.map(async (one) => {
    const ids = (await lastSeen(api, instance.instance_id, { type: one })).map((item) => oneLine(item.external_id));
    const shown = ids.slice(0, mostIds).join(", ") || "(not known yet)";
    return `  ${one.padEnd(28)} ${shown}${ids.length > mostIds ? " ..." : ""}`;
  });
  return [
    `Ids, as ${call("inventory", instance.name)} --type <type> --all shows them:`,
    ...(await Promise.all(lines)),
    ...unlistedLines(type, listed),
  ];
};

/** All of an instance, or the one that is named. */
const actionsOf: Helps = async (api, [asked = "", named]) => {
  const instance = await findInstance(api, asked);
  const type = await findType(api, instance.type_id);
  const { id, version, capabilities } = type;
  const declared = capabilities.filter((one) => one.id !== "inventory.list");
  const chosen = declared.filter((one) => one.id === named);
  const shown = chosen.length === 0 ? declared : chosen;
  return [
    `Actions of ${instance.name} (${id} ${version}):`,
    ...shown.flatMap(capabilityLines),
    ...(await idLines(api, instance, type)),
  ];
};

interface Operation {
  readonly summary?: string;
  readonly description?: string;
  readonly parameters?: readonly { name: string; in: string; required?: boolean; schema?: JsonObject }[];
  readonly requestBody?: { readonly content?: Readonly<Record<string, { readonly schema?: JsonObject }>> };
}
type Document = { readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>> };

const isRouteOf = (path: string, template: string): boolean => {
  const [asked = []] = [path.split("?", 1)[0]?.split("/")];
  const parts = template.split("/");
  return parts.length === asked.length && parts.every((part, at) => part.startsWith("{") || part === asked[at]);
};

/** One route of the server's own OpenAPI document, or the methods that a path has. */
const routeHelp: Helps = async (api, [method = "", path = ""]) => {
  const { paths } = await api.read<Document>("/api/openapi.json");
  const template = Object.hasOwn(paths, path) ? path : Object.keys(paths).find((one) => isRouteOf(path, one));
  const operation = template === undefined ? undefined : paths[template]?.[method.toLowerCase()];
  if (template === undefined || operation === undefined) return [];
  const { summary = "", description = "", parameters = [], requestBody } = operation;
  const asked = parameters.map(({ name, in: place, required = false, schema = {} }) =>
    lineOf(`  ${name} (${place})`, { name, schema, isRequired: required }),
  );
  const [body] = Object.entries(requestBody?.content ?? {});
  const fields = fieldsOf(body?.[1].schema).map((field) => lineOf(`  ${field.name} (body)`, field));
  return [`${method.toUpperCase()} ${template}: ${summary}. ${description}`.trim(), ...asked, ...fields];
};

/** By command, and how many words it needs to know what is meant. */
const helps: Readonly<Record<string, readonly [least: number, helps: Helps]>> = {
  add: [1, fieldsOfNew],
  edit: [1, fieldsOfInstance],
  plan: [1, actionsOf],
  run: [1, actionsOf],
  api: [2, routeHelp],
};

/** Adds to a command's help what the server knows. Without a server, or for a word that it does not know, nothing. */
export const addServerHelp = async (root: Command, argv: readonly string[], api: () => Client): Promise<void> => {
  const at = argv.findIndex((word) => word === "--help" || word === "-h");
  if (at < 0) return;
  const { command, given } = placeOf(root, argv.slice(0, at));
  const [least, help] = (command.parent === root ? helps[command.name()] : undefined) ?? [];
  if (least === undefined || help === undefined || given.length < least) return;
  const ask = async () => help(api(), given);
  const lines = await ask().catch(() => []);
  if (lines.length > 0) command.addHelpText("after", `\n${lines.join("\n")}`);
};
