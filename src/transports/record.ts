/** How requests and answers are written down: no secret, no credentials, no cookie. */
import { sha256Hex } from "../model/canonical.ts";
import { maskReferences } from "../model/handle.ts";
import type { Json, JsonObject } from "../model/json.ts";
import type { Step, StepAnswer } from "../model/plan.ts";
import { type Redactor, redactJson } from "../model/redact.ts";
import { payloadOf } from "../model/step.ts";

const neverRecorded: ReadonlySet<string> = new Set([
  ...["authorization", "cookie", "set-cookie", "proxy-authorization", "authentication-info", "www-authenticate"],
]);

/** Whether the values of a header, named in lower case, are written down nowhere. */
export const isNeverRecorded = (header: string): boolean => neverRecorded.has(header);

const maskHeaders = (headers: JsonObject): JsonObject =>
  Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, isNeverRecorded(name) ? "[not recorded]" : value]),
  );

const withoutCredentials = (document: JsonObject): JsonObject => {
  const { headers } = document;
  return typeof headers === "object" && headers !== null && !Array.isArray(headers)
    ? { ...document, headers: maskHeaders(headers as JsonObject) }
    : document;
};

/** Longer texts are recorded by their hash: the record is of what was done, not a copy of a firmware image. */
const maxText = 4_096;
const shortened = (text: string): string =>
  text.length <= maxText ? text : `${text.slice(0, 200)}... [${text.length} characters, sha256 ${sha256Hex(text)}]`;

const withMasks =
  (redact: Redactor): Redactor =>
  (text) =>
    shortened(maskReferences(redact(text)));

/** A request as journal and events keep it. Equal requests have equal records. */
export const recordedRequest = (step: Step, redact: Redactor): Json =>
  redactJson(withMasks(redact), withoutCredentials(payloadOf(step)));

/** An answer as the journal keeps it. */
export const recordedAnswer = (answer: StepAnswer, redact: Redactor): StepAnswer => {
  const document = answer.answer;
  const isDocument = typeof document === "object" && document !== null && !Array.isArray(document);
  return { ...answer, answer: redactJson(redact, isDocument ? withoutCredentials(document as JsonObject) : document) };
};
