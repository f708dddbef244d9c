/** Actions: plan one, run it as planned, take it back. */
import { SwitchyardError } from "../../errors.ts";
import type { JsonObject } from "../../model/json.ts";
import { type Capability, isReadVerb } from "../../model/manifest.ts";
import { undoOf } from "../../model/undo.ts";
import { findInstance, findType, paths } from "../client/find.ts";
import type { InstanceDocument, JobDocument, PlanDocument, TypeDocument } from "../client/wire.ts";
import { collected, enqueuing, type Group } from "../command.ts";
import { type ExitCode, exitCodes, exitOfState } from "../exit-codes.ts";
import { CliFailure, declined, usage } from "../failure.ts";
import { awaitJob, type FollowOptions, finish, readJob } from "../follow.ts";
import { didYouMean } from "../nearest.ts";
import { printJson, type Session } from "../session.ts";
import { valuesOf } from "../values.ts";
import { printOutcome } from "../view/job.ts";
import { printPlan } from "../view/plan.ts";

interface ActionOptions extends FollowOptions {
  readonly param: readonly string[];
  readonly plan?: string;
  readonly yes?: boolean;
}

/** The body of an action, without how it is to be done. */
interface Action {
  readonly capability: string;
  readonly verb: string;
  readonly target: { readonly type: string; readonly id: string };
  readonly params: JsonObject;
}

interface Asked {
  readonly instance: InstanceDocument;
  readonly type: TypeDocument;
  readonly capability: Capability | undefined;
  readonly action: Action;
}

const targetOf = (text: string): Action["target"] => {
  const slash = text.indexOf("/");
  if (slash < 1 || slash === text.length - 1)
    throw usage(`Expected a target as type/id, such as vm/100, got ${JSON.stringify(text)}.`);
  return { type: text.slice(0, slash), id: text.slice(slash + 1) };
};

const askedFor = async (session: Session, args: readonly string[], options: ActionOptions): Promise<Asked> => {
  const [name = "", capabilityId = "", verb = "", target = ""] = args;
  const wanted = targetOf(target);
  const instance = await findInstance(session.api, name);
  const type = await findType(session.api, instance.type_id);
  const capability = type.capabilities.find(({ id }) => id === capabilityId);
  const params = valuesOf({ pairs: options.param, option: "--param", schema: capability?.params });
  return { instance, type, capability, action: { capability: capabilityId, verb, target: wanted, params } };
};

/** The API judges; what it refuses is answered with the words that are near. */
const hintsFor = (code: string, { type, capability, action }: Asked): string[] => {
  const declared = type.capabilities.map(({ id }) => id).filter((id) => id !== "inventory.list");
  const known: Readonly<Record<string, readonly [string, readonly string[]]>> = {
    capability_unsupported: [action.capability, declared],
    verb_unsupported: [action.verb, capability?.verbs ?? []],
    target_unsupported: [action.target.type, capability?.targets ?? []],
  };
  const found = known[code];
  if (!found) return [];
  return didYouMean(...found);
};

const submit = async (session: Session, asked: Asked, how: JsonObject): Promise<JobDocument> => {
  const path = `${paths.instances}/${asked.instance.instance_id}/actions`;
  try {
    const body = { ...asked.action, ...how };
    return (await session.api.ask<JobDocument>("POST", path, { body, enqueues: true })).body;
  } catch (thrown) {
    if (!(thrown instanceof CliFailure)) throw thrown;
    throw new CliFailure(thrown.exitCode, thrown.problem, [...thrown.hints, ...hintsFor(thrown.problem.code, asked)]);
  }
};

