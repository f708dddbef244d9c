/** Where output goes: what a terminal can show, what a pipe gets, and how a person is asked. */
import { createInterface } from "node:readline";
import { Writable } from "node:stream";
import { styleText } from "node:util";
import { wrappedLines } from "./wrap.ts";

export type Style = "bold" | "dim" | "red" | "green" | "yellow" | "cyan";

interface OutStream {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}
interface InStream extends NodeJS.ReadableStream {
  readonly isTTY?: boolean;
}

export interface Streams {
  readonly stdin: InStream;
  readonly stdout: OutStream;
  readonly stderr: OutStream;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

export interface Terminal {
  /** Columns; endless in a pipe. */
  readonly width: number;
  /** A person reads: output may be repainted and cut to the width. */
  readonly isLive: boolean;
  /** A person can be asked. */
  readonly canAsk: boolean;
  print(line?: string): void;
  /** For a person, beside the output; broken where words end. */
  note(line: string): void;
  /** Straight to the output, without a line end. */
  raw(text: string): void;
  style(style: Style | readonly Style[], text: string): string;
  styleError(style: Style | readonly Style[], text: string): string;
  /** @returns true for y or yes. */
  confirm(question: string): Promise<boolean>;
  /** One line; undefined when the person leaves instead. */
  ask(question: string): Promise<string | undefined>;
  /** One line that is not shown while it is typed; undefined when the person leaves instead. */
  askSecret(question: string): Promise<string | undefined>;
  readAll(): Promise<string>;
}

/** What moves the cursor, and what turns the direction of reading around: a line must say what it seems to say. */
const misleading = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/** What comes from a device must not move the cursor. */
export const plain = (text: string): string => text.replaceAll(misleading, "\ufffd");

/** Whatever a caller forgot: of control sequences only colours, which are ours, reach a terminal. */
const coloursOnly = (text: string): string =>
  text
    .split(/(\u001b\[[\d;]*m)/)
    .map((part, index) => (index % 2 === 1 ? part : plain(part)))
    .join("");

/** The same value, written without what a terminal would take for a sign to itself. */
export const plainJson = (text: string): string =>
  text.replaceAll(misleading, (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, "0")}`);

/** The same on one line. */
export const oneLine = (text: string): string => plain(text).replaceAll(/\s+/g, " ").trim();

const paint = (isColoured: boolean) => (style: Style | readonly Style[], text: string) =>
  isColoured ? styleText(typeof style === "string" ? style : [...style], text, { validateStream: false }) : text;

const usualWidth = 80;
/** A terminal that does not know its width says 0. */
const widthOf = ({ isTTY, columns }: OutStream): number => (isTTY ? columns || usualWidth : Number.POSITIVE_INFINITY);

const muted = (): Writable => new Writable({ write: (_chunk, _encoding, done) => done() });

const askLine = (input: InStream, output: NodeJS.WritableStream): Promise<string | undefined> =>
  new Promise((resolve) => {
    const reader = createInterface({ input, output, terminal: true });
    let answer: string | undefined;
    reader.once("line", (line) => {
      answer = line;
      reader.close();
    });
    reader.once("SIGINT", () => reader.close());
    reader.once("close", () => resolve(answer));
  });

const readAll = async (input: InStream): Promise<string> => {
  const chunks: Buffer[] = [];
  for await (const chunk of input) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks).toString("utf8");
};

export const createTerminal = ({ stdin, stdout, stderr, environment }: Streams): Terminal => {
  const mayColour = !environment["NO_COLOR"] && environment["TERM"] !== "dumb";
  const askSecret = async (question: string): Promise<string | undefined> => {
    // First the silence, then the question: a terminal shows what it is given before.
    const answer = askLine(stdin, muted());
    stderr.write(question);
    await answer;
    stderr.write("\n");
    return answer;
  };
  return {
    get width() {
      return widthOf(stdout);
    },
    isLive: stdout.isTTY === true && environment["TERM"] !== "dumb",
    canAsk: stdin.isTTY === true && stderr.isTTY === true,
    print: (line = "") => void stdout.write(`${coloursOnly(line)}\n`),
    note: (line) => void stderr.write(`${wrappedLines(coloursOnly(line), widthOf(stderr))}\n`),
    raw: (text) => void stdout.write(text),
    style: paint(mayColour && stdout.isTTY === true),
    styleError: paint(mayColour && stderr.isTTY === true),
    confirm: async (question) => {
      stderr.write(question);
      const answer = await askLine(stdin, stderr as unknown as NodeJS.WritableStream);
      return /^y(es)?$/i.test(answer?.trim() ?? "");
    },
    ask: (question) => {
      stderr.write(question);
      return askLine(stdin, stderr as unknown as NodeJS.WritableStream);
    },
    askSecret,
    readAll: () => readAll(stdin),
  };
};
