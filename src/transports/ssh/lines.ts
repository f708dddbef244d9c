/** A command's output on its way into the job's log: whole lines, without control sequences. */
import { StringDecoder } from "node:string_decoder";
import { terminalText } from "../../model/terminal-text.ts";

/** Longer lines are told in pieces. */
const longestLine = 8 * 1024;

/** Takes bytes as they come, tells text in whole lines. */
export interface LineTeller {
  take(bytes: Buffer): void;
  end(): void;
}

export const createLineTeller = (tell: (text: string) => void): LineTeller => {
  const decoder = new StringDecoder("utf8");
  let pending = "";
  const say = (raw: string): void => {
    const text = terminalText(raw.replace(/\r?\n$/, ""));
    if (text !== "") tell(text);
  };
  const cut = (): void => {
    const end = pending.lastIndexOf("\n") + 1;
    if (end > 0) say(pending.slice(0, end));
    pending = pending.slice(end);
    for (; pending.length > longestLine; pending = pending.slice(longestLine)) say(pending.slice(0, longestLine));
  };
  return {
    take: (bytes) => {
      pending += decoder.write(bytes);
      cut();
    },
    end: () => {
      pending += decoder.end();
      say(pending);
      pending = "";
    },
  };
};
