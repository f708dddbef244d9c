/** A job and what came out of it, as a person reads it. */
import { stringify } from "yaml";
import type { Json, JsonObject } from "../../model/json.ts";
import type { TargetEffect } from "../../model/plan.ts";
import { call } from "../called.ts";
import type { JobDocument, PlanDocument } from "../client/wire.ts";
import { effectLines, printPlan } from "./plan.ts";
import { type Advice, wrongLines } from "./problem.ts";
import { oneLine, plain, type Terminal } from "./terminal.ts";
import { duration, shown, styleOf } from "./words.ts";
import { wrappedLines } from "./wrap.ts";

type Show = (terminal: Terminal, job: JobDocument, result: JsonObject) => void;

/** Anything, readable; where a width is given texts are broken to fit. */
export const yamlOf = (value: Json, width = Number.POSITIVE_INFINITY): string =>
  plain(stringify(value, { lineWidth: Number.isFinite(width) ? width : 0 })).trimEnd();

const indented = (terminal: Terminal, value: Json | undefined): void => {
  if (value === undefined || value === null || Object.keys(value as object).length === 0) return;
  for (const line of yamlOf(value).split("\n")) terminal.print(`  ${line}`);
};

const showTest: Show = (terminal, _job, { status, latency_ms, message, details }) => {
  const state = String(status);
  const parts = [oneLine(String(message ?? "")), latency_ms === undefined ? "" : `${shown(latency_ms)} ms`];
  const style = styleOf(state);
  const head = style === undefined ? state : terminal.style(["bold", style], state);
  terminal.print([head, ...parts.filter((part) => part !== "")].join("  "));
  indented(terminal, details);
};

const showRefresh: Show = (terminal, _job, { by_type }) => {
  for (const [type, counts] of Object.entries((by_type ?? {}) as Record<string, JsonObject>)) {
    const { count, added, removed, changed, duration_ms } = counts;
    const differences = `${shown(added)} added, ${shown(removed)} removed, ${shown(changed)} changed`;
    terminal.print(`${oneLine(type)}: ${shown(count)} (${differences}) in ${shown(duration_ms)} ms`);
  }
};

const showPack: Show = (terminal, _job, { type_id, version, status, errors }) => {
  const style = styleOf(String(status)) ?? "bold";
  terminal.print(`${shown(type_id)} ${shown(version)} is ${terminal.style(style, shown(status))}`);
  indented(terminal, errors);
};

const showPlan: Show = (terminal, _job, result) => printPlan(terminal, result as unknown as PlanDocument);

const showAction: Show = (terminal, job, { effects, details, task_id }) => {
  const perTarget = ((effects as JsonObject | undefined)?.["per_target"] ?? []) as unknown as readonly TargetEffect[];
  const { verb, target } = job.input as { verb?: Json; target?: { type: string } };
  const lines = effectLines(terminal, perTarget);
  const [only] = lines;
  if (only !== undefined && lines.length === 1) terminal.print(`${shown(verb)} ${shown(target?.type)} ${only}`);
  else for (const line of lines) terminal.print(`  ${line}`);
  if (task_id !== undefined) terminal.print(terminal.style("dim", `  task ${oneLine(shown(task_id))}`));
  indented(terminal, details);
};

const shows: Readonly<Record<string, Show>> = {
  "instance.test_connection": showTest,
  "instance.refresh_inventory": showRefresh,
  "pack.install": showPack,
  "pack.validate": showPack,
  "pack.rollback": showPack,
  "action.plan": showPlan,
  "action.run": showAction,
};

const actions: ReadonlySet<string> = new Set(["action.run", "action.plan"]);

/** The type of a job's pack; what an upload holds is known when its job has looked into it. */
const packOf = ({ subject, result, error }: JobDocument): Json | undefined =>
  subject.type_id ?? (result as JsonObject | null)?.["type_id"] ?? error?.details?.["type_id"];

/**
 * What a job does, in a few words: `vm.power shutdown vm/100`, `plan vm.power shutdown vm/100`,
 * `vm.power start vm/100 (undo)`, `refresh inventory vm`, `remove test.lamp`.
 */
export const subjectOf = (job: JobDocument): string => {
  const { kind, input, subject, undo_of } = job;
  const target = subject.target ? `${subject.target.type}/${subject.target.id}` : "";
  const words = actions.has(kind)
    ? [kind === "action.plan" ? "plan" : "", input["capability"], input["verb"], target, undo_of ? "(undo)" : ""]
    : [(kind.split(".")[1] ?? kind).replaceAll("_", " "), input["type"], subject.instance_id ? "" : packOf(job)];
  return oneLine(words.filter((word) => typeof word === "string" && word !== "").join(" "));
};

/** The same where room is scarce: the verb says most of it. */
export const shortSubjectOf = (job: JobDocument): string => {
  const { capability: _capability, ...input } = job.input;
  return subjectOf({ ...job, input });
};

export const stateText = (terminal: Terminal, state: string): string => {
  const style = styleOf(state);
  return style === undefined ? state : terminal.style(style, state);
};

const took = ({ started_at, finished_at }: JobDocument): string =>
  started_at === null || finished_at === null
    ? ""
    : ` in ${duration((Date.parse(finished_at) - Date.parse(started_at)) / 1000)}`;

const noAdvice: Advice = { facts: [], hints: [] };

/** To whom what went wrong is said: beside the output of a command that wanted something else, or as what was asked for. */
export type SaidAs = "note" | "answer";

/** The outcome of a settled job. */
export const printOutcome = (
  terminal: Terminal,
  job: JobDocument,
  { advice = noAdvice, as = "note" }: { readonly advice?: Advice; readonly as?: SaidAs } = {},
): void => {
  if (job.error) {
    const style = as === "answer" ? terminal.style : terminal.styleError;
    const answer = (line: string): void => terminal.print(wrappedLines(line, terminal.width));
    const say = as === "answer" ? answer : terminal.note;
    for (const line of wrongLines(job.error, style, advice)) say(line);
  }
  const result = job.result;
  if (typeof result === "object" && result !== null && !Array.isArray(result)) {
    (shows[job.kind] ?? ((where, _, value) => indented(where, value)))(terminal, job, result as JsonObject);
  }
  if (job.kind === "action.plan" && job.state === "succeeded") return;
  terminal.print(
    terminal.style("dim", `${job.id} `) + stateText(terminal, job.state) + terminal.style("dim", took(job)),
  );
};

/** An open job: what it is and how to go on with it. */
export const printOpen = (terminal: Terminal, job: JobDocument, said?: string): void => {
  const waits = job.waiting_for?.held_by === undefined ? "" : ` (waits for ${oneLine(job.waiting_for.held_by)})`;
  terminal.print(`${terminal.style("bold", job.id)} ${said ?? stateText(terminal, job.state)}${waits}`);
  terminal.note(`Follow it with: ${call("watch", job.id)}`);
};
