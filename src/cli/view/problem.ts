/** What went wrong, as a person reads it: title, detail, each place with its message, what to do next. */
import type { FieldProblem } from "../../errors.ts";
import type { JsonObject } from "../../model/json.ts";
import type { Precondition } from "../../model/plan.ts";
import type { CliFailure } from "../failure.ts";
import { printJson } from "../session.ts";
import { requestText } from "./journal.ts";
import { type Known, nextStepsFor } from "./next-step.ts";
import { inOptions } from "./option-words.ts";
import { oneLine, plain, type Terminal } from "./terminal.ts";

/** Where a finding stands: in the manifest by pointer and line, in the driver by file and line. */
const placeOf = ({ pointer, file, line }: Record<string, unknown>): string => {
  if (typeof file === "string") return typeof line === "number" ? `${file}:${line}` : file;
  const parts = [typeof pointer === "string" ? pointer : "", typeof line === "number" ? `(line ${line})` : ""];
  return parts.join(" ").trim();
};

/** One finding of a pack's validation: a place with its message, or whatever was found. */
const findingLine = (fault: string, found: unknown): string => {
  const facts = (found ?? {}) as Record<string, unknown>;
  const { message, capability, method } = facts;
  if (typeof message !== "string")
    return oneLine(`${fault}: ${typeof found === "string" ? found : JSON.stringify(found)}`);
  const about = [capability, method].find((name) => typeof name === "string" && !message.includes(name));
  const place = placeOf(facts);
  return oneLine([`${fault}:`, ...(place ? [place] : []), ...(about ? [`${about}:`] : []), message].join(" "));
};

/** The fault of a module lists all its imports that cannot work, the first of them often being the fault itself. */
const eachOf = (found: unknown): unknown[] => {
  const { imports, ...rest } = (found ?? {}) as { imports?: unknown; message?: unknown };
  if (!Array.isArray(imports)) return [found];
  const isListed = imports.some(({ message }) => message === rest.message);
  return isListed ? imports : [rest, ...imports];
};

const findingLines = (errors: unknown): string[] =>
  typeof errors !== "object" || errors === null || Array.isArray(errors)
    ? []
    : Object.entries(errors).flatMap(([fault, found]) =>
        [found]
          .flat()
          .flatMap(eachOf)
          .map((each) => findingLine(fault, each)),
      );

interface LastWrite {
  readonly transport?: unknown;
  readonly request?: unknown;
  readonly state?: unknown;
  readonly answer?: unknown;
}

const short = (value: unknown): string => {
  const text = oneLine(typeof value === "string" ? value : JSON.stringify(value ?? null));
  return text.length > 200 ? `${text.slice(0, 200)}...` : text;
};

/** What the device was told last: it may still be at it. */
const writeLines = ({ transport, request, state, answer }: LastWrite): string[] => [
  `the device was told: ${short(requestText({ transport: String(transport), request: (request ?? {}) as JsonObject }))}`,
  ...(state === "answered" ? [`and answered: ${short(answer)}`] : ["and has not answered"]),
];

/** Facts that the details of some errors carry and that decide what to do. */
const factLines = (details: unknown, detail: string): string[] => {
  const { permissions, errors, at, last_write: lastWrite } = (details ?? {}) as Record<string, unknown>;
  const asked = Array.isArray(permissions) ? permissions.map((each) => `asks for ${oneLine(String(each))}`) : [];
  const place = typeof at === "string" && !detail.includes(at) ? [`in the driver: ${oneLine(at)}`] : [];
  const told = lastWrite === undefined ? [] : writeLines(lastWrite as LastWrite);
  return [...asked, ...place, ...told, ...findingLines(errors)];
};

/** A detail often repeats what stands place by place below it; that is said once. */
const headOf = (detail: string, errors: readonly FieldProblem[]): string => {
  const [{ pointer, message } = { pointer: "", message: "" }] = errors;
  if (pointer !== "" && detail.replace(/(?: \(and \d+ more\))?\.$/, "") === `${pointer}: ${message}`) return "";
  const isRepeated = errors.length > 0 && errors.every(({ message }) => detail.includes(message));
  const first = isRepeated ? detail.indexOf(errors[0]?.pointer || errors[0]?.message || "") : -1;
  return first > 0 ? detail.slice(0, first).replace(/[\s:]+$/, ":") : detail;
};

interface Wrong {
  readonly code: string;
  readonly title: string;
  readonly detail: string;
  readonly errors?: readonly FieldProblem[];
  readonly details?: unknown;
}

/** What is known and advised beside the words of the error. */
export interface Advice {
  readonly facts: readonly string[];
  readonly hints: readonly string[];
  /** What the code alone would advise is in sight already. */
  readonly isSaid?: boolean;
  readonly known?: Known;
}

/** The detail names what of the plan does not hold: another plan would show no more. */
const namesPrecondition = ({ code, detail, details }: Wrong): boolean => {
  const { preconditions = [] } = (details ?? {}) as { readonly preconditions?: readonly Precondition[] };
  return code === "plan_blocked" && preconditions.some(({ check, ok }) => !ok && detail.includes(check));
};

/** The lines, without colour for a pipe. */
export const wrongLines = (wrong: Wrong, paint: Terminal["style"], advice: Advice): string[] => {
  const { code, title, errors = [], details } = wrong;
  const detail = headOf(wrong.detail, errors);
  const { facts, hints, isSaid = false, known = {} } = advice;
  const own = isSaid || namesPrecondition(wrong) ? [] : nextStepsFor(code, known);
  return [
    `${paint(["bold", "red"], "error")} ${paint("bold", oneLine(title))} ${paint("dim", `(${oneLine(code)})`)}`,
    ...(detail === title || detail === "" ? [] : plain(detail).split("\n")).map((line) => `  ${line}`),
    ...errors.map(({ pointer, message }) => `  ${paint("yellow", oneLine(pointer || "/"))} ${oneLine(message)}`),
    ...[...factLines(details, wrong.detail), ...facts].map((line) => `  ${line}`),
    ...[...hints, ...own].map((line) => `  ${paint("cyan", "->")} ${line}`),
  ];
};

interface Shown {
  readonly isJson: boolean;
  readonly known?: Known;
}

/** In JSON mode the problem is the output, and the words for a person stand beside it. */
export const printFailure = (terminal: Terminal, failure: CliFailure, { isJson, known = {} }: Shown): void => {
  const { problem, hints, isSaid, isRaw } = failure;
  if (isJson) printJson({ terminal }, problem);
  const { details = problem, job_id: other } = problem;
  const words = other === undefined ? known : { ...known, other: [other] };
  const wrong = { ...(isRaw ? problem : inOptions(problem)), details };
  for (const line of wrongLines(wrong, terminal.styleError, { facts: [], hints, isSaid, known: words }))
    terminal.note(line);
};
