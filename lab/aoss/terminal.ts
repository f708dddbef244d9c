/** One shell of the switch: echo, banner, prompts, pages, questions, and the faults that are switched on. */
import type { ServerChannel } from "ssh2";
import { type CliDevice, type CliMode, carryOut, type Outcome, promptOf } from "./commands.ts";
import type { SwitchFault, SwitchFaults } from "./faults.ts";

export interface TerminalFacts {
  readonly cli: CliDevice;
  readonly faults: SwitchFaults;
  /** Whether this user logs in with all rights. */
  readonly isManager: boolean;
  /** Every line that was typed. */
  readonly typed: (line: string) => void;
  /** Hangs up, without a word. */
  readonly hangUp: () => void;
  readonly reboot: () => void;
}

const pageLength = 22;
const pager = "-- MORE --, next page: Space, next line: Enter, quit: Control-C";
const wiped = `\r${" ".repeat(pager.length)}\r`;
const flood = 50 * 1024 * 1024;

const banner = (model: string): string =>
  `Aruba ${model}\r\nSoftware of the lab\r\n\r\n(C) Copyright of nobody\r\n\r\n   RESTRICTED RIGHTS: this is a simulated switch.\r\n\r\nPress any key to continue`;

type TakeKey = (key: string) => void;

/** Writes for ever, as fast as the other side reads, or until `most` bytes are sent. */
const pour = (channel: ServerChannel, most: number, done: () => void): void => {
  const chunk = `${"x".repeat(78)}\r\n`.repeat(800);
  let sent = 0;
  const next = (): void => {
    while (sent < most && !channel.destroyed) {
      sent += chunk.length;
      if (!channel.write(chunk)) {
        channel.once("drain", next);
        return;
      }
    }
    if (!channel.destroyed) done();
  };
  next();
};

/** Lives as long as its channel. */
class Terminal {
  private readonly channel: ServerChannel;
  private readonly facts: TerminalFacts;
  private readonly mode: CliMode;
  private pending = "";
  private takeKey: TakeKey | null = null;

  constructor(channel: ServerChannel, facts: TerminalFacts) {
    this.channel = channel;
    this.facts = facts;
    this.mode = { privileged: facts.isManager, context: "", paging: true };
  }

  serve(): void {
    const { product, model } = this.facts.cli.device;
    this.channel.on("data", (bytes: Buffer) => {
      for (const key of bytes.toString()) this.press(key);
    });
    this.channel.write(banner(`${product} ${model}`));
    this.takeKey = () => {
      this.channel.write(
        "\u001b[2J\u001b[1;1HYour previous successful login (as manager) was on 1990-01-01 00:00:00\r\n",
      );
      this.prompt();
    };
  }

  private press(key: string): void {
    if (this.takeKey !== null) {
      const answer = this.takeKey;
      this.takeKey = null;
      answer(key);
    } else if (key === "\r") {
      const line = this.pending;
      this.pending = "";
      this.channel.write(`${line}\r\n`);
      this.take(line);
    } else this.pending += key;
  }

  private take(line: string): void {
    this.facts.typed(line);
    const fault = this.facts.faults.take(line);
    const isCarriedOut = fault === null || fault.after === true || line.startsWith("show ");
    const outcome = isCarriedOut ? carryOut(line, this.mode, this.facts.cli) : { lines: [] };
    this.settle(outcome, fault);
  }

  private settle(outcome: Outcome, fault: SwitchFault | null): void {
    if ("end" in outcome) {
      if (outcome.end === "reboot") this.facts.reboot();
      else this.channel.end();
    } else if ("lines" in outcome) {
      if (fault === null) this.print(outcome.lines, false);
      else this.spoil(fault.kind, outcome.lines);
    } else this.ask(outcome);
  }

  private ask(question: Extract<Outcome, { ask: string }>): void {
    const { ask, answered } = question;
    if (ask === "password") {
      this.askPassword(answered);
      return;
    }
    this.channel.write(ask);
    this.takeKey = (key) => {
      this.channel.write(`${key}\r\n`);
      this.settle(answered(key), null);
    };
  }

  private askPassword(answered: (text: string) => Outcome): void {
    this.channel.write("Password: ");
    let secret = "";
    const next: TakeKey = (key) => {
      if (key === "\r") {
        this.channel.write("\r\n");
        this.settle(answered(secret), null);
        return;
      }
      secret += key;
      this.takeKey = next;
    };
    this.takeKey = next;
  }

  private prompt(): void {
    this.channel.write(`\u001b[24;1H\u001b[2K\r${promptOf(this.facts.cli.device, this.mode)}\u001b[?25h`);
  }

  private print(lines: readonly string[], isEndless: boolean): void {
    const now = this.mode.paging || isEndless ? lines.slice(0, pageLength) : lines;
    this.channel.write(now.map((line) => `${line}\r\n`).join(""));
    if (now.length === lines.length && !isEndless) {
      this.prompt();
      return;
    }
    this.channel.write(pager);
    this.takeKey = (key) => {
      this.channel.write(wiped);
      if (key === "\u0003" || key === "q") this.prompt();
      else this.print(isEndless ? lines : lines.slice(now.length), isEndless);
    };
  }

  private spoil(kind: SwitchFault["kind"], lines: readonly string[]): void {
    const spoiled: Readonly<Record<SwitchFault["kind"], () => void>> = {
      close: () => {
        const half = lines.slice(0, 3).map((line) => `${line}\r\n`);
        this.channel.write(half.join(""), () => this.facts.hangUp());
      },
      pages: () => this.print([...lines, ...Array<string>(pageLength).fill(" again")], true),
      flood: () => pour(this.channel, flood, () => this.prompt()),
      control: () =>
        this.print(
          lines.map((line) => `\u001b[31m\u0007${line}\u001b[0m\u001b[K`),
          false,
        ),
      garbage: () => this.print(["%% ---- ---", " ---- + ---- ----", "!! 17 ?? 0x00 ~~"], false),
      refuse: () => this.print(["Invalid input: lab"], false),
      silent: () => undefined,
    };
    spoiled[kind]();
  }
}

/** Serves one channel until it is closed. */
export const serveTerminal = (channel: ServerChannel, facts: TerminalFacts): void =>
  new Terminal(channel, facts).serve();
