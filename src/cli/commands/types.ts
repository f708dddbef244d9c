/** Integration types: what is installed, and installing, removing, going back. */
import { resolve } from "node:path";
import { agree } from "../agree.ts";
import type { PackArchive } from "../authoring/pack-archive.ts";
import { call, form } from "../called.ts";
import { findType, findWholeType, listInstances, listTypes, paths } from "../client/find.ts";
import type { JobDocument, Page, TypeDocument } from "../client/wire.ts";
import { type Act, enqueuing, type Group } from "../command.ts";
import { type ExitCode, exitCodes } from "../exit-codes.ts";
import { notFound, usage } from "../failure.ts";
import { awaitJob, type FollowOptions, finish } from "../follow.ts";
import { printJson, type Session } from "../session.ts";
import { yamlOf } from "../view/job.ts";
import { type Column, printTable } from "../view/table.ts";
import { oneLine } from "../view/terminal.ts";
import { ago, styleOf } from "../view/words.ts";

const isolated = (path: string): string => encodeURIComponent(path);

export const printType = (session: Session, type: TypeDocument): void => {
  const { id, name, version, status, category, description, errors, permissions, capabilities } = type;
  const shown = { id, name, version, status, category, description, errors, permissions, capabilities };
  const facts = { ...shown, quality: type.quality, connection: type.schema_connection };
  session.terminal.print(yamlOf(JSON.parse(JSON.stringify(facts)), session.terminal.width));
};

const statusOf = ({ status, removed }: TypeDocument): string => (removed ? "removed" : status);

const typeColumns: readonly Column<TypeDocument>[] = [
  { title: "TYPE", isWhole: true, value: ({ id }) => id, style: () => "bold" },
  { title: "VERSION", isWhole: true, value: ({ version }) => version },
  { title: "STATUS", isWhole: true, value: statusOf, style: ({ status }) => styleOf(status) },
  { title: "QUALITY", isWhole: true, value: ({ quality }) => quality.tier ?? "" },
  { title: "CAPABILITIES", value: (type) => type.capabilities.map(({ id }) => id).join(" ") },
  { title: "NAME", isExtra: true, value: ({ name }) => name },
];

interface ListOptions {
  readonly all?: boolean;
}

const list = async (session: Session, [asked]: readonly string[], { all }: ListOptions): Promise<undefined> => {
  const { terminal, api, isJson } = session;
  if (asked !== undefined) {
    const type = await findType(api, asked);
    return isJson ? void printJson(session, type) : void printType(session, type);
  }
  const types = await listTypes(api);
  if (isJson) return void printJson(session, types);
  const shown = all ? types : types.filter(({ removed }) => !removed);
  printTable(terminal, shown, typeColumns, `No type is installed. Install one: ${form("install <file.int|folder>")}`);
  const left = types.length - shown.length;
  const note = left === 1 ? "One type that was removed is left out" : `${left} types that were removed are left out`;
  if (left > 0) terminal.note(terminal.styleError("dim", `${note}; --all shows them.`));
  for (const { id, status } of shown.filter(({ status }) => status === "invalid")) {
    terminal.note(`${id} is ${status}: ${call("types", id)} says why, ${call("remove", id)} takes it off the list.`);
  }
};

interface Release {
  readonly digest: string;
  readonly version: string;
  readonly status: string;
  readonly installed_at: string;
  readonly is_active: boolean;
}

const releaseColumns = (now: number): readonly Column<Release>[] => [
  { title: "VERSION", isWhole: true, value: ({ version }) => version, style: () => "bold" },
  {
    title: "STATUS",
    isWhole: true,
    value: ({ is_active, status }) => (is_active ? `${status}, active` : status),
    style: ({ status }) => styleOf(status),
  },
  { title: "INSTALLED", isWhole: true, value: ({ installed_at }) => ago(installed_at, now) },
  { title: "DIGEST", isWhole: true, value: ({ digest }) => digest, short: ({ digest }) => digest.slice(0, 16) },
];

const readReleases = async ({ api }: Session, type: TypeDocument): Promise<Page<Release>> =>
  api.read(`${paths.types}/${isolated(type.id)}/releases`);

