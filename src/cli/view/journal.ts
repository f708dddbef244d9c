/** The writes of a job, each on a line: what was sent, and what came back. */
import type { Json, JsonObject } from "../../model/json.ts";
import type { TcpLine } from "../../model/plan.ts";
import { sentText } from "../../model/tcp-line.ts";
import type { JournalDocument } from "../client/wire.ts";
import { oneLine } from "./terminal.ts";
import { shown } from "./words.ts";

const maxAnswer = 200;

const isObject = (value: Json | undefined): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const listOf = (value: Json | undefined): readonly Json[] => (Array.isArray(value) ? value : []);

/** What a step of each transport says of itself: as its plan showed it. */
const stepWords = ({ method, path, url, commands, send, put, set }: JsonObject): readonly (Json | undefined)[] => {
  if (listOf(commands).length > 0) return [listOf(commands).join("; ")];
  if (listOf(send).length > 0) return [sentText(listOf(send) as readonly TcpLine[])];
  if (isObject(put)) return ["PUT", put["path"]];
  const sets = listOf(set).flatMap((one) => (isObject(one) ? [`${shown(one["oid"])} = ${shown(one["value"])}`] : []));
  return sets.length > 0 ? [`SET ${sets.join("; ")}`] : [method, path ?? url];
};

/** `POST /path` of http, the lines of ssh and tcp, `SET <oid> = <value>` of SNMP. */
export const requestText = ({
  request,
  transport,
}: Partial<JournalDocument> & Pick<JournalDocument, "request" | "transport">): string => {
  const words = stepWords(request).filter((word) => typeof word === "string");
  return oneLine(words.length === 0 ? `${transport} ${JSON.stringify(request)}` : words.join(" "));
};

/** The answer's body without its wrapping: it often names the task that the device began. */
const bodyText = (body: Json | undefined): string => {
  if (body === undefined || body === null || body === "") return "";
  if (typeof body !== "string") return JSON.stringify(body);
  try {
    const read = JSON.parse(body) as Json;
    const data = isObject(read) && Object.keys(read).length === 1 ? Object.values(read)[0] : read;
    return shown(data);
  } catch {
    return body;
  }
};

/** What came back beside the status: a body, lines, the output of commands, or what SNMP calls wrong. */
const saidOf = ({ body, lines, results, error, set }: JsonObject): string | undefined => {
  if (Array.isArray(lines)) return lines.join("; ");
  if (Array.isArray(set)) return typeof error === "string" ? error : "";
  if (!Array.isArray(results)) return body === undefined ? undefined : bodyText(body);
  const outputs = results.flatMap((one) => (isObject(one) ? [one["stdout"], one["stderr"]] : []));
  return outputs.filter((text) => typeof text === "string" && text.trim() !== "").join("; ");
};

/** What the device made of it where its transport has no status. */
const verdictOf = ({ status, ok }: JsonObject): string => {
  if (status !== undefined && status !== null) return String(status);
  if (status === undefined || typeof ok !== "boolean") return "";
  return ok ? "done" : "refused";
};

export const answerText = ({
  answered_at,
  answer,
}: Partial<JournalDocument> & Pick<JournalDocument, "answered_at" | "answer">): string => {
  if (answered_at === null) return "not answered";
  if (!isObject(answer)) return oneLine(shown(answer)).slice(0, maxAnswer);
  const said = saidOf(isObject(answer["answer"]) ? answer["answer"] : answer);
  const rest = answer["status"] === undefined ? bodyText(answer) : "";
  const text = [verdictOf(answer), said ?? rest].filter((part) => part !== "").join(" ");
  return oneLine(text).slice(0, maxAnswer) || "answered";
};
