/** What is done because of an earlier job: take it back, or do it again. */
import { SwitchyardError } from "../../errors.ts";
import { isReadVerb } from "../../model/manifest.ts";
import { undoOf } from "../../model/undo.ts";
import { type Asked, actionOf, agreeOnAction, agreeOnPlan } from "../action.ts";
import { agree } from "../agree.ts";
import { call } from "../called.ts";
import { findJob, paths } from "../client/find.ts";
import type { JobDocument, JournalDocument, Page } from "../client/wire.ts";
import { enqueuing, type Group } from "../command.ts";
import { type ExitCode, exitCodes } from "../exit-codes.ts";
import { CliFailure } from "../failure.ts";
import { type FollowOptions, finish, watched } from "../follow.ts";
import type { Session } from "../session.ts";
import { subjectOf } from "../view/job.ts";
import { oneLine } from "../view/terminal.ts";

interface AgainOptions extends FollowOptions {
  readonly yes?: boolean;
}

/** The inverse action, to be shown before it is done. Nothing when the API has to say why there is none. */
const inverseOf = async (session: Session, job: JobDocument): Promise<Asked | undefined> => {
  const asked = await actionOf(session, job);
  try {
    return asked && { ...asked, action: undoOf(job, asked.capability) };
  } catch (thrown) {
    if (thrown instanceof SwitchyardError) return undefined;
    throw thrown;
  }
};

const post = async (session: Session, { id }: JobDocument, what: "undo" | "retry", body?: object) =>
  (await session.api.ask<JobDocument>("POST", `${paths.jobs}/${id}/${what}`, { enqueues: true, ...(body && { body }) }))
    .body;

/** What cannot be undone by itself is brought back by hand, from what is known. */
const withWayOut = (thrown: unknown, { id }: JobDocument): unknown => {
  if (!(thrown instanceof CliFailure) || thrown.problem.code !== "not_invertible") return thrown;
  const known = `What the job did and sent: ${call("show", id)} and ${call("journal", id)}`;
  return new CliFailure(thrown.exitCode, thrown.problem, [...thrown.hints, known]);
};

/** False when a person was shown that there is nothing to do. */
const agreeOn = async (session: Session, asked: Asked, asks: string): Promise<boolean> => {
  if (asked.capability?.dry_run !== "not_supported") return (await agreeOnPlan(session, asked)) !== undefined;
  await agreeOnAction(session, asked, { asks });
  return true;
};

const nothing = (session: Session): ExitCode => {
  session.terminal.note("There is nothing to do: it is so already.");
  return exitCodes.succeeded;
};

const undo = async (session: Session, [asked = ""]: readonly string[], options: AgainOptions): Promise<ExitCode> => {
  const job = await findJob(session.api, asked);
  const asks = !options.yes && session.terminal.canAsk;
  if (asks) {
    const inverse = await inverseOf(session, job);
    if (inverse && !(await agreeOn(session, inverse, `Undo it by ${inverse.action.verb}?`))) return nothing(session);
  }
  const isAgreed = options.yes === true || asks;
  const made = await post(session, job, "undo", isAgreed ? { confirm: true } : {}).catch((thrown: unknown) => {
    throw withWayOut(thrown, job);
  });
  return finish(session, made, asks ? watched(session, options) : options);
};

const isWrite = ({ kind, input }: JobDocument): boolean => kind === "action.run" && !isReadVerb(String(input["verb"]));

/** What was sealed stays with the server: such an action cannot be planned from here. */
const holdsSecrets = ({ input }: JobDocument): boolean => JSON.stringify(input).includes("[secret:");

/** Says what a retry would do. */
const announce = async (session: Session, job: JobDocument): Promise<number> => {
  const { items } = await session.api.read<Page<JournalDocument>>(`${paths.jobs}/${job.id}/journal`);
  const sent =
    items.length === 0 ? "nothing was sent" : `${items.length} write${items.length === 1 ? "" : "s"} had been sent`;
  session.terminal.note(
    `Does ${subjectOf(job)} again, as a new job with a plan of its own. The first one ended as ${job.state}; ${sent}.`,
  );
  return items.length;
};

/** What wrote once may write twice: a person looks at it first. */
const agreeOnRetry = async (session: Session, job: JobDocument): Promise<boolean> => {
  const sent = await announce(session, job);
  if (!session.terminal.canAsk) {
    const asks = `Do ${oneLine(subjectOf(job))} again, although the device was written to?`;
    if (sent > 0) await agree(session, { asks, otherwise: "" });
    return true;
  }
  const asks = "Do it again?";
  const asked = await actionOf(session, job);
  if (asked && !holdsSecrets(job)) return agreeOn(session, asked, asks);
  await (asked ? agreeOnAction(session, asked, { asks }) : agree(session, { asks, otherwise: "Nothing was sent." }));
  return true;
};

const retry = async (session: Session, [asked = ""]: readonly string[], options: AgainOptions): Promise<ExitCode> => {
  const job = await findJob(session.api, asked);
  const isOver = job.finished_at !== null && job.state !== "succeeded";
  const asks = isOver && isWrite(job) && !options.yes;
  if (asks && !(await agreeOnRetry(session, job))) return nothing(session);
  const made = await post(session, job, "retry");
  return finish(session, made, asks && session.terminal.canAsk ? watched(session, options) : options);
};

export const againCommands: Group = (program, act) => {
  enqueuing(program.command("undo <job>"))
    .description("take back what a succeeded action did")
    .option("--yes", "do not ask, also for what is destructive")
    .action(act(undo));
  enqueuing(program.command("retry <job>"))
    .description("the same again, as a new job; what writes is shown first")
    .option("--yes", "do not ask")
    .action(act(retry));
};
