/** An interactive shell: logged in, privileged, set up, and then one line after the other. */
import type { ShellRules } from "../../model/endpoint.ts";
import { linearRegExp } from "../../model/linear-pattern.ts";
import { type AnswerPattern, compileAnswerPattern } from "../../model/pattern.ts";
import type { SshAnswer } from "../../model/plan.ts";
import { fill, type Rendered } from "../../model/template.ts";
import { answerTooLarge } from "../meter.ts";
import type { Wire } from "../wire.ts";
import type { OnOutput } from "./exec.ts";
import { lateAnswer, refusedEnable } from "./failures.ts";
import { inTime } from "./in-time.ts";
import type { SshLink } from "./link.ts";
import {
  asksName,
  asksPassword,
  declaredPrompt,
  isPager,
  isPrivileged,
  isQuestion,
  learntPrompt,
  mayBePrompt,
} from "./prompt.ts";
import { type OnWait, type Screen, Terminal } from "./terminal.ts";

/** What a driver says about the shell beside the manifest. */
export interface ShellOptions {
  readonly prompt?: string;
  readonly pager?: readonly string[];
}

export interface ShellLimits {
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  readonly onWait?: OnWait;
}

export interface LineOptions extends ShellLimits {
  readonly answers?: readonly SshAnswer[];
  readonly onOutput?: OnOutput;
}

type Ending = "prompt" | "question" | "closed";

/** How a line ended: with a prompt, with a question that nobody answers, or with the end of the connection. */
export interface LineEnd {
  readonly output: string;
  readonly end: Ending;
  /** The prompt, or the question. */
  readonly last: string;
  /** The first line of the output that says that the command was not taken. */
  readonly error: string | null;
}

type Judge<T> = (screen: Screen) => T | undefined;

const enter = "\r";
/** So long must a first prompt stand before it is believed, and so long a question. */
const settledMs = 150;
const askedMs = 500;
const mostPages = 20_000;
const mostReplies = 100;
const windowSize = { term: "vt100", cols: 511, rows: 1_000 } as const;
const noRules: ShellRules = { setup: [], enable: null, config: [], prompt: null, pager: [], errors: [] };
const matchWindow = 4_096;

/** What the device waits for, an answer to which was sent on its own. */
const waitsForKey = ({ last, lines, quietMs }: Screen, own: readonly AnswerPattern[]): boolean =>
  isPager(last, own) || (last.trim() === "" && quietMs >= settledMs && isPager(lines.at(-1) ?? "", own));

/** A line that ends without a prompt. */
const unanswered: Judge<Screen & { end: Ending }> = (screen) => {
  if (screen.isClosed) return { ...screen, end: "closed" };
  return screen.quietMs >= askedMs && isQuestion(screen.last) ? { ...screen, end: "question" } : undefined;
};

/** Lives as long as its channel. */
export class Shell {
  /** Whether it shows what it showed after login: only then is it used for another read. */
  isClean = false;
  private home = "";
  private isPrompt = mayBePrompt;
  private readonly isDeclared: boolean;
  private readonly terminal: Terminal;
  private readonly rules: ShellRules;
  private readonly pager: readonly AnswerPattern[];
  private readonly link: SshLink;
  private readonly wire: Wire;

  private constructor(terminal: Terminal, link: SshLink, options: ShellOptions, wire: Wire) {
    this.terminal = terminal;
    this.link = link;
    this.rules = link.endpoint.shell ?? noRules;
    this.pager = [...this.rules.pager, ...(options.pager ?? []).map(compileAnswerPattern)];
    this.wire = wire;
    const declared = options.prompt ?? this.rules.prompt;
    this.isDeclared = declared !== null;
    if (declared !== null) this.isPrompt = declaredPrompt(declared);
  }

  /** Opens, logs in, becomes privileged and sends the manifest's set-up. @throws SwitchyardError with the cause. */
  static async open(link: SshLink, wire: Wire, options: ShellOptions, limits: ShellLimits): Promise<Shell> {
    const late = () => lateAnswer(link.endpoint, limits.timeoutMs, "the opening of a shell");
    const { channel } = await inTime(limits, late, (signal) =>
      link.open((client, done) => client.shell(windowSize, done), signal),
    );
    const { now, meter } = wire.around;
    const shown = (text: string): string => link.endpoint.redact(wire.secrets.redact(text));
    const shell = new Shell(new Terminal(channel, { place: link.endpoint, meter, now, shown }), link, options, wire);
    try {
      await shell.begin(limits);
      return shell;
    } catch (thrown) {
      shell.close();
      throw thrown;
    }
  }

