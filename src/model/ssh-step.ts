/** Commands and files for ssh in the one form in which they are compared, stored and sent. */
import { SwitchyardError } from "../errors.ts";
import type { SshEndpoint } from "./endpoint.ts";
import { holdsHandle } from "./handle.ts";
import type { Json, JsonObject } from "./json.ts";
import { linearRegExp } from "./linear-pattern.ts";
import type { SshAnswer, SshStep } from "./plan.ts";
import { misshapen, objectOf, refuseUnknown } from "./step.ts";

const maxLine = 16_384;
const maxCommands = 1_000;
const maxPutBytes = 16 * 1024 * 1024;

const refuseHandles = (text: string, what: string): void => {
  if (!holdsHandle(text)) return;
  throw new SwitchyardError("handle_misplaced", {
    detail: `A secret stands in ${what}: over ssh, secrets are placed by the manifest's login alone.`,
  });
};

/** One command line as it may be sent. @throws SwitchyardError `endpoint_not_allowed` or `handle_misplaced`. */
export const commandOf = (raw: unknown): string => {
  if (typeof raw !== "string" || raw.trim() === "")
    throw misshapen("Expected a command as a string that is not empty.");
  if (raw.length > maxLine) throw misshapen(`Expected a command of at most ${maxLine} characters.`);
  if (/[\u0000-\u0008\u000a-\u001f\u007f-\u009f\u2028\u2029]/.test(raw)) {
    throw new SwitchyardError("endpoint_not_allowed", {
      detail: "A command holds a line end or another control character: one line at a time can be sent.",
    });
  }
  refuseHandles(raw, "a command");
  return raw;
};

/** What is fed to a command. @throws SwitchyardError `handle_misplaced`. */
export const stdinOf = (raw: unknown): string => {
  if (typeof raw !== "string") throw misshapen("Expected `stdin` as a string.");
  refuseHandles(raw, "stdin");
  return raw;
};

const answerOf = (raw: Json): SshAnswer => {
  const answer = objectOf(raw, "an entry of `answers`");
  refuseUnknown(answer, ["match", "send", "enter"], "an entry of `answers`");
  const { match, send, enter } = answer;
  if (typeof match !== "string" || match === "")
    throw misshapen("Expected `match` of an answer as a regular expression.");
  if (typeof send !== "string" || /[\u0000-\u001f\u007f]/.test(send))
    throw misshapen("Expected `send` of an answer as one line.");
  if (enter !== undefined && typeof enter !== "boolean") throw misshapen("Expected `enter` of an answer as a boolean.");
  linearRegExp(match);
  refuseHandles(send, "an answer");
  return { match, send, ...(enter === false ? { enter } : {}) };
};

const listOf = (raw: Json | undefined, name: string): readonly Json[] => {
  if (Array.isArray(raw) && raw.length > 0 && raw.length <= maxCommands) return raw;
  throw misshapen(`Expected \`${name}\` as a list of 1 to ${maxCommands}.`);
};

/** A path at the device: absolute or relative, without a segment that climbs. */
const pathOf = (raw: Json | undefined): string => {
  if (typeof raw !== "string" || raw === "" || raw.length > 4_096)
    throw misshapen("Expected `path` of a put as a string.");
  if (/[\u0000-\u001f\u007f\\]/.test(raw) || raw.split("/").some((part) => part === ".." || part === ".")) {
    throw new SwitchyardError("endpoint_not_allowed", {
      detail: "The path of a put holds a control character, a backslash, or a segment . or ..",
    });
  }
  refuseHandles(raw, "a path");
  return raw;
};

const modeOf = (raw: Json | undefined): number | undefined => {
  if (raw === undefined) return undefined;
  if (typeof raw === "number" && Number.isInteger(raw) && raw >= 0 && raw <= 0o7777) return raw;
  throw misshapen("Expected `mode` of a put as file permissions from 0 to 0o7777.");
};

const putOf = (raw: Json): NonNullable<SshStep["put"]> => {
  const put = objectOf(raw, "`put`");
  refuseUnknown(put, ["path", "mode", "base64"], "`put`");
  const { base64 } = put;
  if (typeof base64 !== "string" || !/^[A-Za-z0-9+/]*={0,2}$/.test(base64))
    throw misshapen("Expected `base64` of a put as base64 text.");
  if (base64.length > (maxPutBytes * 4) / 3 + 4) throw misshapen("Expected a put of at most 16 MiB.");
  const mode = modeOf(put["mode"]);
  return { path: pathOf(put["path"]), ...(mode === undefined ? {} : { mode }), base64 };
};

const acceptOf = (raw: Json): readonly "closed"[] => {
  if (Array.isArray(raw) && raw.length === 1 && raw[0] === "closed") return ["closed"];
  throw misshapen('Expected `accept` of an ssh step as ["closed"].');
};

export const sshStepKeys = ["commands", "answers", "stdin", "accept", "put"] as const;

/** Brings a driver's ssh step into its stored form. */
export const normaliseSsh = (raw: JsonObject, endpoint: SshEndpoint): SshStep => {
  const { commands, answers, stdin, accept, put } = raw;
  if (put !== undefined) {
    if (commands !== undefined || answers !== undefined || stdin !== undefined || accept !== undefined) {
      throw misshapen("Expected an ssh step with either `commands` or `put`.");
    }
    return { transport: endpoint.name, put: putOf(put) };
  }
  const lines = listOf(commands, "commands").map(commandOf);
  if (stdin !== undefined && lines.length > 1) throw misshapen("Expected one command beside `stdin`.");
  return {
    transport: endpoint.name,
    commands: lines,
    ...(answers === undefined ? {} : { answers: listOf(answers, "answers").map(answerOf) }),
    ...(stdin === undefined ? {} : { stdin: stdinOf(stdin) }),
    ...(accept === undefined ? {} : { accept: acceptOf(accept) }),
  };
};
