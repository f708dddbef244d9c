/** An http step as whoever approves it reads it: all that reaches the device, but for what the manifest adds. */
import type { HttpEndpoint } from "../model/endpoint.ts";
import { maskReferences, trailingReference } from "../model/handle.ts";
import { hasBody, queryText } from "../model/http-step.ts";
import type { JsonObject } from "../model/json.ts";
import type { HttpStep } from "../model/plan.ts";
import { bytesText, clipped, jsonText, previewOf, quoted, unwritten, word } from "../model/preview-text.ts";
import { isNeverRecorded } from "./record.ts";

type Body = Pick<HttpStep, "json" | "form" | "text" | "base64">;

const usualTypes = {
  json: "application/json",
  form: "application/x-www-form-urlencoded",
  text: "text/plain; charset=utf-8",
  base64: "application/octet-stream",
} as const;

const formText = (form: NonNullable<HttpStep["form"]>): string => {
  const pairs = form.map(([name, value]) => {
    const shown = value === "" ? "" : maskReferences(word(value, / /));
    return `${word(name, /[ =]/)}=${shown}`;
  });
  return pairs.length === 0 ? "an empty form" : pairs.join(" ");
};

const base64Text = (base64: string): string => {
  const bytes = Buffer.from(base64, "base64");
  return `${bytes.length} bytes, ${bytesText(bytes)}`;
};

/** Each kind of body begins with what no other begins with. */
const bodyText = ({ json, form, text, base64 }: Body): string => {
  if (base64 !== undefined) return base64Text(base64);
  if (json !== undefined) return clipped(maskReferences(jsonText(json)));
  if (form !== undefined) return clipped(formText(form));
  return text === undefined ? "" : `text ${quoted(text)}`;
};

const partText = ({ json, base64, text = "" }: Body): string => {
  if (base64 !== undefined) return base64Text(base64);
  return json === undefined ? maskReferences(bodyText({ text })) : bodyText({ json });
};

/** The type is shown when it is given and not the usual one. */
const partLine = ({ name, filename, content_type: type, ...content }: JsonObject): string => {
  const usual = content["json"] === undefined ? undefined : usualTypes.json;
  const more = [
    ...(filename === undefined ? [] : [`file ${word(String(filename), /[,:]/)}`]),
    ...(type === undefined || type === usual ? [] : [`type ${word(String(type), /[,:]/)}`]),
  ];
  return `part ${[word(String(name), /[,:]/), ...more].join(", ")}: ${partText(content)}`;
};

/** Credentials are written down nowhere, but for the place of a secret. */
const headerText = (name: string, value: string): string => {
  const isPlaced = /^(?:[A-Za-z]+ )?$/.test(trailingReference(value)?.[0] ?? "-");
  return isNeverRecorded(name) && !isPlaced ? unwritten(value) : maskReferences(word(value));
};

const headerLines = (step: HttpStep): readonly string[] => {
  const { headers = {}, content_type: type } = step;
  const usual = Object.entries(usualTypes).find(([body]) => step[body as keyof Body] !== undefined)?.[1];
  const isSent = type !== undefined && type !== usual && hasBody(step) && step.multipart === undefined;
  const shown = isSent ? { ...headers, "content-type": type } : headers;
  return Object.entries(shown).map(([name, value]) => `header ${name}: ${headerText(name, value)}`);
};

/** Calls are counted from 1, as a plan's are where people read it. */
const referenceLines = ({ refs = {} }: HttpStep): readonly string[] =>
  Object.entries(refs).map(
    ([place, { step, at, match }]) =>
      `value of ${word(place)}: from the answer to call ${step + 1} at ${word(at)}, matching ${quoted(match)}`,
  );

/** Lines: the request with its body, its own headers, the parts of its body, and what earlier answers fill in. */
export const previewHttp = (step: HttpStep, { prefix }: HttpEndpoint): string => {
  const { multipart } = step;
  const body = multipart === undefined ? bodyText(step) : `multipart of ${multipart.length}`;
  const head = clipped(`${step.method} ${prefix}${step.path}${queryText(step.query)}`);
  return previewOf([
    body === "" ? head : `${head} ${body}`,
    ...headerLines(step),
    ...(multipart ?? []).map(partLine),
    ...referenceLines(step),
  ]);
};