  /** What it shows when it waits for a line outside of any mode. */
  get prompt(): string {
    return this.home;
  }

  get isClosed(): boolean {
    return this.terminal.isClosed;
  }

  /** Sends one line and waits for what comes of it. @throws SwitchyardError when that is no end of any kind. */
  async run(line: string, options: LineOptions): Promise<LineEnd> {
    this.isClean = false;
    this.terminal.clear();
    this.terminal.onOutput = options.onOutput;
    try {
      this.terminal.write(`${line}${enter}`);
      const what = `the command "${line.slice(0, 80)}"`;
      const { end, lines, last } = await this.terminal.look(this.lineJudge(options), { ...options, what });
      const output = lines.slice(lines[0]?.includes(line.trim()) === true ? 1 : 0);
      this.isClean = end === "prompt" && last.trim() === this.home;
      return { output: output.join("\n"), end, last: last.trim(), error: this.errorIn(output) };
    } finally {
      this.terminal.onOutput = undefined;
      this.terminal.clear();
    }
  }

  close(): void {
    this.isClean = false;
    this.terminal.close();
  }

  private errorIn(lines: readonly string[]): string | null {
    return lines.find((line) => this.rules.errors.some(({ matches }) => matches(line.trim()))) ?? null;
  }

  private async begin(limits: ShellLimits): Promise<void> {
    const judge: Judge<string> = ({ last, quietMs }) =>
      (this.isDeclared || quietMs >= settledMs) && this.isPrompt(last) ? last : undefined;
    const first = await this.terminal.look(this.paged(judge), { ...limits, what: "the login to a shell" });
    if (!this.isDeclared) this.isPrompt = learntPrompt(first);
    this.home = (await this.enable(first, limits)).trim();
    for (const line of this.rules.setup) this.home = (await this.run(line, limits)).last;
    this.isClean = true;
  }

  private async enable(prompt: string, limits: ShellLimits): Promise<string> {
    const { enable } = this.rules;
    if (enable === null || isPrivileged(prompt)) return prompt;
    this.reply([{ text: enable.command }]);
    const found = await this.terminal.look(this.enableJudge(enable.password), {
      ...limits,
      what: "the enable command",
    });
    if (isPrivileged(found)) return found;
    const refusal = refusedEnable(this.link.endpoint);
    this.link.refuse(refusal);
    throw refusal;
  }

  /** The prompt that stands behind it; empty when the password is asked for again. */
  private enableJudge(password: Rendered): Judge<string> {
    let isGiven = false;
    return this.paged(({ lines, last }) => {
      if (lines.length > 0 && this.isPrompt(last)) return last;
      if (asksName(last)) this.reply(this.link.endpoint.username);
      else if (asksPassword(last)) {
        if (isGiven) return "";
        isGiven = true;
        this.reply(password);
      }
      return undefined;
    });
  }

  private reply(text: Rendered): void {
    this.terminal.clear();
    this.terminal.write(`${fill(text, (_, name) => this.wire.secrets.valueOf(name))}${enter}`);
  }

  /** Turns pages before anything else is looked for. */
  private paged<T>(judge: Judge<T>): Judge<T> {
    let pages = 0;
    return (screen) => {
      if (!waitsForKey(screen, this.pager)) return judge(screen);
      pages += 1;
      if (pages > mostPages) throw answerTooLarge();
      this.terminal.wipeLast();
      if (screen.last.trim() === "") this.terminal.finishLast();
      this.terminal.write(" ");
      return undefined;
    };
  }

  private lineJudge({ answers = [] }: LineOptions): Judge<Screen & { end: Ending }> {
    const compiled = answers.map((answer) => ({ ...answer, test: linearRegExp(answer.match).test }));
    let replies = 0;
    const answerTo = ({ lines, last }: Screen) => {
      if (last.trim() === "" || replies >= mostReplies) return undefined;
      const text = [...lines.slice(-20), last].join("\n").slice(-matchWindow);
      return compiled.find(({ test }) => test(text));
    };
    return this.paged((screen) => {
      if (screen.lines.length > 0 && this.isPrompt(screen.last)) return { ...screen, end: "prompt" };
      const answer = answerTo(screen);
      if (answer === undefined) return unanswered(screen);
      replies += 1;
      this.terminal.finishLast();
      this.terminal.write(answer.enter === false ? answer.send : `${answer.send}${enter}`);
      return undefined;
    });
  }
}
