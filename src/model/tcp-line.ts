/** What a tcp step sends, as it is read: by a session line by line, by a person on one line. */
import type { TcpLine } from "./plan.ts";

/** Each line by itself. */
export const linesIn = (line: TcpLine): readonly string[] => (typeof line === "string" ? [line] : line);

/** How a person reads what is sent: entries that have an answer each apart, lines that go together as one. */
export const sentText = (send: readonly TcpLine[]): string => send.map((line) => linesIn(line).join(" ⏎ ")).join("; ");
