/** An instance's way to one ssh endpoint: its link, and the shell that is kept warm for reads. */
import type { SshEndpoint } from "../../model/endpoint.ts";
import type { WarmConnection } from "../warm.ts";
import type { Wire } from "../wire.ts";
import { lateAnswer } from "./failures.ts";
import { withSignal } from "./in-time.ts";
import { SshLink } from "./link.ts";
import { type LineEnd, type LineOptions, Shell, type ShellOptions } from "./shell.ts";
import type { OnWait } from "./terminal.ts";

/** Lives as long as its instance is in use. */
export class SshAccess implements WarmConnection {
  readonly link: SshLink;
  private reader: { readonly shell: Shell; readonly key: string } | null = null;
  private turn: Promise<unknown> = Promise.resolve();

  constructor(link: SshLink) {
    this.link = link;
  }

  /**
   * Sends a read over the shell that is kept for reads: one at a time, since devices have few shells. A shell that
   * shows anything but its first prompt afterwards is closed.
   */
  async read(line: string, wire: Wire, shellOptions: ShellOptions, options: LineOptions): Promise<LineEnd> {
    const { timeoutMs } = options;
    const clock = new AbortController();
    let late = () => lateAnswer(this.link.endpoint, timeoutMs, `the reads before the command "${line.slice(0, 80)}"`);
    const onWait: OnWait = (what, seen) => {
      late = () => lateAnswer(this.link.endpoint, timeoutMs, what, seen?.());
    };
    const timer = setTimeout(() => clock.abort(late()), timeoutMs);
    const timed = { ...options, onWait, signal: AbortSignal.any([options.signal, clock.signal]) };
    const mine = this.turn.then(() => this.readNow(line, wire, shellOptions, timed));
    this.turn = mine.catch(() => undefined);
    return withSignal(mine, timed.signal).finally(() => clearTimeout(timer));
  }

  cut(): void {
    this.drop();
    this.link.cut();
  }

  setLeaving(isLeaving: boolean): void {
    this.link.setLeaving(isLeaving);
  }

  private async readNow(line: string, wire: Wire, shellOptions: ShellOptions, options: LineOptions): Promise<LineEnd> {
    options.signal.throwIfAborted();
    const shell = await this.take(wire, shellOptions, options);
    try {
      return await shell.run(line, options);
    } finally {
      this.giveBack(shell, JSON.stringify(shellOptions));
    }
  }

  private async take(wire: Wire, shellOptions: ShellOptions, options: LineOptions): Promise<Shell> {
    const kept = this.reader;
    if (kept !== null) {
      this.reader = null;
      this.link.unkeep(kept.shell);
      if (!kept.shell.isClosed && kept.key === JSON.stringify(shellOptions)) return kept.shell;
      kept.shell.close();
    }
    options.onWait?.("the connection and its login");
    return Shell.open(this.link, wire, shellOptions, options);
  }

  private giveBack(shell: Shell, key: string): void {
    if (shell.isClosed || !shell.isClean) {
      shell.close();
      return;
    }
    this.reader = { shell, key };
    this.link.keep(shell);
  }

  private drop(): void {
    this.reader?.shell.close();
    this.reader = null;
  }
}

/** The instance's one way to this endpoint. */
export const accessFor = (endpoint: SshEndpoint, { warm, around }: Wire): SshAccess =>
  warm.connection(
    `ssh ${endpoint.name}`,
    ({ secrets, hostKeys }) => new SshAccess(new SshLink(endpoint, { around, secrets, hostKeys })),
  );
