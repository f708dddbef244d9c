/** Lines for a tcp session in the one form in which they are compared, stored and sent. */
import { SwitchyardError } from "../errors.ts";
import type { TcpEndpoint } from "./endpoint.ts";
import { holdsHandle } from "./handle.ts";
import type { Json, JsonObject } from "./json.ts";
import type { TcpLine, TcpStep } from "./plan.ts";
import { word } from "./preview-text.ts";
import { misshapen } from "./step.ts";

/** One line as it may be sent. */
const oneLine = (raw: unknown, endpoint: TcpEndpoint): string => {
  if (typeof raw !== "string" || raw === "") throw misshapen("Expected a line as a string that is not empty.");
  if (/[\u0000-\u0008\u000a-\u001f\u007f]/.test(raw) || raw.includes(endpoint.line)) {
    throw new SwitchyardError("endpoint_not_allowed", {
      detail: "A line holds a line end or another control character: one line at a time can be sent.",
    });
  }
  if (holdsHandle(raw)) {
    throw new SwitchyardError("handle_misplaced", {
      detail: "A secret stands in a tcp line: secrets are placed by the manifest's login alone.",
    });
  }
  return raw;
};

/**
 * A line, or lines that go together, as they may be sent.
 * @throws SwitchyardError `endpoint_not_allowed` or `handle_misplaced`.
 */
export const lineOf = (raw: unknown, endpoint: TcpEndpoint): TcpLine => {
  if (!Array.isArray(raw)) return oneLine(raw, endpoint);
  const [first, ...more] = raw.map((line) => oneLine(line, endpoint));
  if (first === undefined) throw misshapen("Expected lines that go together as a list that is not empty.");
  return more.length === 0 ? first : [first, ...more];
};

/** Each line by itself. */
export const linesIn = (line: TcpLine): readonly string[] => (typeof line === "string" ? [line] : line);

/**
 * How a person reads what is sent: entries that have an answer each apart, lines that go together as one. A line that
 * could be taken for several is quoted.
 */
export const sentText = (send: readonly TcpLine[]): string =>
  send
    .map((entry) =>
      linesIn(entry)
        .map((line) => word(line, /[;⏎]/))
        .join(" ⏎ "),
    )
    .join("; ");

/** Brings a driver's tcp step into its stored form. */
export const normaliseTcp = (raw: JsonObject, endpoint: TcpEndpoint): TcpStep => {
  const lines: Json | undefined = raw["send"];
  if (!Array.isArray(lines) || lines.length === 0) throw misshapen("Expected `send` as a list of lines.");
  return { transport: endpoint.name, send: lines.map((line) => lineOf(line, endpoint)) };
};
