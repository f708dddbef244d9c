/** A device that speaks ssh as a test wants it: for what no real sshd does. */
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import ssh2, { type Connection, type ServerChannel } from "ssh2";

export interface SshDeviceOptions {
  /** What a command of an exec channel is answered with; without it such channels are refused. */
  readonly exec?: (command: string, channel: ServerChannel, connection: Connection) => void;
  readonly shell?: (channel: ServerChannel, connection: Connection) => void;
  /** Logins that are accepted; default: the password "device-password". */
  readonly accepts?: (context: ssh2.AuthContext) => boolean | "pending";
  /** Commands and shells are asked for and never answered. */
  readonly ignoresExec?: boolean;
  /** Channels that may be open at once on one connection. */
  readonly mostChannels?: number;
  /** Ways onward that are asked for, as of a jump host; without it they are refused. */
  readonly forward?: (accept: () => ServerChannel, to: { readonly destPort: number }) => void;
  readonly algorithms?: ssh2.ServerConfig["algorithms"];
}

export interface SshDevice {
  readonly port: number;
  /** How many connections were made. */
  readonly connections: number;
  /** How many of them are open. */
  readonly open: number;
  /** Methods with which logins were tried, `none` left out. */
  readonly logins: readonly string[];
  [Symbol.asyncDispose](): Promise<void>;
}

export const devicePassword = "device-password";

const passwordOnly = (context: ssh2.AuthContext): boolean =>
  context.method === "password" && context.password === devicePassword;

/** Now and then one is made that cannot be read back. */
const hostKey = (): string => {
  for (;;) {
    const made = ssh2.utils.generateKeyPairSync("ed25519").private;
    if (!(ssh2.utils.parseKey(made) instanceof Error)) return made;
  }
};

export const startSshDevice = async (options: SshDeviceOptions): Promise<SshDevice> => {
  const { accepts = passwordOnly, mostChannels = 10 } = options;
  const key = hostKey();
  const open = new Set<Connection>();
  const logins: string[] = [];
  let connections = 0;
  const config = { hostKeys: [key], ...(options.algorithms === undefined ? {} : { algorithms: options.algorithms }) };
  const server = new ssh2.Server(config, (connection) => {
    connections += 1;
    let channels = 0;
    open.add(connection);
    connection.on("close", () => open.delete(connection)).on("error", () => undefined);
    connection.on("authentication", (context) => {
      if (context.method !== "none") logins.push(context.method);
      const verdict = accepts(context);
      if (verdict === true) context.accept();
      else if (verdict === false) context.reject(["password", "publickey"]);
    });
    const { forward } = options;
    if (forward !== undefined) connection.on("tcpip", (accept, _, to) => forward(accept, to));
    connection.on("session", (accept, reject) => {
      if (channels >= mostChannels) {
        reject();
        return;
      }
      channels += 1;
      const session = accept();
      const opened = (channel: ServerChannel): ServerChannel => {
        channel.on("close", () => {
          channels -= 1;
        });
        return channel.on("error", () => undefined);
      };
      session.on("pty", (acceptPty) => acceptPty?.());
      if (options.ignoresExec) session.on("shell", () => undefined);
      else session.on("shell", (acceptShell) => options.shell?.(opened(acceptShell()), connection));
      if (options.ignoresExec) session.on("exec", () => undefined);
      else
        session.on("exec", (acceptExec, _, { command }) => options.exec?.(command, opened(acceptExec()), connection));
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    get connections() {
      return connections;
    },
    get open() {
      return open.size;
    },
    logins,
    [Symbol.asyncDispose]: async () => {
      for (const connection of open) connection.end();
      const closed = once(server, "close");
      server.close();
      await closed;
    },
  };
};

/** Calls back with each line that is typed, its echo sent back; single keys go to `key` while that is set. */
export const typedLines = (
  channel: ServerChannel,
  onLine: (line: string) => void,
): { key: ((key: string) => void) | null } => {
  const state: { key: ((key: string) => void) | null } = { key: null };
  let pending = "";
  channel.on("data", (bytes: Buffer) => {
    for (const character of bytes.toString()) {
      if (state.key !== null) {
        const take = state.key;
        state.key = null;
        take(character);
      } else if (character === "\r") {
        const line = pending;
        pending = "";
        channel.write(`${line}\r\n`);
        onLine(line);
      } else pending += character;
    }
  });
  return state;
};
