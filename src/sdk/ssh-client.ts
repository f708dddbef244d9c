/** A driver's view of an ssh endpoint: commands, shells and files go to the runner, which sends them. */
import type { SshAnswer } from "../model/plan.ts";
import type { Ask } from "./http-client.ts";

/** How a command is run. */
export interface SshRunOptions {
  /** Fed to the command; a command with input is always a write. */
  readonly stdin?: string;
  /** For the whole command, in milliseconds; default: the manifest's `defaults.transports.ssh.timeout_s`, else 30 s. */
  readonly timeout_ms?: number;
  /** Sends the output to the job's events as it comes, line by line. */
  readonly stream?: boolean;
}

/** What came of a command. Any exit code is an answer; only a failed contact throws. */
export interface SshResult {
  /** Null where the device tells none. */
  readonly exit_code: number | null;
  /** What it printed, as text. */
  readonly stdout: string;
  /** What it printed beside it; empty for a line in a shell. */
  readonly stderr: string;
}

/** The answer to an ssh step of a plan: one result for each command that was sent. */
export interface SshStepAnswer {
  /** What came of each command that was sent, in order. */
  readonly results: readonly (SshResult & { readonly command: string; readonly prompt?: string })[];
  /** The device closed the connection behind the last command. */
  readonly closed: boolean;
  /** What the device asked that the step has no answer to; nothing was sent after it. */
  readonly question?: string;
  /** What says that a line of a shell was not taken; nothing was sent after it. */
  readonly error?: string;
}

/** What came of a file that was put. */
export interface SshPutResult {
  /** Where it was put. */
  readonly path: string;
  /** Bytes that the device took. */
  readonly bytes: number;
  /** Why it took none. */
  readonly message?: string;
}

/** How a shell is read. */
export interface SshSessionOptions {
  /** A regular expression of the prompt's whole line; default: the manifest's, else it is learnt at login. */
  readonly prompt?: string;
  /** Lines with which the device waits for a key, `*` for any text; the usual ones are known. */
  readonly pager?: readonly string[];
}

/** How a line of a shell is said. */
export interface SshLineOptions extends Omit<SshRunOptions, "stdin"> {
  /** What is said when the device asks back; a line with answers is always a write. */
  readonly answers?: readonly SshAnswer[];
}

/** What came of a line in a shell: control sequences, echo and prompt are taken out of `stdout`. */
export interface SshLineResult extends SshResult {
  /** A shell tells none. */
  readonly exit_code: null;
  /** The prompt behind it, or the question that nobody answered. */
  readonly prompt: string;
}

/** An interactive shell of a device: logged in, privileged and set up as the manifest says. */
export interface SshSession {
  /**
   * Sends one line and waits for the prompt. Reads go over a shell that never wrote and is kept warm between calls;
   * writes of one session share a shell, so that a configuration mode lasts.
   */
  run(command: string, options?: SshLineOptions): Promise<SshLineResult>;
  /** Closes the shell in which this session wrote. The end of the call does it too. */
  close(): Promise<void>;
}

/** Commands, shells and files of one endpoint. */
export interface SshClient {
  /**
   * Runs one command over a channel of its own. Lines that the manifest's `reads` name are reads, any other is a write.
   * Throws DriverError: `auth_failed`, `host_key_mismatch`, `host_key_unknown`, `connect_timeout`, `response_timeout`,
   * `response_too_large`, `device_error` (the device closed the connection in the middle), `read_only_violation` ...
   *
   * @example const { stdout } = await this.transports.ssh.run("show version");
   */
  run(command: string, options?: SshRunOptions): Promise<SshResult>;
  /**
   * A shell for devices that take lines but no single commands.
   *
   * @example const { stdout } = await this.transports.ssh.session().run("show interfaces brief");
   */
  session(options?: SshSessionOptions): SshSession;
  /**
   * Puts a file of at most 16 MiB over sftp: always a write, named `PUT <path>` in `writes[]`. `mode` are its
   * permissions (0o644 ...); without them the device chooses.
   */
  put(path: string, bytes: Uint8Array | string, mode?: number): Promise<SshPutResult>;
}

const sessionOf = (
  ask: Ask,
  facts: { transport: string; session: number; options: SshSessionOptions },
): SshSession => ({
  run: async (command, options = {}) => (await ask("ssh.line", { ...options, ...facts, command })) as SshLineResult,
  close: async () => {
    await ask("ssh.close", { transport: facts.transport, session: facts.session });
  },
});

/** A client of the endpoint that the manifest calls `transport`. */
export const createSshClient = (ask: Ask, transport: string): SshClient => {
  let sessions = 0;
  return {
    run: async (command, options = {}) => (await ask("ssh.run", { ...options, transport, command })) as SshResult,
    put: async (path, bytes, mode) => {
      const base64 = Buffer.from(bytes as Uint8Array).toString("base64");
      return (await ask("ssh.put", {
        transport,
        path,
        base64,
        ...(mode === undefined ? {} : { mode }),
      })) as SshPutResult;
    },
    session: (options = {}) => {
      sessions += 1;
      return sessionOf(ask, { transport, session: sessions, options });
    },
  };
};
