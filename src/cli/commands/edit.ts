/** Changing an instance: fields and secrets by options, or the whole config in an editor. */
import { isDeepStrictEqual } from "node:util";
import { parse, stringify } from "yaml";
import type { Json, JsonObject } from "../../model/json.ts";
import { didYouMean } from "../../model/nearest.ts";
import { call } from "../called.ts";
import { findInstance, findType, paths } from "../client/find.ts";
import type { InstanceDocument, TypeDocument } from "../client/wire.ts";
import { collected, type Group } from "../command.ts";
import { editText } from "../editor.ts";
import { CliFailure, declined, usage } from "../failure.ts";
import { printJson, type Session } from "../session.ts";
import { secretsOf, valuesOf } from "../values.ts";
import { fieldWords } from "../view/fields.ts";
import { printFailure } from "../view/problem.ts";

interface EditOptions {
  readonly name?: string;
  readonly set: readonly string[];
  readonly unset: readonly string[];
  readonly secret: readonly string[];
  readonly unsetSecret: readonly string[];
}

interface Change {
  readonly name?: string;
  readonly config?: JsonObject;
  readonly secrets?: JsonObject;
}

type Properties = readonly (readonly [string, JsonObject])[];

const propertiesOf = ({ schema_connection }: TypeDocument): Properties =>
  Object.entries((schema_connection["properties"] ?? {}) as Record<string, JsonObject>);

const removed = (config: JsonObject, names: readonly string[]): JsonObject => {
  const odd = names.find((name) => !(name in config));
  if (odd !== undefined) throw usage(`--unset ${odd}: it is not set.`, didYouMean(odd, Object.keys(config)));
  return Object.fromEntries(Object.entries(config).filter(([name]) => !names.includes(name)));
};

/** What the options ask for; nothing when there are none. */
const changeByOptions = async (
  session: Session,
  { config, secrets: kept }: InstanceDocument,
  { schema_connection: schema }: TypeDocument,
  options: EditOptions,
): Promise<Change> => {
  const { name, set, unset, secret, unsetSecret } = options;
  const odd = unsetSecret.find((one) => !(one in kept));
  if (odd !== undefined) throw usage(`--unset-secret ${odd}: it is not set.`, didYouMean(odd, Object.keys(kept)));
  const values = valuesOf({ pairs: set, option: "--set", schema });
  const secrets = await secretsOf(session, { pairs: secret, option: "--secret", schema });
  const gone = Object.fromEntries(unsetSecret.map((one) => [one, null]));
  return {
    ...(name === undefined ? {} : { name }),
    ...(set.length + unset.length === 0 ? {} : { config: { ...removed(config, unset), ...values } }),
    ...(secret.length + unsetSecret.length === 0 ? {} : { secrets: { ...secrets, ...gone } }),
  };
};

const indent = (text: string): string => text.trimEnd().replaceAll(/^/gm, "  ");

/** One field with what its schema says of it; one that is not set stands there as a remark. */
const fieldText = (
  name: string,
  schema: JsonObject,
  facts: { isRequired: boolean; value: Json | undefined },
): string => {
  const remark = `  # ${fieldWords(schema, facts.isRequired)}`;
  if (facts.value === undefined) return `${remark}\n  # ${name}:`;
  return `${remark}\n${indent(stringify({ [name]: facts.value }))}`;
};

const documentOf = ({ name, config, secrets }: InstanceDocument, type: TypeDocument): string => {
  const required = (type.schema_connection["required"] ?? []) as readonly string[];
  const known = propertiesOf(type).filter(([, schema]) => schema["secret"] !== true);
  const fields = known.map(([field, schema]) =>
    fieldText(field, schema, { isRequired: required.includes(field), value: config[field] }),
  );
  const names = new Set(known.map(([field]) => field));
  const others = Object.entries(config).filter(([field]) => !names.has(field));
  const set = Object.keys(secrets).join(", ") || "none";
  return [
    `# ${name}, of the type ${type.id} ${type.version}. Save and leave to apply; leave it as it is to change nothing.`,
    `# Secrets (set: ${set}) do not stand here: change one with --secret name=-`,
    stringify({ name }).trimEnd(),
    "config:",
    ...fields,
    ...others.map(([field, value]) => indent(stringify({ [field]: value }))),
    "",
  ].join("\n");
};

