/** A real sshd for a test: on a free port, with a user of its own that the machine does not have otherwise. */
import { type ChildProcess, execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { endProgram, findProgram, freePort, hasPrograms, spawnGuarded } from "./program.ts";

const isRoot = process.getuid?.() === 0;
/** sshd logs people in as root alone: without root its tests are skipped, in strict runs they fail. */
export const hasSshd =
  hasPrograms("sshd", "ssh-keygen", "openssl", "unshare") && (isRoot || process.env["SWITCHYARD_TEST_STRICT"] === "1");

export interface TestSshd {
  readonly port: number;
  readonly username: string;
  readonly password: string;
  /** In OpenSSH form; `encryptedKey` has the passphrase "open sesame". */
  readonly privateKey: string;
  readonly encryptedKey: string;
  /** Where the user may write. */
  readonly home: string;
  readonly folder: string;
  /** SHA-256 fingerprint of a host key as OpenSSH shows it. */
  fingerprint(type: HostKeyType): string;
  /** The public host key, as a line of known hosts without the name. */
  publicKey(type: HostKeyType): string;
  log(): string;
  /** The same server with other host keys. */
  changeHostKeys(): Promise<void>;
  /** Ends it and all its sessions, without a word to those. */
  stop(): Promise<void>;
  start(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

const hostKeyTypes = ["ed25519", "ecdsa", "rsa"] as const;
export type HostKeyType = (typeof hostKeyTypes)[number];

export const sshdUser = "operator7";
const username = sshdUser;
const userId = 61_234;

const keygen = (path: string, type: string, passphrase = ""): void => {
  rmSync(path, { force: true });
  rmSync(`${path}.pub`, { force: true });
  execFileSync("ssh-keygen", ["-q", "-t", type, "-N", passphrase, "-C", "", "-f", path]);
};

const settings = (
  folder: string,
  port: number,
  { more, keys }: { more: string; keys: readonly HostKeyType[] },
): string => `
Port ${port}
ListenAddress 127.0.0.1
${keys.map((type) => `HostKey ${folder}/host_${type}`).join("\n")}
PidFile ${folder}/pid
AuthorizedKeysFile ${folder}/authorized_keys
PasswordAuthentication yes
KbdInteractiveAuthentication no
UsePAM no
StrictModes no
UseDNS no
MaxStartups 200:30:400
Subsystem sftp internal-sftp
LogLevel VERBOSE
${more}
`;

/** Files that stand in for the machine's own, in a mount namespace that only this server sees. */
const writeAccounts = (folder: string, password: string): void => {
  const hash = execFileSync("openssl", ["passwd", "-6", password]).toString().trim();
  const line = `${username}:x:${userId}:${userId}::${folder}/home:/bin/bash`;
  writeFileSync(join(folder, "passwd"), `${readFileSync("/etc/passwd", "utf8")}${line}\n`);
  writeFileSync(
    join(folder, "shadow"),
    `${readFileSync("/etc/shadow", "utf8")}${username}:${hash}:19000:0:99999:7:::\n`,
    { mode: 0o600 },
  );
  writeFileSync(join(folder, "group"), `${readFileSync("/etc/group", "utf8")}${username}:x:${userId}:\n`);
};

const isUp = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => {
      socket.destroy();
      resolve(true);
    });
    socket.on("error", () => resolve(false));
  });

const untilUp = async (child: ChildProcess, port: number, log: () => string): Promise<void> => {
  for (let tries = 0; tries < 200 && child.exitCode === null; tries += 1) {
    if (await isUp(port)) return;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  child.kill("SIGKILL");
  throw new Error(`Expected sshd to get ready, but it did not: ${log()}`);
};

const makeFolder = (password: string): string => {
  const folder = mkdtempSync(join(tmpdir(), "sw-sshd-"));
  const home = join(folder, "home");
  chmodSync(folder, 0o755);
  mkdirSync(home);
  chownSync(home, userId, userId);
  mkdirSync("/run/sshd", { recursive: true });
  writeAccounts(folder, password);
  keygen(join(folder, "user_key"), "ed25519");
  keygen(join(folder, "locked_key"), "ed25519", "open sesame");
  const keys = ["user_key.pub", "locked_key.pub"].map((name) => readFileSync(join(folder, name), "utf8"));
  writeFileSync(join(folder, "authorized_keys"), keys.join(""), { mode: 0o644 });
  return folder;
};

export interface SshdOptions {
  /** Further lines of its settings. */
  readonly more?: string;
  readonly password?: string;
  /** Keys of other types are not made. */
  readonly keys?: readonly HostKeyType[];
  /** Further files of its folder, made executable. */
  readonly scripts?: Readonly<Record<string, string>>;
}

/** `@FOLDER@` in settings and scripts is its folder. */
export const startSshd = async (options: SshdOptions = {}): Promise<TestSshd> => {
  const { more = "", keys = hostKeyTypes, scripts = {} } = options;
  const program = findProgram("sshd");
  if (program === undefined || !isRoot)
    throw new Error("Expected root, and sshd on PATH; install the package openssh-server.");
  const { password = `pass-${randomBytes(8).toString("hex")}` } = options;
  const folder = makeFolder(password);
  const port = await freePort();
  writeFileSync(
    join(folder, "sshd_config"),
    settings(folder, port, { more: more.replaceAll("@FOLDER@", folder), keys }),
  );
  for (const [name, text] of Object.entries(scripts)) {
    writeFileSync(join(folder, name), text.replaceAll("@FOLDER@", folder), { mode: 0o755 });
  }
  const logPath = join(folder, "log");
  const log = (): string => (existsSync(logPath) ? readFileSync(logPath, "utf8") : "");
  const mounts = ["passwd", "shadow", "group"]
    .map((name) => `mount --bind ${folder}/${name} /etc/${name}`)
    .join(" && ");
  const command = `${mounts} && exec ${program} -D -f ${folder}/sshd_config -E ${logPath}`;
  let child: ChildProcess | undefined;
  const newKeys = (): void => {
    for (const type of keys) keygen(join(folder, `host_${type}`), type);
  };
  const start = async (): Promise<void> => {
    child = spawnGuarded("unshare", ["--mount", "--pid", "--kill-child=KILL", "--fork", "sh", "-c", command]);
    await untilUp(child, port, log);
  };
  const stop = async (): Promise<void> => {
    // The outermost process passes no other signal on; its death ends all that it started.
    if (child !== undefined) await endProgram(child, "SIGKILL");
  };
  newKeys();
  await start();
  return {
    port,
    username,
    password,
    privateKey: readFileSync(join(folder, "user_key"), "utf8"),
    encryptedKey: readFileSync(join(folder, "locked_key"), "utf8"),
    home: join(folder, "home"),
    folder,
    fingerprint: (type) =>
      execFileSync("ssh-keygen", ["-l", "-f", join(folder, `host_${type}.pub`)])
        .toString()
        .split(" ")[1] ?? "",
    publicKey: (type) => readFileSync(join(folder, `host_${type}.pub`), "utf8").trim(),
    log,
    changeHostKeys: async () => {
      await stop();
      newKeys();
      await start();
    },
    stop,
    start,
    [Symbol.asyncDispose]: async () => {
      await stop();
      rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
    },
  };
};
