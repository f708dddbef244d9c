/** Integration types: what is installed, and installing, removing, going back. */
import { findType, listTypes, paths } from "../client/find.ts";
import type { JobDocument, TypeDocument } from "../client/wire.ts";
import { type Act, enqueuing, type Group } from "../command.ts";
import { type ExitCode, exitCodes } from "../exit-codes.ts";
import { awaitJob, type FollowOptions, finish } from "../follow.ts";
import { type PackArchive, readPack } from "../pack-archive.ts";
import { printJson, type Session } from "../session.ts";
import { yamlOf } from "../view/job.ts";
import { printTable } from "../view/table.ts";
import { oneLine } from "../view/terminal.ts";
import { styleOf } from "../view/words.ts";

const isolated = (path: string): string => encodeURIComponent(path);

const printOne = (session: Session, type: TypeDocument): void => {
  const { id, name, version, status, category, description, errors, permissions, capabilities } = type;
  const shown = { id, name, version, status, category, description, errors, permissions, capabilities };
  const facts = { ...shown, connection: type.schema_connection };
  session.terminal.print(yamlOf(JSON.parse(JSON.stringify(facts))));
};

const list = async (session: Session, [asked]: readonly string[]): Promise<undefined> => {
  if (asked !== undefined) {
    const type = await findType(session.api, asked);
    return session.isJson ? void printJson(session, type) : void printOne(session, type);
  }
  const types = await listTypes(session.api);
  if (session.isJson) return void printJson(session, types);
  const columns = [
    { title: "TYPE", isWhole: true, value: ({ id }: TypeDocument) => id, style: () => "bold" as const },
    { title: "VERSION", value: ({ version }: TypeDocument) => version },
    {
      title: "STATUS",
      value: ({ status }: TypeDocument) => status,
      style: ({ status }: TypeDocument) => styleOf(status),
    },
    { title: "CAPABILITIES", value: (type: TypeDocument) => type.capabilities.map(({ id }) => id).join(" ") },
    { title: "NAME", value: ({ name }: TypeDocument) => name },
  ];
  printTable(
    session.terminal,
    types,
    columns,
    "No type is installed. Install one: switchyard install <file.int|folder>",
  );
};

interface InstallOptions extends FollowOptions {
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
  return (await api.ask<JobDocument>("POST", `${paths.types}/upload`, { form, query, enqueues: true })).body;
};

/** The list of what the pack asks for, and a person's word on it. */
const isGranted = async (session: Session, permissions: readonly string[], isYes: boolean): Promise<boolean> => {
  const { terminal } = session;
  terminal.note("The pack asks for permissions:");
  for (const permission of permissions) terminal.note(`  ${terminal.styleError("yellow", oneLine(permission))}`);
  if (isYes) return true;
  return terminal.canAsk && (await terminal.confirm("Grant them? [y/N] "));
};

const install = async (
  session: Session,
  [path = ""]: readonly string[],
  options: InstallOptions,
): Promise<ExitCode> => {
  const pack = await readPack(path);
  const replace = options.replace ? true : undefined;
  const job = await upload(session, pack, { replace });
  if (!options.consent) return finish(session, job, options);
  const first = await awaitJob(session, job.id, { ...options, watch: false, isQuiet: true });
  const { permissions, digest } = (first.error?.details ?? {}) as { permissions?: string[]; digest?: string };
  if (first.error?.code !== "consent_required" || digest === undefined) return finish(session, first, options);
  if (!(await isGranted(session, permissions ?? [], options.yes === true))) {
    await finish(session, first, { wait: true });
    return exitCodes.notAllowed;
  }
  return finish(session, await upload(session, pack, { replace, consent: digest }), options);
};

const enqueue = async (session: Session, method: "POST" | "DELETE", path: string, body?: unknown) =>
  (await session.api.ask<JobDocument>(method, path, { enqueues: method === "POST", ...(body ? { body } : {}) })).body;

const remove = async (session: Session, [asked = ""]: readonly string[], options: FollowOptions): Promise<ExitCode> => {
  const type = await findType(session.api, asked);
  return finish(session, await enqueue(session, "DELETE", `${paths.types}/${isolated(type.id)}`), options);
};

const rollback = async (
  session: Session,
  [asked = ""]: readonly string[],
  options: FollowOptions & { readonly digest?: string },
): Promise<ExitCode> => {
  const type = await findType(session.api, asked);
  const body = options.digest === undefined ? undefined : { digest: options.digest };
  return finish(session, await enqueue(session, "POST", `${paths.types}/${isolated(type.id)}/rollback`, body), options);
};

const rescan = async (session: Session, _args: readonly string[], options: FollowOptions): Promise<ExitCode> => {
  const { headers } = await session.api.ask("GET", paths.types, { query: { rescan: true } });
  const id = headers.get("switchyard-job") ?? "";
  return finish(session, await session.api.read<JobDocument>(`${paths.jobs}/${id}`), options);
};

export const typeCommands: Group = (program, act: Act) => {
  program.command("types [type]").description("list the integration types, or show one whole").action(act(list));
  enqueuing(program.command("install <path>"))
    .description("install a pack: a file.int, or a folder that is zipped on the way")
    .option("--consent", "show the permissions that the pack asks for, and ask")
    .option("--yes", "with --consent: grant what is shown without asking")
    .option("--replace", "replace another content of the same version, or a higher version")
    .action(act(install));
  enqueuing(program.command("remove <type>"))
    .description("remove a type; its instances stay, unusable until it is installed again")
    .action(act(remove));
  enqueuing(program.command("rollback <type>"))
    .description("go back to an earlier release")
    .option("--digest <digest>", "to this one (default: the one before)")
    .action(act(rollback));
  enqueuing(program.command("rescan")).description("look at the packs on disk again").action(act(rescan));
};
