/** Fills a step's references with values from the answers of earlier steps. */
import { SwitchyardError } from "../errors.ts";
import type { Json } from "../model/json.ts";
import { linearRegExp } from "../model/linear-pattern.ts";
import { segmentOf } from "../model/path.ts";
import type { HttpStep, Step, StepAnswer, StepRef } from "../model/plan.ts";
import { valueAt, withValueAt } from "../model/pointer.ts";
import { isHttpAnswer } from "./http.ts";

const maxReferenced = 256;

const deviation = (detail: string): SwitchyardError => new SwitchyardError("plan_deviation", { detail });

const bodyOf = (answer: Json): unknown => {
  if (!isHttpAnswer(answer)) return answer;
  try {
    return JSON.parse(answer.body);
  } catch {
    return undefined;
  }
};

const referencedValue = ({ step, at, match }: StepRef, answers: readonly StepAnswer[]): string | number => {
  const value = valueAt(bodyOf(answers[step]?.answer ?? null), at);
  const isUsable = (typeof value === "string" && value.length <= maxReferenced) || Number.isSafeInteger(value);
  if (!isUsable || !linearRegExp(match).test(String(value))) {
    throw deviation(
      `The answer to step ${step} holds nothing at ${at} that matches ${match}: the next step was not sent.`,
    );
  }
  return value as string | number;
};

const place = (step: HttpStep, where: string, value: string | number): HttpStep => {
  const [root, ...tokens] = where.slice(1).split("/");
  if (root === "json") return { ...step, json: withValueAt(step.json ?? null, where.slice("/json".length), value) };
  const index = Number(tokens[0]);
  if (root === "query") {
    const query = (step.query ?? []).map((pair, at) => (at === index ? ([pair[0], String(value)] as const) : pair));
    return { ...step, query };
  }
  const segment = segmentOf(String(value));
  if (segment === undefined)
    throw deviation(`The value for segment ${index} of the path is not safe there: nothing was sent.`);
  return {
    ...step,
    path: step.path
      .split("/")
      .with(index + 1, segment)
      .join("/"),
  };
};

/** The step as it will be sent. @throws SwitchyardError `plan_deviation` when a reference finds nothing that fits. */
export const resolveReferences = (step: Step, answers: readonly StepAnswer[]): Step => {
  const { refs } = step;
  if (refs === undefined || !("method" in step)) return step;
  return Object.entries(refs).reduce<HttpStep>(
    (filled, [where, ref]) => place(filled, where, referencedValue(ref, answers)),
    step,
  );
};
