/** The command line as a pack's author runs it: in this process, without a server, on folders of the test's own. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { PassThrough, Writable } from "node:stream";
import { runCommand } from "../../src/cli/program.ts";
import { createTerminal } from "../../src/cli/view/terminal.ts";

/** This project's own version, as the command line knows it. */
export const coreVersion: string = JSON.parse(
  readFileSync(new URL("../../package.json", import.meta.url), "utf8"),
).version;

export interface Told {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

export interface AuthorTerms {
  /** At a terminal: what is typed at each question, in order. */
  readonly answers?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
  /** At a terminal: how wide it is. */
  readonly columns?: number;
  /** Sees both outputs as they come. */
  readonly onText?: (text: string) => void;
}

export type Files = Readonly<Record<string, string | Buffer>>;

export interface Author {
  /** A folder of the test's own, which stands for the author's. */
  readonly home: string;
  run(args: readonly string[], terms?: AuthorTerms): Promise<Told>;
  json<T>(...args: string[]): Promise<T>;
  /** Writes files below `name`; answers the folder. */
  write(name: string, files: Files): string;
  dispose(): void;
}

const kept = (isTTY: boolean, columns: number, onText: (text: string) => void) => {
  let text = "";
  const stream = new Writable({
    write: (chunk, _encoding, done) => {
      text += String(chunk);
      onText(String(chunk));
      done();
    },
  });
  return { stream: Object.assign(stream, { isTTY, columns }), text: () => text };
};

const run =
  (home: string): Author["run"] =>
  async (args, terms = {}) => {
    const { answers, environment = {}, columns = 100, onText = () => undefined } = terms;
    const { signal = new AbortController().signal } = terms;
    const isTTY = answers !== undefined;
    const stdin = Object.assign(new PassThrough(), { isTTY });
    const waiting = [...(answers ?? [])];
    const out = kept(isTTY, columns, onText);
    const err = kept(isTTY, columns, (text) => {
      onText(text);
      if (!isTTY || !/[:?\]] $/.test(text)) return;
      const answer = waiting.shift();
      if (answer === undefined) stdin.end();
      else stdin.write(`${answer}\n`);
    });
    if (!isTTY) stdin.end();
    const seen = { NO_COLOR: "1", ...environment };
    const terminal = createTerminal({ stdin, stdout: out.stream, stderr: err.stream, environment: seen });
    const surroundings = { terminal, environment: seen, cwd: home, signal, now: Date.now, version: coreVersion };
    const code = await runCommand(surroundings, args);
    return { code, out: out.text(), err: err.text() };
  };

export const openAuthor = (): Author => {
  const home = mkdtempSync(join(tmpdir(), "sw-author-"));
  const author: Author = {
    home,
    run: run(home),
    json: async (...args) => JSON.parse((await author.run([...args, "--json"])).out),
    write: (name, files) => {
      for (const [path, content] of Object.entries(files)) {
        const target = join(home, name, path);
        mkdirSync(dirname(target), { recursive: true });
        writeFileSync(target, content);
      }
      return join(home, name);
    },
    dispose: () => rmSync(home, { recursive: true, force: true }),
  };
  return author;
};
