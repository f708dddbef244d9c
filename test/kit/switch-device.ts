/** A small switch with a command line: banner, any key, paging, privileged and configuration mode. */
import type { Connection, ServerChannel } from "ssh2";
import { type SshDevice, startSshDevice, typedLines } from "./ssh-device.ts";

export const enablePassword = "enable-password";

export interface SwitchOptions {
  /** Instead of the usual answer to a line; return undefined to leave it to the switch. */
  readonly odd?: (line: string, channel: ServerChannel, connection: Connection) => boolean;
  readonly mostChannels?: number;
  readonly hostname?: string;
}

export interface SwitchDevice extends SshDevice {
  /** Lines that changed something, or tried to. */
  readonly writes: string[];
  readonly lines: string[];
  /** Shells that were opened. */
  readonly shells: number;
}

const pageLength = 20;

interface Mode {
  name: string;
  isPrivileged: boolean;
  isPaging: boolean;
}

export const startSwitch = async ({
  odd,
  mostChannels,
  hostname = "HP-2920-24G",
}: SwitchOptions = {}): Promise<SwitchDevice> => {
  const writes: string[] = [];
  const lines: string[] = [];
  let shells = 0;

  const serve = (channel: ServerChannel, connection: Connection): void => {
    shells += 1;
    const mode: Mode = { name: "", isPrivileged: false, isPaging: true };
    const prompt = (): void => {
      const sign = mode.isPrivileged ? "#" : ">";
      channel.write(`\u001b[1;24r\u001b[24;1H\u001b[2K\r${hostname}${mode.name}${sign} \u001b[?25h`);
    };
    const page = (rest: readonly string[], then: () => void): void => {
      const now = mode.isPaging ? rest.slice(0, pageLength) : rest;
      channel.write(now.map((line) => `${line}\r\n`).join(""));
      if (now.length === rest.length) {
        then();
        return;
      }
      channel.write("-- MORE --, next page: Space, next line: Enter, quit: Control-C");
      typed.key = () => {
        channel.write("\r                                                               \r");
        page(rest.slice(now.length), then);
      };
    };
    const reload = (): void => {
      channel.write("This will reboot the system from primary image.\r\nContinue (y/n)? ");
      typed.key = (key) => {
        writes.push(`reload ${key}`);
        if (key === "y") connection.end();
        else prompt();
      };
    };
    const configure = (line: string): boolean => {
      if (line === "end" || line === "exit") mode.name = "";
      else if (/^interface [\w/,-]+$/.test(line)) mode.name = `(eth-${line.slice(10)})`;
      else if (/^(no )?power-over-ethernet/.test(line) && mode.name.startsWith("(eth"))
        writes.push(`${mode.name} ${line}`);
      else return false;
      return true;
    };
    const enable = (): void => {
      channel.write("Password: ");
      typed.onSecret((secret) => {
        mode.isPrivileged = secret === enablePassword;
        channel.write(mode.isPrivileged ? "\r\n" : "\r\nInvalid password\r\n");
        prompt();
      });
    };
    const answers: Readonly<Record<string, () => void>> = {
      "": prompt,
      "no page": () => {
        mode.isPaging = false;
        prompt();
      },
      enable,
      "show ports": () =>
        page(
          Array.from({ length: 45 }, (_, port) => ` ${port + 1}  Up  1000FDx`),
          prompt,
        ),
      "show version": () => {
        channel.write("Image stamp: /ws/swbuildm\r\n\u001b[7mWB.16.10\u001b[0m\u0007\r\n");
        prompt();
      },
    };
    const privileged: Readonly<Record<string, () => void>> = {
      configure: () => {
        mode.name = "(config)";
        prompt();
      },
      reload,
    };
    const other = (line: string): void => {
      if (mode.name === "" || !configure(line)) channel.write(`Invalid input: ${line}\r\n`);
      prompt();
    };
    const answer = (line: string): void => {
      lines.push(line);
      if (odd?.(line, channel, connection)) return;
      const known = { ...answers, ...(mode.isPrivileged ? privileged : {}) }[line] ?? (() => other(line));
      known();
    };
    const lineTyped = typedLines(channel, answer);
    const typed = Object.assign(lineTyped, {
      onSecret(take: (secret: string) => void): void {
        let secret = "";
        const next = (character: string): void => {
          if (character === "\r") {
            lineTyped.key = null;
            take(secret);
            return;
          }
          secret += character;
          lineTyped.key = next;
        };
        lineTyped.key = next;
      },
    });
    channel.write(
      "HP J9726A 2920-24G Switch\r\n######################\r\n# authorised use only #\r\nPress any key to continue",
    );
    typed.key = () => {
      channel.write("\u001b[2J\u001b[1;1H\r\nYour previous successful login was on 1990-01-01\r\n");
      prompt();
    };
  };

  const device = await startSshDevice({ shell: serve, ...(mostChannels === undefined ? {} : { mostChannels }) });
  return Object.defineProperties({ writes, lines } as unknown as SwitchDevice, {
    port: { value: device.port },
    connections: { get: () => device.connections },
    open: { get: () => device.open },
    logins: { value: device.logins },
    shells: { get: () => shells },
    [Symbol.asyncDispose]: { value: () => device[Symbol.asyncDispose]() },
  });
};
