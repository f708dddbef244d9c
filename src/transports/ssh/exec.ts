/** One command over a channel of its own: what goes in, what comes out, and its limits. */
import type { ClientChannel } from "ssh2";
import { SwitchyardError } from "../../errors.ts";
import { answerTooLarge, type Meter, maxAnswerBytes } from "../meter.ts";
import { droppedInAnswer, lateAnswer } from "./failures.ts";
import { type Channel, closeQuietly, type SshLink } from "./link.ts";

/** What a command says while it runs. */
export type OnOutput = (stream: "stdout" | "stderr", bytes: Buffer) => void;

export interface Command {
  readonly line: string;
  readonly stdin?: string;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  readonly meter: Meter;
  readonly onOutput?: OnOutput;
}

/** What came of a command. `exit_code` is null when the device tells none, or a signal ended it. */
export type CommandResult = {
  readonly exit_code: number | null;
  readonly stdout: string;
  readonly stderr: string;
};

class Output {
  private readonly pieces: Record<"stdout" | "stderr", Buffer[]> = { stdout: [], stderr: [] };
  private bytes = 0;
  private isReleased = false;
  private readonly meter: Meter;

  constructor(meter: Meter) {
    this.meter = meter;
  }

  /** Whether anybody wants it. @throws SwitchyardError `response_too_large`. */
  take(stream: "stdout" | "stderr", bytes: Buffer): boolean {
    // A channel that is closed still hands on what came before the device heard of it.
    if (this.isReleased) return false;
    if (this.bytes + bytes.length > maxAnswerBytes) throw answerTooLarge();
    this.meter.take(bytes.length);
    this.bytes += bytes.length;
    this.pieces[stream].push(bytes);
    return true;
  }

  text(stream: "stdout" | "stderr"): string {
    return Buffer.concat(this.pieces[stream]).toString("utf8");
  }

  release(): void {
    this.isReleased = true;
    this.meter.give(this.bytes);
    this.bytes = 0;
    this.pieces.stdout.length = 0;
    this.pieces.stderr.length = 0;
  }
}

/** Collects until the channel is closed. */
const collect = (
  { channel, connection, exit }: Channel,
  command: Command,
  output: Output,
  link: SshLink,
): Promise<CommandResult> => {
  const { promise, resolve, reject } = Promise.withResolvers<CommandResult>();
  const take =
    (stream: "stdout" | "stderr") =>
    (bytes: Buffer): void => {
      try {
        if (output.take(stream, bytes)) command.onOutput?.(stream, bytes);
      } catch (thrown) {
        reject(thrown);
      }
    };
  const finish = (): void => {
    if (!exit.isTold && connection.isDown) reject(droppedInAnswer(link.endpoint));
    else resolve({ exit_code: exit.code, stdout: output.text("stdout"), stderr: output.text("stderr") });
  };
  channel.on("data", take("stdout"));
  channel.stderr.on("data", take("stderr"));
  channel.on("error", reject).on("close", finish);
  return promise;
};

/** A race that leaves no timer and no listener behind. */
const within = async <T>(
  work: Promise<T>,
  { timeoutMs, signal }: Command,
  link: SshLink,
  what: () => string,
): Promise<T> => {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(lateAnswer(link.endpoint, timeoutMs, what())), timeoutMs);
  const onAbort = (): void => late.reject(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  if (signal.aborted) onAbort();
  try {
    return await Promise.race([work, late.promise]);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", onAbort);
  }
};

const itself = ({ line }: Command): string => `the command "${line.slice(0, 80)}"`;

/** Most commands never look at their input and are over before: its end would be one packet more for each of them. */
const inputEndMs = 20;

/** Hands over the input, or tells after a moment that there is none. */
const feed = (channel: ClientChannel, stdin: string | undefined): void => {
  if (stdin !== undefined) {
    channel.end(stdin);
    return;
  }
  const timer = setTimeout(() => channel.end(), inputEndMs);
  channel.on("close", () => clearTimeout(timer));
};

/** Opens the command's channel; given up with the command's time, so that nothing waits for it in vain. */
const begin = async (link: SshLink, command: Command, begun: () => void): Promise<Channel> => {
  const given = new AbortController();
  const signal = AbortSignal.any([command.signal, given.signal]);
  let what = "the connection and its login";
  const open = link.open((client, done) => {
    what = itself(command);
    begun();
    return client.exec(command.line, done);
  }, signal);
  try {
    return await within(open, command, link, () => what);
  } catch (thrown) {
    given.abort(thrown);
    throw thrown;
  }
};

/**
 * Runs a command to its end; past its limits, or when the signal says so, its channel is closed.
 * `begun` is called when the command is on its way: from then on only a refused channel says that it did not run.
 * @throws SwitchyardError with the cause when no whole answer came.
 */
export const runCommand = async (link: SshLink, command: Command, begun: () => void): Promise<CommandResult> => {
  const opened = await begin(link, command, begun);
  const output = new Output(command.meter);
  try {
    const work = collect(opened, command, output, link);
    feed(opened.channel, command.stdin);
    return await within(work, command, link, () => itself(command));
  } catch (thrown) {
    closeQuietly(opened.channel);
    throw thrown instanceof SwitchyardError ? thrown : droppedInAnswer(link.endpoint);
  } finally {
    output.release();
  }
};
