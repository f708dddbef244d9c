/** Actions: plan one, run it as planned. */
import type { JsonObject } from "../../model/json.ts";
import { isReadVerb } from "../../model/manifest.ts";
import { type Asked, agreeOnAction, agreeOnPlan, readAction, submit, warningOf } from "../action.ts";
import { call, program as name } from "../called.ts";
import { paths } from "../client/find.ts";
import type { PlanDocument } from "../client/wire.ts";
import { collected, enqueuing, type Group } from "../command.ts";
import { type ExitCode, exitCodes, exitOfJob } from "../exit-codes.ts";
import { awaitJob, type FollowOptions, finish, printEnd, watched } from "../follow.ts";
import { printJson, type Session } from "../session.ts";
import { isNoop, printPlan } from "../view/plan.ts";

interface ActionOptions extends FollowOptions {
  readonly param: readonly string[];
  readonly plan?: string;
  readonly yes?: boolean;
}

const applyLine = (args: readonly string[], options: ActionOptions, plan: PlanDocument): string => {
  const params = options.param.flatMap((param) => ["--param", param]);
  return call("run", ...args, ...params, "--plan", plan.plan_id, "--watch");
};

const nothingToDo = "There is nothing to do: it is as asked already.";

/** A plan is asked for to be seen, so it is waited for. */
const plan = async (session: Session, args: readonly string[], options: ActionOptions): Promise<ExitCode> => {
  const asked = await readAction(session, args, options.param);
  const job = await submit(session, asked, { dry_run: true });
  const settled = await awaitJob(session, job.id, { ...options, wait: true });
  const { terminal, isJson } = session;
  if (isJson) {
    if (!options.watch) printJson(session, settled);
  } else await printEnd(session, settled);
  const made = settled.result as unknown as PlanDocument | null;
  if (isJson || settled.state !== "succeeded" || made === null) return exitOfJob(settled);
  if (!made.ok || made.severity === "error")
    terminal.note(terminal.styleError("red", `It cannot be applied${made.reason ? `: ${made.reason}` : "."}`));
  else if (isNoop(made)) terminal.note(nothingToDo);
  else terminal.note(`Apply exactly this, within 24 h, with:\n  ${applyLine(args, options, made)}`);
  return exitCodes.succeeded;
};

/** How an action is to be done; nothing at all when a person was shown that there is nothing to do. */
interface How {
  readonly body: JsonObject;
  /** A person said yes just now, and wants to see what comes of it. */
  readonly isAgreed: boolean;
}

const agreed = (body: JsonObject): How => ({ body, isAgreed: true });

const agreeOnGiven = async (session: Session, asked: Asked, planId: string): Promise<void> => {
  const plan = await session.api.read<PlanDocument>(`${paths.plans}/${encodeURIComponent(planId)}`);
  printPlan(session.terminal, plan);
  await agreeOnAction(session, asked, { asks: "Apply this plan?", plan });
};

/** How the action is to be done, after the person who types was shown what it does. */
const howToRun = async (session: Session, asked: Asked, options: ActionOptions): Promise<How | undefined> => {
  const body: JsonObject = {
    ...(options.plan ? { plan_id: options.plan } : {}),
    ...(options.yes ? { confirm: true } : {}),
  };
  const given = { body, isAgreed: false };
  const { verb } = asked.action;
  const isDestructive = asked.capability?.destructive?.includes(verb) ?? false;
  const isKnown = asked.capability?.verbs.includes(verb) ?? false;
  if (options.yes || !session.terminal.canAsk || !isKnown || isReadVerb(verb)) return given;
  if (options.plan) {
    if (!isDestructive) return given;
    await agreeOnGiven(session, asked, options.plan);
    return agreed(body);
  }
  if (asked.capability?.dry_run !== "not_supported") {
    const made = await agreeOnPlan(session, asked);
    return made && agreed({ plan_id: made.plan_id });
  }
  if (warningOf(asked) === undefined) return given;
  await agreeOnAction(session, asked, { asks: `${verb} cannot be planned. Run it?` });
  return agreed({ confirm: true });
};

const run = async (session: Session, args: readonly string[], options: ActionOptions): Promise<ExitCode> => {
  const asked = await readAction(session, args, options.param);
  const how = await howToRun(session, asked, options);
  if (how === undefined) {
    session.terminal.note(nothingToDo);
    return exitCodes.succeeded;
  }
  const job = await submit(session, asked, how.body);
  return finish(session, job, how.isAgreed ? watched(session, options) : options);
};

const actionArguments = "<instance> <capability> <verb> <target>";
const example = (command: string): string =>
  `\nExample:\n  $ ${name} ${command} lab-proxmox vm.lifecycle shutdown vm/100`;

export const actionCommands: Group = (program, act) => {
  enqueuing(program.command(`plan ${actionArguments}`))
    .description("show what an action would do, with the exact calls; cannot change anything")
    .option("--param <name=value>", "a parameter of the action; may be repeated", collected, [])
    .addHelpText(
      "after",
      `${example("plan")}\n\nExits with 0 also when a precondition does not hold: the answer says ok: false.`,
    )
    .action(act(plan));
  enqueuing(program.command(`run ${actionArguments}`))
    .description("do it; on a terminal the plan is shown first")
    .option("--param <name=value>", "a parameter of the action; may be repeated", collected, [])
    .option("--plan <id>", "apply exactly this plan")
    .option("--yes", "do not ask, also for what is destructive")
    .addHelpText("after", `${example("run")} --yes --watch`)
    .action(act(run));
};
