/** What may come next on an unfinished command line: commands, options, known words, and names from the server. */
import type { Argument, Command, Option } from "commander";
import { jobStates } from "../model/job.ts";
import { categories } from "../model/manifest-schema.ts";
import { roles } from "../model/principal.ts";
import { findInstance, findType, listInstances, listTypes, paths } from "./client/find.ts";
import type { Client } from "./client/http.ts";
import { lastSeen } from "./client/inventory.ts";
import type { JobDocument, Page, ScheduleDocument, TokenDocument } from "./client/wire.ts";

/** What was typed before the word at the cursor: arguments by their names. */
type Before = Readonly<Record<string, string>>;
type Words = (api: Client, before: Before) => Promise<readonly string[]>;

const fixed =
  (words: readonly string[]): Words =>
  async () =>
    words;

const instances: Words = async (api) => (await listInstances(api)).map(({ name }) => name);
const types: Words = async (api) => (await listTypes(api)).flatMap(({ id, removed }) => (removed ? [] : [id]));
const recentJobs: Words = async (api) =>
  (await api.read<Page<JobDocument>>(paths.jobs, { limit: 30 })).items.map(({ id }) => id);

const capabilitiesOf = async (api: Client, { instance = "" }: Before) =>
  (await findType(api, (await findInstance(api, instance)).type_id)).capabilities.filter(
    ({ id }) => id !== "inventory.list",
  );

const capabilityOf = async (api: Client, before: Before) =>
  (await capabilitiesOf(api, before)).find(({ id }) => id === before["capability"]);

const targets: Words = async (api, before) => {
  const capability = await capabilityOf(api, before);
  const { instance_id } = await findInstance(api, before["instance"] ?? "");
  const found = await Promise.all(
    (capability?.targets ?? []).map(async (type) => {
      const items = await lastSeen(api, instance_id, { type });
      return items.map(({ external_id }) => `${type}/${external_id}`);
    }),
  );
  return found.flat();
};

/** By the name of an argument. */
const argumentWords: Readonly<Record<string, Words>> = {
  instance: instances,
  type: types,
  job: recentJobs,
  capability: async (api, before) => (await capabilitiesOf(api, before)).map(({ id }) => id),
  verb: async (api, before) => (await capabilityOf(api, before))?.verbs ?? [],
  target: targets,
  thing: async (api, before) =>
    (await Promise.all([instances, types, recentJobs].map((each) => each(api, before)))).flat(),
  token: async (api) =>
    (await api.read<Page<TokenDocument>>(paths.tokens)).items.flatMap(({ id, revoked_at }) => (revoked_at ? [] : [id])),
  schedule: async (api, before) => [
    ...(await instances(api, before)),
    ...(await api.read<Page<ScheduleDocument>>(paths.schedules)).items.map(({ id }) => id),
  ],
  "validate pack": types,
  method: fixed(["GET", "POST", "PATCH", "DELETE"]),
  shell: fixed(["bash", "zsh", "fish"]),
};

/** By the name of an option's value, or by the option where that says more. */
const optionWords: Readonly<Record<string, Words>> = {
  instance: instances,
  type: types,
  "jobs --kind": async () => Object.keys((await import("../jobs/catalog.ts")).catalog),
  "pause --kind": fixed(["heartbeat", "refresh"]),
  "resume --kind": fixed(["heartbeat", "refresh"]),
  state: fixed(jobStates),
  role: fixed(roles),
  category: fixed(categories),
  "new --language": fixed(["typescript", "python"]),
  "new --transport": fixed(["http", "ssh", "snmp", "tcp"]),
  who: fixed(["me", "token", "schedule", "rule", "system"]),
};

const takesValue = ({ required, optional }: Option): boolean => required || optional;
const optionsOf = (command: Command): readonly Option[] =>
  command.parent ? [...command.options, ...optionsOf(command.parent)] : command.options;
const optionNamed = (command: Command, word: string): Option | undefined =>
  optionsOf(command).find(({ long, short }) => long === word || short === word);

/** Where words lead: a command, what it was given, and whether an option still waits for its value. */
interface Place {
  readonly command: Command;
  readonly given: readonly string[];
  /** The option whose value is due. */
  readonly open: Option | undefined;
}

const step = ({ command, given, open }: Place, word: string): Place => {
  if (open) return { command, given, open: undefined };
  const option = word.startsWith("-") ? optionNamed(command, word) : undefined;
  if (option) return { command, given, open: takesValue(option) ? option : undefined };
  if (word.startsWith("-")) return { command, given, open: undefined };
  const sub = given.length === 0 ? command.commands.find((one) => one.name() === word) : undefined;
  return sub ? { command: sub, given: [], open } : { command, given: [...given, word], open };
};

const valueName = ({ flags }: Option): string => /<([\w-]+)/.exec(flags)?.[1] ?? "";

const namesOf = (args: readonly Argument[], given: readonly string[]): Before =>
  Object.fromEntries(args.map((argument, index) => [argument.name(), given[index] ?? ""]));

const wordsAt = async (
  { command, given, open }: Place,
  last: string,
  api: () => Client,
): Promise<readonly string[]> => {
  const args = command.registeredArguments;
  if (open) {
    const words = optionWords[`${command.name()} ${open.long}`] ?? optionWords[valueName(open)];
    return words ? words(api(), {}) : [];
  }
  if (last.startsWith("-")) return optionsOf(command).flatMap(({ long }) => (long ? [long] : []));
  const subs = given.length === 0 ? command.commands.map((one) => one.name()) : [];
  const name = args[given.length]?.name() ?? "";
  const words = argumentWords[`${command.name()} ${name}`] ?? argumentWords[name];
  const found = words ? await words(api(), namesOf(args, given)) : [];
  return [...subs.filter((name) => !name.startsWith("_")), ...found];
};

/** The command that finished words are for. */
export const placeOf = (root: Command, words: readonly string[]): Place =>
  words.reduce(step, { command: root, given: [], open: undefined } as Place);

/**
 * @param words what stands on the line behind the program, the last one unfinished and perhaps empty.
 * @param api made only when names of the server are asked for; a server that is not there offers none.
 */
export const complete = async (
  root: Command,
  words: readonly string[],
  api: () => Client,
): Promise<readonly string[]> => {
  const last = words.at(-1) ?? "";
  const place = placeOf(root, words.slice(0, -1));
  const found = await wordsAt(place, last, api).catch(() => []);
  return [...new Set(found)].filter((word) => word.startsWith(last)).sort();
};
