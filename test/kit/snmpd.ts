/** A real snmpd for a test: on a free port, with communities and a version 3 user of its own. */
import type { ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import snmp from "net-snmp";
import { endProgram, findProgram, freeUdpPort, hasPrograms, spawnGuarded } from "./program.ts";

export const hasSnmpd = hasPrograms("snmpd");

export interface TestSnmpd {
  readonly port: number;
  readonly folder: string;
  readonly readCommunity: string;
  readonly writeCommunity: string;
  readonly user: { readonly name: string; readonly authKey: string; readonly privKey: string };
  stop(): Promise<void>;
  start(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

const settings = (
  port: number,
  { readCommunity, writeCommunity, user }: Pick<TestSnmpd, "readCommunity" | "writeCommunity" | "user">,
): string => `
agentAddress udp:127.0.0.1:${port}
rocommunity ${readCommunity} 127.0.0.1
rwcommunity ${writeCommunity} 127.0.0.1
createUser ${user.name} SHA "${user.authKey}" AES "${user.privKey}"
rwuser ${user.name} priv
`;

const answers = (port: number, community: string): Promise<boolean> =>
  new Promise((resolve) => {
    const session = snmp.createSession("127.0.0.1", community, {
      port,
      timeout: 100,
      retries: 0,
      version: snmp.Version2c,
    });
    session.get(["1.3.6.1.2.1.1.3.0"], (error) => {
      session.close();
      resolve(error === null);
    });
  });

const untilUp = async (child: ChildProcess, port: number, community: string, log: () => string): Promise<void> => {
  for (let tries = 0; tries < 100 && child.exitCode === null; tries += 1) {
    if (await answers(port, community)) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  child.kill("SIGKILL");
  throw new Error(`Expected snmpd to get ready, but it did not: ${log()}`);
};

export interface SnmpdOptions {
  /** Further users of version 3, by name: the protocol that authenticates them. Keys and encryption are the first one's. */
  readonly users?: Readonly<Record<string, string>>;
  /** Further lines of its settings; `@FOLDER@` is its folder. */
  readonly more?: string;
  readonly writeCommunity?: string;
  /** Further files of its folder, made executable. */
  readonly scripts?: Readonly<Record<string, string>>;
}

export const startSnmpd = async ({
  more = "",
  scripts = {},
  users = {},
  ...given
}: SnmpdOptions = {}): Promise<TestSnmpd> => {
  const program = findProgram("snmpd");
  if (program === undefined) throw new Error("Expected snmpd on PATH; install the package snmpd.");
  const folder = mkdtempSync(join(tmpdir(), "sw-snmpd-"));
  const port = await freeUdpPort();
  const secret = (): string => randomBytes(8).toString("hex");
  const access = {
    readCommunity: `read-${secret()}`,
    writeCommunity: `write-${secret()}`,
    ...given,
    user: { name: "operator7", authKey: `auth-${secret()}`, privKey: `priv-${secret()}` },
  };
  const { authKey, privKey } = access.user;
  const others = Object.entries(users).map(
    ([name, protocol]) => `createUser ${name} ${protocol} "${authKey}" AES "${privKey}"\nrwuser ${name} priv\n`,
  );
  const lines = `${settings(port, access)}${others.join("")}${more.replaceAll("@FOLDER@", folder)}\n`;
  writeFileSync(join(folder, "snmpd.conf"), lines);
  for (const [name, text] of Object.entries(scripts)) {
    writeFileSync(join(folder, name), text.replaceAll("@FOLDER@", folder), { mode: 0o755 });
  }
  const logPath = join(folder, "log");
  const log = (): string => (existsSync(logPath) ? readFileSync(logPath, "utf8") : "");
  let child: ChildProcess | undefined;
  const start = async (): Promise<void> => {
    const env = { ...process.env, SNMP_PERSISTENT_DIR: join(folder, "state") };
    const args = ["-f", "-C", "-c", join(folder, "snmpd.conf"), "-Lf", logPath, "-p", join(folder, "pid")];
    child = spawnGuarded(program, args, env);
    await untilUp(child, port, access.readCommunity, log);
  };
  const stop = async (): Promise<void> => {
    if (child !== undefined) await endProgram(child);
  };
  await start();
  return {
    ...access,
    port,
    folder,
    stop,
    start,
    [Symbol.asyncDispose]: async () => {
      await stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
};
