/** The private Redis of a data folder: started when no other is set, ends with its supervisor, never two on one folder. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, open, readFile, readlink, realpath, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { SwitchyardError } from "../errors.ts";
import type { Log } from "../log.ts";
import { askServer, type ServerFacts } from "../redis.ts";

/** A private Redis on a socket. */
export interface PrivateRedis {
  readonly url: string;
  readonly pid: number;
  /** Resolves when the server ended, whoever ended it. */
  readonly ended: Promise<void>;
  /** Ends the server; resolves when its process is gone. */
  stop(): Promise<void>;
}

/** The kernel's limit for a socket's path, without the closing NUL. */
const longestSocketPath = 107;
const startTimeoutMs = 30_000;

/** A process of another user is there, too. */
const isRunning = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
};

const readNumber = async (path: string): Promise<number> => Number(await readFile(path, "utf8").catch(() => "0")) || 0;

/** Whether that process is a server on this folder: a Redis works in its data folder. Where that cannot be read: yes. */
const worksIn = async (pid: number, dir: string): Promise<boolean> => {
  if (pid <= 0 || !isRunning(pid)) return false;
  if (process.platform !== "linux") return true;
  const cwd = await readlink(`/proc/${pid}/cwd`).catch((error: NodeJS.ErrnoException) =>
    error.code === "ENOENT" ? "" : dir,
  );
  return cwd === dir;
};

/** Where the socket lies: in the folder, or in a private one under the system's temporary folder when that is too deep. */
const socketPath = async (dir: string): Promise<string> => {
  const here = join(dir, "redis.sock");
  if (Buffer.byteLength(here) <= longestSocketPath) return here;
  const note = join(dir, "socket-folder");
  const noted = await readFile(note, "utf8").catch(() => "");
  const owner = noted === "" ? undefined : await stat(noted).catch(() => undefined);
  // A folder that somebody else put there in our absence is not ours to listen in.
  if (owner?.isDirectory() && owner.uid === process.getuid?.() && (owner.mode & 0o77) === 0) {
    return join(noted, "redis.sock");
  }
  const folder = await mkdtemp(join(tmpdir(), "switchyard-"));
  await writeFile(note, folder, { mode: 0o600 });
  return join(folder, "redis.sock");
};

/** A lock that says nothing would keep everybody out for a while, and a file that is not closed ends the process later. */
const writeLock = async (path: string): Promise<void> => {
  const file = await open(path, "wx", 0o600);
  try {
    await file.writeFile(String(process.pid));
  } catch (error) {
    await rm(path, { force: true });
    throw error;
  } finally {
    await file.close();
  }
};