const isTree = (value: unknown): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** @throws CliFailure when it is no longer a document of an instance. */
const readDocument = (text: string): { name: string; config: JsonObject } => {
  let document: unknown;
  try {
    document = parse(text);
  } catch (thrown) {
    throw usage(`This is not YAML: ${(thrown as Error).message.split("\n")[0]}`);
  }
  if (!isTree(document)) throw usage("Expected a mapping with name and config.");
  const odd = Object.keys(document).find((key) => key !== "name" && key !== "config");
  if (odd !== undefined) throw usage(`Expected name and config, got ${JSON.stringify(odd)} beside them.`);
  const { name, config } = document;
  if (typeof name !== "string" || !isTree(config ?? {}))
    throw usage("Expected a text as name and a mapping as config.");
  return { name, config: (config ?? {}) as JsonObject };
};

const differences = (instance: InstanceDocument, { name, config }: { name: string; config: JsonObject }): Change => ({
  ...(name === instance.name ? {} : { name }),
  ...(isDeepStrictEqual(config, instance.config) ? {} : { config }),
});

const send = async ({ api }: Session, { instance_id }: InstanceDocument, change: Change): Promise<InstanceDocument> =>
  (await api.ask<InstanceDocument>("PATCH", `${paths.instances}/${instance_id}`, { body: change })).body;

const isEmpty = (change: Change): boolean => Object.keys(change).length === 0;

/** Again and again with what the person wrote, until it is taken or given up. */
const editByHand = async (session: Session, instance: InstanceDocument, type: TypeDocument) => {
  const { terminal, editor } = session;
  for (let text = documentOf(instance, type); ; ) {
    text = await editText(editor, text);
    try {
      const change = differences(instance, readDocument(text));
      return isEmpty(change) ? undefined : await send(session, instance, change);
    } catch (thrown) {
      if (!(thrown instanceof CliFailure)) throw thrown;
      printFailure(terminal, thrown, { isJson: false });
      if (!(await terminal.confirm("Edit it again? [y/N] "))) throw declined("Nothing was changed.");
    }
  }
};

const edit = async (session: Session, [asked = ""]: readonly string[], options: EditOptions): Promise<undefined> => {
  const { api, terminal, isJson } = session;
  const instance = await findInstance(api, asked);
  const type = await findType(api, instance.type_id);
  const change = await changeByOptions(session, instance, type, options);
  if (isEmpty(change) && !terminal.canAsk) {
    throw usage("Nothing to change was named, and there is no terminal for an editor.", [
      "Name it with --name, --set, --unset, --secret or --unset-secret.",
    ]);
  }
  const changed = isEmpty(change) ? await editByHand(session, instance, type) : await send(session, instance, change);
  if (isJson) return void printJson(session, changed ?? instance);
  if (changed === undefined) return void terminal.note("Nothing was changed.");
  terminal.print(`${terminal.style("bold", changed.name)} is changed: ${changed.state}`);
  for (const warning of changed.warnings ?? []) terminal.note(terminal.styleError("yellow", `warning: ${warning}`));
  if (changed.state === "needs_review") terminal.note(`Writes wait for a test: ${call("test", changed.name)}`);
};

export const editCommands: Group = (program, act) => {
  program
    .command("edit <instance>")
    .description("change an instance: by options, or on a terminal without any in your EDITOR")
    .option("--name <name>", "call it so from now on")
    .option("--set <name=value>", "a field of its config; may be repeated", collected, [])
    .option("--unset <name>", "a field that goes back to its default; may be repeated", collected, [])
    .option("--secret <name=@file|name=->", "a secret from a file or standard input; may be repeated", collected, [])
    .option("--unset-secret <name>", "a secret that is forgotten; may be repeated", collected, [])
    .action(act(edit));
};
