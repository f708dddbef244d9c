/** What devices say when they wait: prompts, pagers, questions. */
import { linearRegExp } from "../../model/linear-pattern.ts";
import type { AnswerPattern } from "../../model/pattern.ts";

/** Whether a line is the prompt of this shell. */
export type PromptTest = (line: string) => boolean;

const hasWord = /[A-Za-z0-9]/;
const promptEnd = /[>#$%\]]\s*$/;
const longestPrompt = 200;

/** A line that may be a first prompt: not a rule of a banner. */
export const mayBePrompt: PromptTest = (line) =>
  line.length <= longestPrompt && promptEnd.test(line) && (hasWord.test(line) || line.trim().length === 1);

/** The test that a declared regular expression stands for; it runs on the linear engine. */
export const declaredPrompt = (source: string): PromptTest => linearRegExp(source).test;

/** Long names are cut short in prompts by some devices. */
const keptName = 16;

/** The prompts of the shell that showed this one after login: the same name, whatever mode stands behind it. */
export const learntPrompt = (first: string): PromptTest => {
  const name = /^[\s([]*([A-Za-z0-9._@~-]+)/.exec(first)?.[1]?.slice(0, keptName) ?? "";
  if (name === "") {
    const only = first.trim();
    return (line) => line.trim() === only;
  }
  return (line) => mayBePrompt(line) && line.replace(/^[\s([]*/, "").startsWith(name);
};

const pagers = [
  /--\s*more/i,
  /\bmore\s*--/i,
  /<-+\s*more/i,
  /\(q\)uit/i,
  /next page:\s*space/i,
  /any key to continue/i,
  /press (?:any key|<?space>?|<?enter>?) /i,
  /^lines \d+-\d+/i,
];

/** Whether the device waits for a key before it goes on. */
export const isPager = (line: string, own: readonly AnswerPattern[]): boolean => {
  const text = line.trim();
  if (text === "" || text.length > longestPrompt) return false;
  return pagers.some((pattern) => pattern.test(text)) || own.some(({ matches }) => matches(text));
};

const questions = [
  /[[(]\s*y(?:es)?\s*\/\s*no?\b/i,
  /\by\/n\b/i,
  /\?\s*$/,
  /:\s*$/,
  /\b(?:confirm|continue)\b[^\n]{0,20}$/i,
];

/** Whether a line that is no prompt looks as if the device asked something. */
export const isQuestion = (line: string): boolean => {
  const text = line.trim().slice(-longestPrompt);
  return text !== "" && questions.some((pattern) => pattern.test(text));
};

export const asksPassword = (line: string): boolean => /pass(?:word|code|phrase)\b[^\n]{0,40}$/i.test(line.slice(-80));
export const asksName = (line: string): boolean => /(?:user ?name|login)\b[^\n]{0,20}:\s*$/i.test(line.slice(-80));
/** Whether a prompt is the one of a privileged user. */
export const isPrivileged = (prompt: string): boolean => /#\s*$/.test(prompt);