/** Only one process at a time may look and start on a folder. */
const withStartLock = async <T>(dir: string, work: () => Promise<T>): Promise<T> => {
  const path = join(dir, "start.lock");
  const deadline = Date.now() + startTimeoutMs;
  for (;;) {
    try {
      await writeLock(path);
      break;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
    await dropStaleLock(path);
    if (Date.now() > deadline) throw refuse(`another process is starting a Redis in ${dir}`);
    await pause(50);
  }
  try {
    return await work();
  } finally {
    await rm(path, { force: true });
  }
};

const dropStaleLock = async (path: string): Promise<void> => {
  const pid = await readNumber(path);
  const age = await stat(path).then(
    ({ mtimeMs }) => Date.now() - mtimeMs,
    () => 0,
  );
  // An empty lock was just made by somebody who has not written its number yet.
  if (pid === 0 ? age > 5000 : !isRunning(pid) || age > 2 * startTimeoutMs) await rm(path, { force: true });
};

const refuse = (seen: string, act = "end it, or set REDIS_URL"): SwitchyardError =>
  new SwitchyardError("queue_unavailable", { detail: `Expected to start a private Redis, but ${seen}; ${act}.` });

const settings = (dir: string, path: string): string[] => [
  ...["--port", "0", "--unixsocket", path, "--unixsocketperm", "700", "--dir", dir, "--daemonize", "no"],
  ...["--pidfile", join(dir, "redis.pid"), "--logfile", join(dir, "redis.log"), "--loglevel", "warning"],
  ...["--save", "", "--appendonly", "yes", "--appendfsync", "always", "--maxmemory-policy", "noeviction"],
];

const works = (program: string, ...args: readonly string[]): boolean =>
  spawnSync(program, args, { stdio: "ignore" }).status === 0;

/**
 * A killed supervisor takes its server along where the kernel can be asked for that: an orderly end, which loses nothing.
 * Elsewhere the server stays, and the next start takes it over.
 */
const withParentDeath = (command: readonly string[]): readonly string[] => {
  const wrap = ["setpriv", "--pdeathsig", "TERM", "--"];
  return works("setpriv", ...wrap.slice(1), "true") ? [...wrap, ...command] : command;
};

const spawnServer = async (dir: string, path: string): Promise<ChildProcess> => {
  const server = ["redis-server", "valkey-server"].find((program) => works(program, "--version"));
  if (server === undefined) {
    throw refuse("neither redis-server nor valkey-server is on the PATH: install one of them (redis-server on Debian)");
  }
  const [program = server, ...args] = withParentDeath([server, ...settings(dir, path)]);
  const child = spawn(program, args, { cwd: dir, detached: true, stdio: "ignore" });
  await once(child, "spawn");
  return child;
};

/** Its own last words, without its pid and its clock. */
const itEnded = async (dir: string): Promise<SwitchyardError> => {
  const file = join(dir, "redis.log");
  const log = await readFile(file, "utf8").catch(() => "");
  const words = (log.trim().split("\n").at(-1) ?? "").replace(/^\d+:\w .* [#*.-] /, "");
  const act = `mend that, or move ${dir} away: what was accepted lies in the database and comes back from there`;
  return refuse(words === "" ? `it ended at once and wrote nothing to ${file}` : `it ended at once: ${words}`, act);
};

/** Waits while a server on this folder starts or shuts down; what it says when it answers, undefined when there is none. */
const findLiving = async (dir: string, path: string): Promise<ServerFacts | undefined> => {
  const deadline = Date.now() + startTimeoutMs;
  for (;;) {
    const living = await askServer(path);
    if (living !== undefined) return living;
    const known = await readNumber(join(dir, "redis.pid"));
    if (!(await worksIn(known, dir))) return undefined;
    if (Date.now() > deadline) throw refuse(`the Redis with process id ${known} on ${dir} does not answer`);
    await pause(20);
  }
};

const launch = async (dir: string, path: string): Promise<ServerFacts> => {
  await rm(path, { force: true });
  const child = await spawnServer(dir, path);
  child.unref();
  const deadline = Date.now() + startTimeoutMs;
  for (;;) {
    const living = await askServer(path);
    if (living !== undefined) return living;
    if (child.exitCode !== null) throw await itEnded(dir);
    if (Date.now() > deadline) {
      child.kill("SIGKILL");
      throw refuse(`it did not listen within ${startTimeoutMs} ms`);
    }
    await pause(10);
  }
};

/** A long append-only file takes its time: a server that says "loading" is not given up. */
const untilLoaded = async (living: ServerFacts, path: string): Promise<void> => {
  if (Number.parseInt(living.version, 10) < 7)
    throw refuse(`it is version ${living.version} and 7 is the oldest that serves`);
  for (let now: ServerFacts | undefined = living; now?.isLoading; now = await askServer(path)) await pause(50);
};

const untilGone = async (pid: number, dir: string, timeoutMs: number): Promise<boolean> => {
  const deadline = Date.now() + timeoutMs;
  while (await worksIn(pid, dir)) {
    if (Date.now() > deadline) return false;
    await pause(20);
  }
  return true;
};

const untilEnded = async (pid: number, dir: string): Promise<void> => {
  while (await worksIn(pid, dir)) await pause(250, undefined, { ref: false });
};

/**
 * Starts the private Redis of a data folder, or takes over the one that lives there. Never two on one folder.
 * @throws SwitchyardError `queue_unavailable` when none can be started.
 */
export const startRedis = async (options: { dir: string; log: Log }): Promise<PrivateRedis> => {
  await mkdir(options.dir, { recursive: true, mode: 0o700 });
  const dir = await realpath(options.dir);
  return withStartLock(dir, async () => {
    const path = await socketPath(dir);
    const found = await findLiving(dir, path);
    const living = found ?? (await launch(dir, path));
    await untilLoaded(living, path);
    const { pid } = living;
    options.log.info(
      { redis_pid: pid },
      found === undefined ? "started a private Redis" : "took over the Redis of this folder",
    );
    const stop = async (): Promise<void> => {
      if (await worksIn(pid, dir)) process.kill(pid, "SIGTERM");
      if (await untilGone(pid, dir, 10_000)) return;
      process.kill(pid, "SIGKILL");
      await untilGone(pid, dir, 5000);
    };
    return { url: path, pid, ended: untilEnded(pid, dir), stop };
  });
};
