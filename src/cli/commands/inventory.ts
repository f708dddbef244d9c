/** Inventory: what is on an instance's device, asking the device again, and what changed. */
import type { Json, JsonObject } from "../../model/json.ts";
import { didYouMean } from "../../model/nearest.ts";
import type { Target } from "../../model/target.ts";
import { call } from "../called.ts";
import { findInstance, findType, paths } from "../client/find.ts";
import { listedTypes } from "../client/inventory.ts";
import type { InstanceDocument, InventoryDocument, JobDocument, Page } from "../client/wire.ts";
import { enqueuing, type Group } from "../command.ts";
import { type ExitCode, exitOfJob } from "../exit-codes.ts";
import { CliFailure } from "../failure.ts";
import { awaitJob, type FollowOptions, finish, printEnd } from "../follow.ts";
import { printJson, type Session } from "../session.ts";
import { type Column, printTable } from "../view/table.ts";
import { oneLine } from "../view/terminal.ts";
import { ago, duration, shown, styleOf } from "../view/words.ts";

interface InventoryOptions {
  readonly type?: string;
  readonly all?: boolean;
  readonly refresh?: boolean;
  readonly cached?: boolean;
  readonly search?: string;
}

const maxColumns = 8;
const first = ["status", "link", "role", "node"];
const gigabyte = 1024 ** 3;

const isScalar = (value: Json | undefined): boolean =>
  value !== undefined && value !== null && typeof value !== "object";

const readable = (name: string, value: Json | undefined): string => {
  if (typeof value !== "number") return shown(value);
  if (/^(mem|disk)_/.test(name)) return value === 0 ? "-" : `${(value / gigabyte).toFixed(1)} GiB`;
  if (name.endsWith("_s")) return value === 0 ? "-" : duration(value);
  return Number.isInteger(value) ? String(value) : value.toFixed(2);
};

/** The attributes that the items have, the telling ones first, as many as are readable side by side. */
const attributeColumns = (items: readonly Target[]): Column<Target>[] => {
  const names = new Set(items.flatMap(({ attrs }) => Object.keys(attrs).filter((name) => isScalar(attrs[name]))));
  const ordered = [...first.filter((name) => names.has(name)), ...[...names].filter((name) => !first.includes(name))];
  return ordered.slice(0, maxColumns).map((name) => ({
    title: oneLine(name).toUpperCase(),
    isExtra: !first.includes(name),
    value: ({ attrs }: Target) => readable(name, attrs[name]),
    style: ({ attrs }: Target) => (name === "status" ? styleOf(String(attrs[name])) : undefined),
  }));
};

const isJob = (body: InventoryDocument | JobDocument): body is JobDocument => "kind" in body;

const typeHints = async ({ api }: Session, typeId: string, asked: string): Promise<string[]> => {
  return didYouMean(asked, listedTypes(await findType(api, typeId)));
};

/** What else is listed, and where an action names none of this, what it names; never in the way of the list itself. */
const printOthers = async (
  { api, terminal }: Session,
  { type_id, name }: InstanceDocument,
  asked: string | undefined,
): Promise<void> => {
  const found = await findType(api, type_id).catch(() => undefined);
  const listed = found === undefined ? [] : listedTypes(found);
  const type = asked ?? (listed.includes("vm") ? "vm" : listed[0]);
  const others = listed.filter((one) => one !== type);
  if (asked === undefined && others.length > 0)
    terminal.note(terminal.styleError("dim", `also: ${others.map((one) => `${one} (--type ${one})`).join(", ")}`));
  const actions = found?.capabilities.filter(({ id }) => id !== "inventory.list") ?? [];
  if (type === undefined || actions.length === 0 || actions.some(({ targets }) => targets.includes(type))) return;
  const ways = [...new Set(actions.flatMap(({ targets }) => targets))].map((word) => `${word}/<ID>`).join(", ");
  terminal.note(
    terminal.styleError(
      "dim",
      `No action names ${type}; those that there are name ${ways}: ${call("plan", name, "--help")}`,
    ),
  );
};

/** How long the list from before an action or from long ago is held back for a newer one. */
const patienceSeconds = 5;

/** The refresh of a list that is old, when it comes soon. */
const soon = async (session: Session, { cache }: InventoryDocument): Promise<JobDocument | undefined> => {
  const jobId = cache.refreshing_job_id;
  if (cache.state !== "stale" || jobId === undefined) return undefined;
  return awaitJob(session, jobId, { timeout: patienceSeconds }).catch((thrown: unknown) => {
    if (session.signal.aborted) throw thrown;
    return undefined;
  });
};

/** What the device holds; a refresh that takes longer than an answer may is waited for, that of an old list for a while. */
const read = async (
  session: Session,
  path: string,
  options: InventoryOptions,
): Promise<InventoryDocument | JobDocument> => {
  const { type, all, refresh, cached, search } = options;
  const same = { type, active_only: all ? false : undefined, q: search };
  const readAgain = () => session.api.read<InventoryDocument>(path, { ...same, cached_only: true });
  const query = { ...same, refresh: refresh ? true : undefined, cached_only: cached ? true : undefined };
  const { body } = await session.api.ask<InventoryDocument | JobDocument>("GET", path, {
    query,
    ...(refresh ? { headers: { prefer: "wait=60" } } : {}),
  });
  if (!isJob(body)) return (await soon(session, body)) === undefined ? body : readAgain();
  const job = await awaitJob(session, body.id, { wait: true });
  return job.state === "succeeded" ? readAgain() : job;
};

/** What was never listed is not known to be empty. */
const printUnseen = ({ terminal }: Session, { name }: InstanceDocument, type: string | undefined): void => {
  terminal.note("Not looked at yet: what is there is not known.");
  const more = type === undefined ? [] : ["--type", type];
  terminal.note(`Ask the device with: ${call("inventory", name, ...more, "--refresh")}`);
};

