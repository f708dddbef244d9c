/** The http transport: what is a read, what a write may be, and how both are sent. */
import type { HttpEndpoint } from "../model/endpoint.ts";
import { hasBody, normaliseHttp, overridesMethod } from "../model/http-step.ts";
import { isJsonObject, type JsonObject } from "../model/json.ts";
import { compileHttpPattern, matchesHttp, mayMeanHttp, type WriteEntry } from "../model/pattern.ts";
import type { HttpStep } from "../model/plan.ts";
import { valueAt } from "../model/pointer.ts";
import { misshapen } from "../model/step.ts";
import type { HttpAnswer } from "./http-answer.ts";
import { previewHttp } from "./http-preview.ts";
import { reachHttp, sendWrite } from "./http-send.ts";
import type { TransportKind, WriteRights } from "./kind.ts";

const isPlainRead = (step: HttpStep): boolean => (step.method === "GET" || step.method === "HEAD") && !hasBody(step);

/**
 * A read is a GET or HEAD without body and override, or what the manifest's `reads` name; but nothing that a device could
 * take for one of the manifest's `writes`.
 */
export const isHttpRead = (step: HttpStep, endpoint: HttpEndpoint): boolean => {
  if (overridesMethod(step)) return false;
  if (endpoint.writes.some((pattern) => mayMeanHttp(pattern, step))) return false;
  return isPlainRead(step) || endpoint.reads.some((pattern) => matchesHttp(pattern, step));
};

const matchesWrite = (step: HttpStep, { pattern }: WriteEntry, { verb, target }: WriteRights): boolean => {
  if (overridesMethod(step)) return false;
  const blanks = { ...(verb === undefined ? {} : { verb }), ...(target === undefined ? {} : { target: target.id }) };
  return matchesHttp(compileHttpPattern(pattern, blanks), step);
};

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};

/** Whether the manifest's `ok` holds for an answer; without one every answer does. */
export const isOk = ({ ok }: HttpEndpoint, body: string): boolean => {
  if (ok.length === 0) return true;
  const document = parsed(body);
  if (document === undefined) return false;
  return ok.every(({ pointer, expected }) => {
    const found = valueAt(document, pointer);
    if (expected === "absent") return found === undefined || found === null;
    if (expected === "present") return found !== undefined && found !== null;
    return JSON.stringify(found) === JSON.stringify(expected);
  });
};

const isSuccess = (step: HttpStep, endpoint: HttpEndpoint, { status, body }: HttpAnswer): boolean => {
  if (step.accept?.includes(status)) return true;
  return status >= 200 && status < 300 && isOk(endpoint, body);
};

const prepare: TransportKind<HttpEndpoint, HttpStep>["prepare"] = async (step, endpoint, wire) => {
  await reachHttp(endpoint, wire);
  return {
    send: async () => {
      const answer = await sendWrite(step, endpoint, wire);
      return { ok: isSuccess(step, endpoint, answer), status: answer.status, answer, ms: answer.latency_ms };
    },
    done: () => undefined,
  };
};

const acceptOf = (raw: JsonObject): { accept?: readonly number[] } => {
  const { accept } = raw;
  if (accept === undefined) return {};
  const isList =
    Array.isArray(accept) && accept.every((status) => Number.isInteger(status) && status >= 100 && status < 600);
  if (!isList) throw misshapen("Expected `accept` as a list of http statuses.");
  return { accept: accept as number[] };
};

export const httpKind: TransportKind<HttpEndpoint, HttpStep> = {
  stepKeys: [
    ...["method", "path", "url", "query", "headers", "json", "form", "multipart", "text", "base64"],
    ...["content_type", "accept"],
  ],
  normalise: (raw, endpoint, book) => ({ ...normaliseHttp(raw, endpoint, book), ...acceptOf(raw) }),
  isRead: isHttpRead,
  matchesWrite,
  prepare,
  preview: previewHttp,
};

/** Whether an answer to a step carries http's own facts. */
export const isHttpAnswer = (answer: unknown): answer is HttpAnswer =>
  isJsonObject(answer) && typeof answer["status"] === "number" && typeof answer["body"] === "string";
