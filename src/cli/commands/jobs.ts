/** Jobs: list, watch, cancel, and what one sent. */
import { jobStates } from "../../model/job.ts";
import { call } from "../called.ts";
import { findInstance, findJob, findJobId, findType, listInstances, paths, shortId } from "../client/find.ts";
import type { JobDocument, JournalDocument, Page } from "../client/wire.ts";
import { type Group, oneOf, timed } from "../command.ts";
import type { ExitCode } from "../exit-codes.ts";
import { type FollowOptions, finish } from "../follow.ts";
import { printJson, type Session } from "../session.ts";
import { timeOf } from "../values.ts";
import { printOpen, shortSubjectOf, subjectOf } from "../view/job.ts";
import { answerText, requestText } from "../view/journal.ts";
import { type Column, printTable } from "../view/table.ts";
import { ago, duration, styleOf } from "../view/words.ts";

const askers = ["me", "token", "schedule", "rule", "system"];

interface ListOptions {
  readonly kind?: string;
  readonly state?: string;
  readonly by?: string;
  readonly all?: boolean;
  readonly instance?: string;
  readonly type?: string;
  readonly since?: string;
  readonly limit?: string;
  readonly cursor?: string;
}

const placeOf = ({ instance_id, type_id }: JobDocument["subject"], names: ReadonlyMap<string, string>): string =>
  instance_id === undefined ? (type_id ?? "-") : (names.get(instance_id) ?? "(deleted)");

const jobColumns = (names: ReadonlyMap<string, string>, at: number): readonly Column<JobDocument>[] => [
  { title: "JOB", isWhole: true, value: ({ id }) => id, short: ({ id }) => shortId(id), style: () => "bold" },
  { title: "STATE", isWhole: true, value: ({ state }) => state, style: ({ state }) => styleOf(state) },
  { title: "INSTANCE", value: ({ subject }) => placeOf(subject, names) },
  { title: "WHAT", value: subjectOf, short: shortSubjectOf },
  { title: "ASKED", isWhole: true, value: ({ created_at }) => ago(created_at, at) },
  { title: "BY", isExtra: true, value: ({ requested_by }) => requested_by.name },
  { title: "KIND", isExtra: true, value: ({ kind }) => kind },
];

/** What schedules do again and again hides what people asked for, so a person sees it only when asked for. */
const isSparing = ({ terminal, isJson }: Session, { by, all, kind, state }: ListOptions): boolean =>
  terminal.isLive && !isJson && !all && [by, kind, state].every((given) => given === undefined);

/** The catalogue weighs more than all else here, and few ask for it. */
const assertKind = async (kind: string): Promise<void> => {
  const { catalog } = await import("../../jobs/catalog.ts");
  oneOf("--kind", Object.keys(catalog))(kind);
};

const list = async (session: Session, _args: readonly string[], options: ListOptions): Promise<undefined> => {
  const { kind, state, by, instance, type, since, limit, cursor } = options;
  if (kind !== undefined) await assertKind(kind);
  const { api, terminal, now } = session;
  const notBy = isSparing(session, options) ? "schedule" : undefined;
  const query = {
    ...{ kind, state, by, limit, cursor, not_by: notBy },
    instance_id: instance === undefined ? undefined : (await findInstance(api, instance)).instance_id,
    type_id: type === undefined ? undefined : (await findType(api, type)).id,
    since: since === undefined ? undefined : timeOf(since, now()),
  };
  const page = await api.read<Page<JobDocument>>(paths.jobs, query);
  if (session.isJson) return void printJson(session, page);
  const instances = await listInstances(api);
  const names = new Map(instances.map(({ instance_id, name }) => [instance_id, name]));
  printTable(terminal, page.items, jobColumns(names, now()), "There is no such job.");
  const left = "What schedules asked for is left out: --all shows it too, --by schedule alone.";
  if (notBy !== undefined) terminal.note(terminal.styleError("dim", left));
  if (page.next_cursor !== null) terminal.note(`More: --cursor ${page.next_cursor}`);
};

const watch = async (session: Session, [id = ""]: readonly string[], options: FollowOptions): Promise<ExitCode> =>
  finish(session, await findJob(session.api, id), { ...options, watch: true });

const cancel = async (session: Session, [asked = ""]: readonly string[]): Promise<undefined> => {
  const path = `${paths.jobs}/${await findJobId(session.api, asked)}/cancel`;
  const { body: job } = await session.api.ask<JobDocument>("POST", path);
  if (session.isJson) return void printJson(session, job);
  if (job.state === "cancelled") session.terminal.print(`${job.id} is cancelled`);
  else printOpen(session.terminal, job, "is asked to stop");
};

const took = ({ sent_at, answered_at }: JournalDocument): string =>
  answered_at === null ? "never" : duration((Date.parse(answered_at) - Date.parse(sent_at)) / 1000);

const journalColumns: readonly Column<JournalDocument>[] = [
  { title: "STEP", isWhole: true, value: ({ index }) => String(index + 1), style: () => "bold" },
  {
    title: "SENT",
    isWhole: true,
    value: ({ sent_at }) => sent_at.slice(0, 19).replace("T", " "),
    short: ({ sent_at }) => sent_at.slice(11, 19),
  },
  { title: "WHAT", value: requestText },
  {
    title: "ANSWERED",
    isWhole: true,
    value: took,
    style: ({ answered_at }) => (answered_at === null ? "red" : undefined),
  },
  { title: "ANSWER", value: answerText },
];

const journal = async (session: Session, [asked = ""]: readonly string[]): Promise<undefined> => {
  const id = await findJobId(session.api, asked);
  const page = await session.api.read<Page<JournalDocument>>(`${paths.jobs}/${id}/journal`);
  if (session.isJson) return void printJson(session, page);
  printTable(session.terminal, page.items, journalColumns, "This job sent nothing that changes a device.");
};

export const jobCommands: Group = (program, act) => {
  program
    .command("jobs")
    .description("list jobs, the newest first; on a terminal without those of schedules")
    .option("--kind <kind>", "what it does: action.run, instance.test_connection, pack.install ...")
    .option("--state <state>", jobStates.join(", "), oneOf("--state", jobStates))
    .option("--by <who>", `who asked for it: ${askers.join(", ")}`, oneOf("--by", askers))
    .option("--all", "also what schedules asked for")
    .option("--instance <instance>", "name or id")
    .option("--type <type>", "id of an integration type")
    .option("--since <time>", "created since then: 30min, 2h, 1d ago, or a time (ISO 8601)")
    .option("--limit <number>", "at most so many (default: 50)")
    .option("--cursor <cursor>", "go on where a list ended")
    .addHelpText(
      "after",
      `\nAn id may be shortened to a beginning that no other has: ${call("watch", "job_01jd0c9m2k7v3q")}`,
    )
    .action(act(list));
  timed(program.command("watch <job>"))
    .description("show every line of a job from the first one to its end")
    .action(act(watch));
  program.command("cancel <job>").description("ask a job to stop").action(act(cancel));
  program
    .command("journal <job>")
    .description("what a job sent to its device, and what was answered")
    .action(act(journal));
};