const quoted = (word: string): string => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`);

const applyLine = (args: readonly string[], options: ActionOptions, plan: PlanDocument): string => {
  const params = options.param.flatMap((param) => ["--param", param]);
  return ["switchyard run", ...[...args, ...params, "--plan", plan.plan_id].map(quoted), "--watch"].join(" ");
};

/** A plan is asked for to be seen, so it is waited for. */
const plan = async (session: Session, args: readonly string[], options: ActionOptions): Promise<ExitCode> => {
  const asked = await askedFor(session, args, options);
  const job = await submit(session, asked, { dry_run: true });
  const settled = await awaitJob(session, job.id, { ...options, wait: true });
  const { terminal, isJson } = session;
  if (isJson) {
    if (!options.watch) printJson(session, settled);
  } else printOutcome(terminal, settled);
  const made = settled.result as unknown as PlanDocument | null;
  if (isJson || settled.state !== "succeeded" || made === null) return exitOfState(settled.state);
  if (made.ok && made.severity !== "error")
    terminal.note(`Apply exactly this, within 24 h, with:\n  ${applyLine(args, options, made)}`);
  else terminal.note(terminal.styleError("red", `It cannot be applied${made.reason ? `: ${made.reason}` : "."}`));
  return exitCodes.succeeded;
};

/** Makes a plan, shows it, and asks. The answer is the plan to apply. */
const agreeOnPlan = async (session: Session, asked: Asked): Promise<PlanDocument> => {
  const job = await submit(session, asked, { dry_run: true });
  const settled = await awaitJob(session, job.id, { wait: true });
  if (settled.state !== "succeeded") {
    printOutcome(session.terminal, settled);
    throw declined("Nothing was sent.");
  }
  const made = settled.result as unknown as PlanDocument;
  printPlan(session.terminal, made);
  if (!made.ok || made.severity === "error") {
    const detail = `The plan cannot be applied: ${made.reason ?? "a precondition does not hold"}.`;
    throw new CliFailure(exitCodes.failed, {
      title: "A precondition of the plan does not hold",
      detail,
      code: "plan_blocked",
    });
  }
  if (!(await session.terminal.confirm("Apply this plan? [y/N] "))) throw declined("Nothing was sent.");
  return made;
};

const agree = async (session: Session, question: string): Promise<void> => {
  if (!(await session.terminal.confirm(question))) throw declined("Nothing was sent.");
};

/** How the action is to be done, after the person who types was shown what it does. */
const howToRun = async (session: Session, asked: Asked, options: ActionOptions): Promise<JsonObject> => {
  const given: JsonObject = {
    ...(options.plan ? { plan_id: options.plan } : {}),
    ...(options.yes ? { confirm: true } : {}),
  };
  const { verb } = asked.action;
  const isDestructive = asked.capability?.destructive?.includes(verb) ?? false;
  const isKnown = asked.capability?.verbs.includes(verb) ?? false;
  if (options.yes || !session.terminal.canAsk || !isKnown || isReadVerb(verb)) return given;
  if (options.plan) {
    if (!isDestructive) return given;
    printPlan(session.terminal, await session.api.read<PlanDocument>(`/api/plans/${encodeURIComponent(options.plan)}`));
    await agree(session, "Apply this plan? [y/N] ");
    return given;
  }
  if (asked.capability?.dry_run !== "not_supported") return { plan_id: (await agreeOnPlan(session, asked)).plan_id };
  if (!isDestructive) return given;
  await agree(session, `${verb} is destructive and cannot be planned. Run it? [y/N] `);
  return { confirm: true };
};

const run = async (session: Session, args: readonly string[], options: ActionOptions): Promise<ExitCode> => {
  const asked = await askedFor(session, args, options);
  const how = await howToRun(session, asked, options);
  const job = await submit(session, asked, how);
  const code = await finish(session, job, options);
  const verb = asked.action.verb;
  const isOver = options.wait || options.watch || options.timeout !== undefined;
  if (!session.isJson && isOver && code === exitCodes.succeeded && asked.capability?.invertible?.[verb]) {
    session.terminal.note(`Take it back with: switchyard undo ${job.id}`);
  }
  return code;
};

/** The inverse action, to be shown before it is done. Nothing when the API has to say why there is none. */
const inverseOf = async (session: Session, job: JobDocument): Promise<Asked | undefined> => {
  const { type_id, instance_id } = job.subject;
  if (type_id === undefined || instance_id === undefined) return undefined;
  const [instance, type] = await Promise.all([findInstance(session.api, instance_id), findType(session.api, type_id)]);
  const capability = type.capabilities.find(({ id }) => id === job.input["capability"]);
  try {
    return { instance, type, capability, action: undoOf(job, capability) };
  } catch (thrown) {
    if (thrown instanceof SwitchyardError) return undefined;
    throw thrown;
  }
};

const undo = async (session: Session, [jobId = ""]: readonly string[], options: FollowOptions & { yes?: boolean }) => {
  if (!options.yes && session.terminal.canAsk) {
    const inverse = await inverseOf(session, await readJob(session, jobId));
    if (inverse && inverse.capability?.dry_run !== "not_supported") await agreeOnPlan(session, inverse);
    else if (inverse) await agree(session, `Undo it by ${inverse.action.verb}? [y/N] `);
  }
  const isAgreed = options.yes === true || session.terminal.canAsk;
  const path = `${paths.jobs}/${encodeURIComponent(jobId)}/undo`;
  const body = isAgreed ? { confirm: true } : {};
  return finish(session, (await session.api.ask<JobDocument>("POST", path, { body, enqueues: true })).body, options);
};

const actionArguments = "<instance> <capability> <verb> <target>";
const example = (command: string): string =>
  `\nExample:\n  $ switchyard ${command} lab-proxmox vm.lifecycle shutdown vm/100`;

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
  enqueuing(program.command("undo <job>"))
    .description("take back what a succeeded action did")
    .option("--yes", "do not ask, also for what is destructive")
    .action(act(undo));
};