const releases = async (session: Session, [asked = ""]: readonly string[]): Promise<undefined> => {
  const page = await readReleases(session, await findType(session.api, asked));
  if (session.isJson) return void printJson(session, page);
  printTable(session.terminal, page.items, releaseColumns(session.now()), "Nothing of it was ever installed.");
};

interface InstallOptions extends FollowOptions {
  readonly onChange?: boolean;
  readonly catalog?: string;
  readonly consent?: boolean;
  readonly replace?: boolean;
  readonly yes?: boolean;
}

const upload = async (
  { api }: Session,
  { name, bytes }: PackArchive,
  query: { replace?: boolean | undefined; consent?: string },
): Promise<JobDocument> => {
  const form = new FormData();
  form.set("file", new Blob([new Uint8Array(bytes)]), name);
  return (await api.ask<JobDocument>("POST", `${paths.types}/upload`, { payload: form, query, enqueues: true })).body;
};

/** What a `--yes` stands for: any list at first, and that one from then on. */
interface Yes {
  granted?: readonly string[];
}

const isWithin = (yes: Yes, permissions: readonly string[]): boolean =>
  permissions.every((permission) => yes.granted?.includes(permission) ?? true);

/** The list of what the pack asks for, and a person's word on it. */
const isGranted = async (session: Session, permissions: readonly string[], yes: Yes | undefined): Promise<boolean> => {
  const { terminal } = session;
  terminal.note("The pack asks for permissions:");
  for (const permission of permissions) terminal.note(`  ${terminal.styleError("yellow", oneLine(permission))}`);
  if (yes !== undefined && isWithin(yes, permissions)) {
    yes.granted ??= permissions;
    return true;
  }
  return terminal.canAsk && (await terminal.confirm("Grant them? [y/N] "));
};

const installOnce = async (
  session: Session,
  pack: PackArchive,
  { yes, ...options }: Omit<InstallOptions, "yes"> & { readonly yes: Yes | undefined },
): Promise<ExitCode> => {
  const replace = options.replace ? true : undefined;
  const job = await upload(session, pack, { replace });
  if (!options.consent) return finish(session, job, options);
  const first = await awaitJob(session, job.id, { ...options, watch: false, isQuiet: true });
  const { permissions, digest } = (first.error?.details ?? {}) as { permissions?: string[]; digest?: string };
  if (first.error?.code !== "consent_required" || digest === undefined) return finish(session, first, options);
  if (!(await isGranted(session, permissions ?? [], yes))) {
    await finish(session, first, { wait: true });
    return exitCodes.notAllowed;
  }
  return finish(session, await upload(session, pack, { replace, consent: digest }), options);
};

const install = async (
  session: Session,
  [path = ""]: readonly string[],
  options: InstallOptions,
): Promise<ExitCode> => {
  if (path === "") throw usage("Expected a file, a folder or a name of the catalogue, got nothing.");
  const yes: Yes | undefined = options.yes ? {} : undefined;
  if (!options.onChange) {
    const { findPack } = await import("../authoring/pack-archive.ts");
    return installOnce(session, await findPack(session, path, options.catalog), { ...options, yes });
  }
  if (!options.replace) {
    throw usage("--on-change installs other contents under the same version, which --replace allows: add it.");
  }
  const { installOnChange } = await import("../authoring/on-change.ts");
  return installOnChange(session, {
    folder: resolve(session.cwd, path),
    install: (pack) => installOnce(session, pack, { ...options, yes, watch: true }),
  });
};

const enqueue = async (session: Session, method: "POST" | "DELETE", path: string, body?: unknown) =>
  (await session.api.ask<JobDocument>(method, path, { enqueues: method === "POST", ...(body ? { body } : {}) })).body;

interface AskedOptions extends FollowOptions {
  readonly yes?: boolean;
}

/** What goes with a type, in words. */
const usedBy = async ({ api }: Session, { id }: TypeDocument): Promise<string> => {
  const names = (await listInstances(api)).filter(({ type_id }) => type_id === id).map(({ name }) => name);
  if (names.length === 0) return "No instance uses it.";
  const listed = names.length > 5 ? `${names.slice(0, 5).join(", ")} and ${names.length - 5} more` : names.join(", ");
  return `Unusable until it is installed again: ${listed}.`;
};

