/** What went wrong, as a person reads it: title, detail, each place with its message, what to do next. */
import type { FieldProblem } from "../../errors.ts";
import type { CliFailure } from "../failure.ts";
import { printJson } from "../session.ts";
import { oneLine, plain, type Terminal } from "./terminal.ts";

/** What to do next, by code; `detail` has said the rest. */
const nextSteps: Readonly<Record<string, string>> = {
  unauthorized: "Give a token with --token or SWITCHYARD_TOKEN; `npm start` prints where the admin token lies.",
  forbidden: "`switchyard whoami` shows the role of your token; an admin can make another.",
  confirmation_required: "Add --yes, or make a plan with `switchyard plan` and apply it with --plan ID.",
  needs_review: "Test the instance first: switchyard test <instance>",
  type_unavailable: "Install its type again: switchyard install <file.int|folder>",
  plan_stale: "Make a new plan with `switchyard plan` and look at it again.",
  plan_expired: "Make a new plan with `switchyard plan`.",
  plan_used: "Make a new plan with `switchyard plan`.",
  plan_mismatch: "`switchyard plan` with the same words as `run` makes one that fits.",
  plan_blocked: "`switchyard plan` shows which precondition does not hold.",
  consent_required: "Look at the list, then install again with --consent (off a terminal: --consent --yes).",
  pack_conflict: "Raise its version, or add --replace.",
  config_invalid: "`switchyard types <type>` shows what the type takes.",
  params_invalid: "`switchyard types <type>` shows what the capability takes.",
  instance_busy: "`switchyard jobs --instance <instance> --state running` shows what runs.",
  queue_unavailable: "Try again in a moment; `switchyard doctor` shows what is wrong.",
  store_unavailable: "Try again in a moment; `switchyard doctor` shows what is wrong.",
  rate_limited: "Try again in a minute.",
  auth_failed: "Set the right secret on the instance, then test it again.",
};

/** One finding of a pack's validation: a place with its message, or whatever was found. */
const findingLine = (fault: string, found: unknown): string => {
  const { pointer, message, line } = (found ?? {}) as Record<string, unknown>;
  if (typeof message !== "string")
    return oneLine(`${fault}: ${typeof found === "string" ? found : JSON.stringify(found)}`);
  const place = [typeof pointer === "string" ? pointer : "", typeof line === "number" ? `(line ${line})` : ""].join(
    " ",
  );
  return oneLine(`${fault}: ${place.trim()} ${message}`);
};

const findingLines = (errors: unknown): string[] =>
  typeof errors !== "object" || errors === null || Array.isArray(errors)
    ? []
    : Object.entries(errors).flatMap(([fault, found]) => [found].flat().map((each) => findingLine(fault, each)));

/** Facts that the details of some errors carry and that decide what to do. */
const factLines = (details: unknown): string[] => {
  const { permissions, errors, steps_done, outcome } = (details ?? {}) as Record<string, unknown>;
  const asked = Array.isArray(permissions) ? permissions.map((each) => `asks for ${oneLine(String(each))}`) : [];
  const done = typeof steps_done === "number" ? [`steps done: ${steps_done}`] : [];
  return [
    ...asked,
    ...findingLines(errors),
    ...done,
    ...(typeof outcome === "string" ? [`outcome: ${oneLine(outcome)}`] : []),
  ];
};

interface Wrong {
  readonly code: string;
  readonly title: string;
  readonly detail: string;
  readonly errors?: readonly FieldProblem[];
  readonly details?: unknown;
}

/** The lines, without colour for a pipe. */
export const wrongLines = (wrong: Wrong, paint: Terminal["style"], hints: readonly string[] = []): string[] => {
  const { code, title, detail, errors = [], details } = wrong;
  const own = nextSteps[code];
  return [
    `${paint(["bold", "red"], "error")} ${paint("bold", oneLine(title))} ${paint("dim", `(${oneLine(code)})`)}`,
    ...(detail === title ? [] : plain(detail).split("\n")).map((line) => `  ${line}`),
    ...errors.map(({ pointer, message }) => `  ${paint("yellow", oneLine(pointer || "/"))} ${oneLine(message)}`),
    ...factLines(details).map((line) => `  ${line}`),
    ...[...hints, ...(own === undefined ? [] : [own])].map((line) => `  ${paint("cyan", "->")} ${line}`),
  ];
};

/** In JSON mode the problem is the output, and the words for a person stand beside it. */
export const printFailure = (terminal: Terminal, failure: CliFailure, isJson: boolean): void => {
  const { problem, hints } = failure;
  if (isJson) printJson({ terminal }, problem);
  const { details = problem } = problem;
  for (const line of wrongLines({ ...problem, details }, terminal.styleError, hints)) terminal.note(line);
};
