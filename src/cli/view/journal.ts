/** The writes of a job, each on a line: what was sent, and what came back. */
import type { Json, JsonObject } from "../../model/json.ts";
import type { JournalDocument } from "../client/wire.ts";
import { oneLine } from "./terminal.ts";
import { shown } from "./words.ts";

const maxAnswer = 200;

const isObject = (value: Json | undefined): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** `POST /path` of http; what says most of others. */
export const requestText = ({ request, transport }: JournalDocument): string => {
  const { method, path, url, command, text } = request;
  const words = [method, path ?? url ?? command ?? text].filter((word) => typeof word === "string");
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

export const answerText = ({ answered_at, answer }: JournalDocument): string => {
  if (answered_at === null) return "not answered";
  if (!isObject(answer)) return oneLine(shown(answer)).slice(0, maxAnswer);
  const { status } = answer;
  const inner = isObject(answer["answer"]) ? answer["answer"] : answer;
  const said = bodyText(inner["body"] ?? (status === undefined ? answer : undefined));
  const text = [status === undefined ? "" : String(status), said].filter((part) => part !== "").join(" ");
  return oneLine(text).slice(0, maxAnswer) || "answered";
};