const remove = async (session: Session, [asked = ""]: readonly string[], options: AskedOptions): Promise<ExitCode> => {
  const type = await findWholeType(session.api, asked);
  const asks = `Remove ${type.id} ${type.version}? ${await usedBy(session, type)}`;
  await agree(session, { asks, otherwise: "Nothing was removed.", yes: options.yes });
  session.terminal.note(`Removes ${type.id} ${type.version}.`);
  return finish(session, await enqueue(session, "DELETE", `${paths.types}/${isolated(type.id)}`), options);
};

/** The release that a rollback leads to: the last valid one before, or by its digest or a beginning that no other has. */
const releaseBefore = async (
  session: Session,
  type: TypeDocument,
  asked: string | undefined,
): Promise<Release | undefined> => {
  const { items } = await readReleases(session, type);
  if (asked === undefined) return items.find(({ is_active, status }) => !is_active && status !== "invalid");
  const found = items.filter(({ digest }) => digest.startsWith(asked));
  if (found.length === 1) return found[0];
  throw notFound(`${found.length === 0 ? "No release" : "More than one release"} of ${type.id} begins with ${asked}.`, [
    `List them with: ${call("releases", type.id)}`,
  ]);
};

/** Looks at an installed type again, on the server. */
export const validateType = async (
  session: Session,
  [asked = ""]: readonly string[],
  options: FollowOptions,
): Promise<ExitCode> => {
  const type = await findType(session.api, asked);
  const job = await enqueue(session, "POST", `${paths.types}/${isolated(type.id)}/validate`);
  return finish(session, job, { wait: true, ...options });
};

const rollback = async (
  session: Session,
  [asked = ""]: readonly string[],
  options: AskedOptions & { readonly digest?: string },
): Promise<ExitCode> => {
  const type = await findWholeType(session.api, asked);
  const release = await releaseBefore(session, type, options.digest);
  const to = release ? `${release.version} (${release.digest.slice(0, 16)})` : "the release before";
  const asks = `Take ${type.id} ${type.version} back to ${to}? Its instances run on that at once.`;
  await agree(session, { asks, otherwise: `${type.version} stays.`, yes: options.yes });
  session.terminal.note(`Takes ${type.id} ${type.version} back to ${to}.`);
  const body = release && { digest: release.digest };
  return finish(session, await enqueue(session, "POST", `${paths.types}/${isolated(type.id)}/rollback`, body), options);
};

const rescan = async (session: Session, _args: readonly string[], options: FollowOptions): Promise<ExitCode> => {
  const { headers } = await session.api.ask("GET", paths.types, { query: { rescan: true } });
  const id = headers.get("switchyard-job") ?? "";
  return finish(session, await session.api.read<JobDocument>(`${paths.jobs}/${id}`), options);
};

export const typeCommands: Group = (program, act: Act) => {
  program
    .command("types [type]")
    .description("list the integration types, or show one whole")
    .option("--all", "also those that were removed")
    .action(act(list));
  program.command("releases <type>").description("what was installed of a type when").action(act(releases));
  enqueuing(program.command("install <pack>"))
    .description(
      "install a pack: a file.int, a folder that is zipped on the way, or a name of the catalogue, such as acme.lamp@1.2.0",
    )
    .option("--catalog <place>", "the file or URL of the catalogue (default: SWITCHYARD_CATALOG)")
    .option("--consent", "show the permissions that the pack asks for, and ask")
    .option("--yes", "with --consent: grant what is shown without asking")
    .option("--replace", "replace another content of the same version, or a higher version")
    .option("--on-change", "with --replace: install a folder again whenever it changes, until Ctrl-C")
    .action(act(install));
  enqueuing(program.command("remove <type>"))
    .description("remove a type; its instances stay, unusable until it is installed again")
    .option("--yes", "do not ask")
    .action(act(remove));
  enqueuing(program.command("rollback <type>"))
    .description("go back to an earlier release")
    .option("--digest <digest>", "to this one (default: the one before)")
    .option("--yes", "do not ask")
    .action(act(rollback));
  enqueuing(program.command("rescan")).description("look at the packs on disk again").action(act(rescan));
};