const printItems = (session: Session, { items, cache }: InventoryDocument, all: boolean): void => {
  const { terminal } = session;
  const columns: Column<Target>[] = [
    { title: "ID", isWhole: true, value: ({ external_id }) => external_id, style: () => "bold" },
    { title: "NAME", value: ({ name }) => name },
    ...attributeColumns(items),
  ];
  printTable(terminal, items, columns, "Nothing is there.");
  const more = !all && cache.target_count > items.length ? "; --all shows those that are not active, too" : "";
  const age = cache.age_s === null ? "" : `, ${duration(cache.age_s)} old`;
  const refreshing = cache.refreshing_job_id === undefined ? "" : ", being refreshed";
  terminal.note(
    terminal.styleError("dim", `${items.length} of ${cache.target_count} (${cache.state}${age}${refreshing})${more}`),
  );
};

const printFault = ({ terminal, now }: Session, { cache }: InventoryDocument): void => {
  if (!cache.error) return;
  const { detail, at } = cache.error;
  terminal.note(terminal.styleError("yellow", `The last refresh failed ${ago(at, now())}: ${detail}`));
};

const inventory = async (
  session: Session,
  [asked = ""]: readonly string[],
  options: InventoryOptions,
): Promise<ExitCode> => {
  const instance = await findInstance(session.api, asked);
  const path = `${paths.instances}/${instance.instance_id}/inventory`;
  const found = await read(session, path, options).catch(async (thrown: unknown) => {
    if (!(thrown instanceof CliFailure) || thrown.problem.code !== "target_type_unknown") throw thrown;
    throw new CliFailure(
      thrown.exitCode,
      thrown.problem,
      await typeHints(session, instance.type_id, options.type ?? ""),
    );
  });
  if (session.isJson) printJson(session, found);
  if (isJob(found)) {
    if (!session.isJson) await printEnd(session, found);
    return exitOfJob(found);
  }
  if (session.isJson) return 0;
  if (found.cache.state === "empty") printUnseen(session, instance, options.type);
  else printItems(session, found, options.all === true);
  printFault(session, found);
  await printOthers(session, instance, options.type);
  return 0;
};

const refresh = async (
  session: Session,
  [asked = ""]: readonly string[],
  options: FollowOptions & { readonly type?: string },
): Promise<ExitCode> => {
  const { instance_id } = await findInstance(session.api, asked);
  const body = options.type === undefined ? {} : { type: options.type };
  const path = `${paths.instances}/${instance_id}/inventory/refresh`;
  const answer = await session.api.ask<JobDocument>("POST", path, { body, enqueues: true });
  return finish(session, answer.body, options);
};

interface Change {
  readonly at: string;
  readonly type: string;
  readonly added: readonly { external_id: string; name: string }[];
  readonly removed: readonly { external_id: string; name: string }[];
  readonly changed: readonly { external_id: string; name: string; before: Json; after: Json }[];
}

const isTree = (value: Json | undefined): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** What differs, by its path. */
const differences = (before: Json | undefined, after: Json | undefined, path = ""): string[] => {
  if (JSON.stringify(before) === JSON.stringify(after)) return [];
  if (!isTree(before) || !isTree(after)) return [`${path} ${shown(before)} -> ${shown(after)}`];
  return [...new Set([...Object.keys(before), ...Object.keys(after)])].flatMap((name) =>
    differences(before[name], after[name], path === "" || path === "attrs" ? name : `${path}.${name}`),
  );
};

const changeLines = ({ added, removed, changed }: Change): string[] => [
  ...added.map(({ external_id, name }) => `+ ${external_id} ${name}`),
  ...removed.map(({ external_id, name }) => `- ${external_id} ${name}`),
  ...changed.map(
    ({ external_id, name, before, after }) => `~ ${external_id} ${name}: ${differences(before, after).join(", ")}`,
  ),
];

const changes = async (
  session: Session,
  [asked = ""]: readonly string[],
  { type, limit }: { readonly type?: string; readonly limit?: string },
): Promise<undefined> => {
  const { instance_id } = await findInstance(session.api, asked);
  const page = await session.api.read<Page<Change>>(`${paths.instances}/${instance_id}/inventory/changes`, {
    type,
    limit,
  });
  if (session.isJson) return void printJson(session, page);
  const rows = page.items.flatMap((change) => changeLines(change).map((line) => ({ change, line })));
  const columns = [
    { title: "SEEN", value: ({ change }: (typeof rows)[number]) => ago(change.at, session.now()) },
    { title: "TYPE", value: ({ change }: (typeof rows)[number]) => change.type },
    { title: "CHANGE", value: ({ line }: (typeof rows)[number]) => line },
  ];
  printTable(session.terminal, rows, columns, "No change was seen yet.");
};

export const inventoryCommands: Group = (program, act) => {
  program
    .command("inventory <instance>")
    .description("what is on its device, as last seen or, when that is old, as asked now")
    .option("--type <type>", "vm, host, port ... (default: vm, or the first that the type lists)")
    .option("--all", "of this type also what is stopped, down or missing")
    .option("--search <text>", "part of the id or the name")
    .option("--refresh", "ask the device now, and wait")
    .option("--cached", "never touch the device")
    .action(act(inventory));
  enqueuing(program.command("refresh <instance>"))
    .description("ask the device for its inventory")
    .option("--type <type>", "only this target type")
    .action(act(refresh));
  program
    .command("changes <instance>")
    .description("what refreshes found added, removed and changed")
    .option("--type <type>", "only this target type")
    .option("--limit <number>", "at most so many refreshes")
    .action(act(changes));
};
