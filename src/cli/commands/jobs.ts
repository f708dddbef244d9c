/** Jobs: list, watch, cancel, retry. */
import { jobStates } from "../../model/job.ts";
import { findInstance, listInstances, paths } from "../client/find.ts";
import type { JobDocument, Page } from "../client/wire.ts";
import { enqueuing, type Group, timed } from "../command.ts";
import type { ExitCode } from "../exit-codes.ts";
import { usage } from "../failure.ts";
import { type FollowOptions, finish, readJob } from "../follow.ts";
import { didYouMean } from "../nearest.ts";
import { printJson, type Session } from "../session.ts";
import { printOpen, subjectOf } from "../view/job.ts";
import { printTable } from "../view/table.ts";
import { ago, styleOf } from "../view/words.ts";

interface ListOptions {
  readonly kind?: string;
  readonly state?: string;
  readonly instance?: string;
  readonly type?: string;
  readonly since?: string;
  readonly limit?: string;
  readonly cursor?: string;
}

const assertState = (state: string | undefined): void => {
  if (state === undefined || jobStates.some((known) => known === state)) return;
  throw usage(`--state: expected one of ${jobStates.join(", ")}.`, didYouMean(state, jobStates));
};

const printJobs = async ({ api, terminal, now }: Session, { items, next_cursor }: Page<JobDocument>): Promise<void> => {
  const instances = await listInstances(api);
  const names = new Map(instances.map(({ instance_id, name }) => [instance_id, name]));
  const at = now();
  const columns = [
    { title: "JOB", isWhole: true, value: ({ id }: JobDocument) => id, style: () => "bold" as const },
    { title: "STATE", value: ({ state }: JobDocument) => state, style: ({ state }: JobDocument) => styleOf(state) },
    { title: "KIND", value: ({ kind }: JobDocument) => kind },
    { title: "INSTANCE", value: ({ subject }: JobDocument) => names.get(subject.instance_id ?? "") ?? "-" },
    { title: "WHAT", value: subjectOf },
    { title: "ASKED", value: (job: JobDocument) => `${ago(job.created_at, at)} by ${job.requested_by.name}` },
  ];
  printTable(terminal, items, columns, "There is no such job.");
  if (next_cursor !== null) terminal.note(`More: --cursor ${next_cursor}`);
};

const list = async (session: Session, _args: readonly string[], options: ListOptions): Promise<undefined> => {
  const { kind, state, instance, type, since, limit, cursor } = options;
  assertState(state);
  const instanceId = instance === undefined ? undefined : (await findInstance(session.api, instance)).instance_id;
  const query = { kind, state, instance_id: instanceId, type_id: type, since, limit, cursor };
  const page = await session.api.read<Page<JobDocument>>(paths.jobs, query);
  if (session.isJson) return void printJson(session, page);
  await printJobs(session, page);
};

const watch = async (session: Session, [id = ""]: readonly string[], options: FollowOptions): Promise<ExitCode> =>
  finish(session, await readJob(session, id), { ...options, watch: true });

const ask = async ({ api }: Session, id: string, what: "cancel" | "retry"): Promise<JobDocument> => {
  const path = `${paths.jobs}/${encodeURIComponent(id)}/${what}`;
  return (await api.ask<JobDocument>("POST", path, { enqueues: what === "retry" })).body;
};

const cancel = async (session: Session, [id = ""]: readonly string[]): Promise<undefined> => {
  const job = await ask(session, id, "cancel");
  if (session.isJson) return void printJson(session, job);
  if (job.state === "cancelled") session.terminal.print(`${job.id} is cancelled`);
  else printOpen(session.terminal, job, "is asked to stop");
};

const retry = async (session: Session, [id = ""]: readonly string[], options: FollowOptions): Promise<ExitCode> =>
  finish(session, await ask(session, id, "retry"), options);

export const jobCommands: Group = (program, act) => {
  program
    .command("jobs")
    .description("list jobs, the newest first")
    .option("--kind <kind>", "such as action.run")
    .option("--state <state>", jobStates.join(", "))
    .option("--instance <instance>", "name or id")
    .option("--type <type>", "id of an integration type")
    .option("--since <time>", "created at this time (ISO 8601) or later")
    .option("--limit <number>", "at most so many (default: 50)")
    .option("--cursor <cursor>", "go on where a list ended")
    .action(act(list));
  timed(program.command("watch <job>"))
    .description("show every line of a job from the first one to its end")
    .action(act(watch));
  program.command("cancel <job>").description("ask a job to stop").action(act(cancel));
  enqueuing(program.command("retry <job>")).description("the same again, as a new job").action(act(retry));
};
