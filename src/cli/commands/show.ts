/** One thing, whole: a job, a plan, an instance or a type. */

import { isSettled } from "../../model/job.ts";
import type { Json } from "../../model/json.ts";
import { didYouMean } from "../../model/nearest.ts";
import { call } from "../called.ts";
import { findInstance, findJob, findType, listInstances, listTypes, paths } from "../client/find.ts";
import type { InstanceDocument, JobDocument, PlanDocument } from "../client/wire.ts";
import type { Group } from "../command.ts";
import { notFound } from "../failure.ts";
import { printEnd } from "../follow.ts";
import { printJson, type Session } from "../session.ts";
import { printOpen, subjectOf, yamlOf } from "../view/job.ts";
import { printPlan } from "../view/plan.ts";
import { oneLine } from "../view/terminal.ts";
import { ago } from "../view/words.ts";
import { printType } from "./types.ts";

type Facts = readonly (readonly [string, string | undefined])[];

const printFacts = ({ terminal }: Session, facts: Facts): void => {
  const given = facts.flatMap(([name, value]) => (value === undefined || value === "" ? [] : [[name, value] as const]));
  const width = Math.max(...given.map(([name]) => name.length));
  for (const [name, value] of given) terminal.print(`${terminal.style("dim", name.padEnd(width))}  ${oneLine(value)}`);
};

const showJob = async (session: Session, job: JobDocument): Promise<void> => {
  const { instance_id, type_id } = job.subject;
  const instances = instance_id === undefined ? [] : await listInstances(session.api);
  const params = job.input["params"] ?? {};
  printFacts(session, [
    ["job", `${job.id} (${job.kind})`],
    ["what", subjectOf(job)],
    ["params", Object.keys(params as object).length === 0 ? undefined : JSON.stringify(params)],
    ["instance", instances.find((one) => one.instance_id === instance_id)?.name ?? instance_id],
    ["type", type_id],
    ["asked", `${ago(job.created_at, session.now())} by ${job.requested_by.name}`],
    ["attempt", `${job.attempt} of at most ${job.max_attempts}`],
    ["plan", job.plan_id],
    ["retry of", job.retry_of],
    ["undo of", job.undo_of],
    ["undone by", job.undone_by],
    ["phase", isSettled(job.state) || !job.progress ? undefined : `${job.progress.phase}: ${job.progress.message}`],
  ]);
  if (isSettled(job.state)) await printEnd(session, job, "answer");
  else printOpen(session.terminal, job);
};

const showInstance = (session: Session, instance: InstanceDocument): void => {
  const { config, secrets, ...rest } = instance;
  const shown = { ...rest, config, secrets: Object.keys(secrets) };
  session.terminal.print(yamlOf(JSON.parse(JSON.stringify(shown)) as Json));
  session.terminal.note(`Change it with: ${call("edit", instance.name)}`);
};

const showPlan = (session: Session, plan: PlanDocument): void => {
  printPlan(session.terminal, plan);
  const use = plan.used_by ? `It was applied by ${plan.used_by}.` : `It can be applied until ${plan.expires_at}.`;
  session.terminal.print(use);
};

/** Prints the document, or has it shown to a person. */
const present = async <T>(session: Session, thing: T, show: (session: Session, thing: T) => void | Promise<void>) => {
  if (session.isJson) printJson(session, thing);
  else await show(session, thing);
};

const show = async (session: Session, [asked = ""]: readonly string[]): Promise<undefined> => {
  const { api } = session;
  if (asked.startsWith("pln_")) {
    const plan = await api.read<PlanDocument>(`${paths.plans}/${encodeURIComponent(asked)}`);
    return void (await present(session, plan, showPlan));
  }
  if (asked.startsWith("job_")) return void (await present(session, await findJob(api, asked), showJob));
  const [instances, types] = await Promise.all([listInstances(api), listTypes(api)]);
  const names = instances.map(({ name }) => name);
  if (asked.startsWith("ins_") || names.includes(asked)) {
    return void (await present(session, await findInstance(api, asked), showInstance));
  }
  const ids = types.map(({ id }) => id);
  if (ids.includes(asked)) return void (await present(session, await findType(api, asked), printType));
  throw notFound(`Nothing is called ${JSON.stringify(asked)}.`, [
    ...didYouMean(asked, [...names, ...ids]),
    "Expected the id of a job or a plan, or the name of an instance or a type.",
  ]);
};

export const showCommands: Group = (program, act) => {
  program.command("show <thing>").description("a job, a plan, an instance or a type, whole").action(act(show));
};
