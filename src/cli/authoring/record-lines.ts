/** What `record` tells its author: what the driver says meanwhile, how each call ended, and what the device made of a write. */
import { isJsonObject, type Json, type JsonObject } from "../../model/json.ts";
import type { RecordedCall } from "../../recording/format.ts";
import type { Said } from "../../recording/recorder.ts";
import { answerText, requestText } from "../view/journal.ts";
import { oneLine } from "../view/terminal.ts";

/** Long enough that most calls end before it. */
const quietMs = 10_000;

/** One line of what a driver says, or nothing for what is no line. */
export const eventLine = (event: Said, redact: (text: string) => string): string | undefined => {
  if (event.kind === "log") return `     ${event.level.padEnd(5)} ${oneLine(redact(event.message))}`;
  if (event.kind === "progress") return `     ${Math.round(event.percent)} % ${oneLine(redact(event.message))}`;
  return `     keeps ${oneLine(event.name)}`;
};

/** A write that the device did not take says why. */
const refusedLines = ({ exchanges }: RecordedCall): string[] => {
  const refused = exchanges.findLast(({ step, ok }) => step !== undefined && ok === false);
  if (refused === undefined) return [];
  const { transport, request, answer = null, ok = false, status = null } = refused;
  const told = requestText({ transport, request: (request ?? {}) as JsonObject });
  const said = answerText({ answered_at: "", answer: { answer, ok, status } });
  return [`       the device was told: ${told}`, `       and answered: ${said}`];
};

const maxResult = 200;

/** What came back, as far as its author has to see it at once: the verdict of a test, how long a list is. */
const resultWords = (result: Json = null): string => {
  if (Array.isArray(result)) return `, ${result.length === 1 ? "1 target" : `${result.length} targets`}`;
  if (!isJsonObject(result)) return "";
  const { message, details } = result;
  const words = [result["status"], message, isJsonObject(details) ? JSON.stringify(details) : undefined];
  return `, ${oneLine(words.filter((word) => typeof word === "string" && word !== "").join(" ")).slice(0, maxResult)}`;
};

const told: readonly string[] = ["test_connection", "inventory_list"];

/** How a call ended. */
export const callLines = (recorded: RecordedCall): readonly string[] => {
  const { call, exchanges, error, result } = recorded;
  const count = `${exchanges.length} ${exchanges.length === 1 ? "request" : "requests"}`;
  if (error === undefined)
    return [`ok   ${call}: ${count}${told.includes(call.split(" ", 1)[0] ?? "") ? resultWords(result) : ""}`];
  return [`FAIL ${call}: ${count}, ${error.code}: ${error.message}`, ...refusedLines(recorded)];
};

/** Says once that a call takes long; to be stopped when it is over. */
export const sayWhenLong = (call: string, note: (line: string) => void): { stop(): void } => {
  const timer = setTimeout(() => note(`     ${call}: no end of it yet; Ctrl-C leaves.`), quietMs);
  return { stop: () => clearTimeout(timer) };
};
