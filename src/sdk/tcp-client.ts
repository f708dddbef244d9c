/** A driver's view of a line-based tcp endpoint. */
import type { TcpLine } from "../model/plan.ts";
import type { Ask } from "./http-client.ts";

/** How lines are waited for. */
export interface TcpReadOptions {
  /** In milliseconds; default: the transport's. */
  readonly timeout_ms?: number;
  /**
   * Only a line with its end matches, so that `^\\*\\d+` cannot be the first half of a number. Default false: prompts have no
   * end, and what stands behind the last line end is tried as well.
   */
  readonly whole?: boolean;
}

/** One session at the endpoint, after the manifest's login. */
export interface TcpConnection {
  /**
   * Sends one line; the line end is added by the runner. Lines that the device takes together before it answers, such as
   * a command and its block of data, are given as a list: `["set key 0 0 5", "hello"]`. As a write each of them must be
   * named by `writes[]`. Throws `read_only_violation`, `plan_deviation`, `endpoint_not_allowed` ...
   */
  send(line: TcpLine): Promise<void>;
  /** The lines up to and with the first that matches `pattern`. Throws `response_timeout`. */
  readUntil(pattern: string, options?: TcpReadOptions): Promise<readonly string[]>;
  /** Hangs up. The end of the call does it, too; nothing is thrown when the device was quicker. */
  close(): Promise<void>;
}

/** Sessions of lines at one endpoint. */
export interface TcpClient {
  /**
   * Connects, says what the manifest's login says, and gives the session. Throws DriverError: `dns_failed`,
   * `connection_refused`, `network_unreachable`, `connect_timeout`, `response_timeout` (no greeting or login in time),
   * `auth_failed`, `tls_untrusted`, `tls_name_mismatch`, `protocol_mismatch`, `response_too_large` ...
   */
  open(): Promise<TcpConnection>;
}

const connectionOf = (ask: Ask, conn: unknown): TcpConnection => ({
  send: async (line) => {
    await ask("tcp.send", { conn, line });
  },
  readUntil: async (pattern, options = {}) => {
    const answer = (await ask("tcp.read_until", { conn, pattern, ...options })) as { lines: readonly string[] };
    return answer.lines;
  },
  close: async () => {
    await ask("tcp.close", { conn });
  },
});

/** A client of the endpoint that the manifest calls `transport`. */
export const createTcpClient = (ask: Ask, transport: string): TcpClient => ({
  open: async () => {
    const answer = (await ask("tcp.open", { transport })) as { conn: unknown };
    return connectionOf(ask, answer.conn);
  },
});
