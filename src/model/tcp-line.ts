/** What a tcp step sends, as it is read: by a session line by line, by a person on one line. */
import type { TcpLine } from "./plan.ts";
import { word } from "./preview-text.ts";

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
