/** The ssh server of the simulated switch. */
import { createHash } from "node:crypto";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import ssh2, { type AuthContext, type Connection } from "ssh2";
import type { CliDevice } from "./commands.ts";
import type { SwitchFaults } from "./faults.ts";
import { serveTerminal } from "./terminal.ts";

export interface SshUser {
  readonly password: string;
  /** Operators have to enable before they may change anything. */
  readonly isManager: boolean;
}

export interface SshOptions {
  readonly host: string;
  readonly port: number;
  readonly hostKey: string;
  readonly users: Readonly<Record<string, SshUser>>;
  readonly cli: CliDevice;
  readonly faults: SwitchFaults;
  readonly typed: (line: string) => void;
  readonly reboot: () => void;
}

export interface SshSide {
  readonly port: number;
  /** SHA256:<43 characters>. */
  readonly fingerprint: string;
  /** Connections that were made. */
  readonly connections: () => number;
  /** Cuts every connection; answers nobody until it is told to. */
  setAway(isAway: boolean): void;
  close(): Promise<void>;
}

const isWelcome = (context: AuthContext, users: SshOptions["users"]): boolean =>
  context.method === "password" && users[context.username]?.password === context.password;

/** A private key that the library can read. */
export const isHostKey = (text: string): boolean => {
  const key = ssh2.utils.parseKey(text);
  return !(key instanceof Error) && key.isPrivateKey();
};

/** The library now and then makes a key that it cannot read again: that one is made anew. */
export const newHostKey = (): string => {
  const key = ssh2.utils.generateKeyPairSync("ed25519").private;
  return isHostKey(key) ? key : newHostKey();
};

const fingerprintOf = (hostKey: string): string => {
  const key = ssh2.utils.parseKey(hostKey);
  if (key instanceof Error) throw key;
  const digest = createHash("sha256").update(key.getPublicSSH()).digest("base64");
  return `SHA256:${digest.replace(/=+$/, "")}`;
};

export const startSsh = async (options: SshOptions): Promise<SshSide> => {
  const fingerprint = fingerprintOf(options.hostKey);
  const open = new Set<Connection>();
  let connections = 0;
  let isAway = false;

  const serve = (connection: Connection): void => {
    connections += 1;
    open.add(connection);
    let user: SshUser | undefined;
    const hangUp = (): void => void connection.end();
    connection.on("close", () => open.delete(connection)).on("error", () => undefined);
    connection.on("authentication", (context) => {
      if (!isWelcome(context, options.users)) {
        context.reject(["password"]);
        return;
      }
      user = options.users[context.username];
      context.accept();
    });
    connection.on("session", (accept) => {
      const session = accept();
      session.on("pty", (acceptPty) => acceptPty?.());
      session.on("exec", (_, reject) => reject?.());
      session.on("shell", (acceptShell) => {
        const channel = acceptShell();
        channel.on("error", () => undefined);
        serveTerminal(channel, { ...options, isManager: user?.isManager === true, hangUp });
      });
    });
    if (isAway) connection.end();
  };

  const server = new ssh2.Server({ hostKeys: [options.hostKey] }, serve);
  server.on("error", () => undefined);
  server.listen(options.port, options.host);
  await once(server, "listening");
  const cut = (): void => {
    for (const connection of open) connection.end();
  };
  return {
    port: (server.address() as AddressInfo).port,
    fingerprint,
    connections: () => connections,
    setAway: (away) => {
      isAway = away;
      if (away) cut();
    },
    close: async () => {
      cut();
      const closed = once(server, "close");
      server.close();
      await closed;
    },
  };
};
