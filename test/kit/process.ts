/** Our own entry as a bare process: for starts that are refused, and for roles that are started one by one. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { until } from "./system.ts";

const root = join(import.meta.dirname, "..", "..");

export interface Started {
  readonly child: ChildProcess;
  readonly pid: number;
  output(): string;
  /** Resolves with the exit code when it has ended by itself or was told to. */
  ended(): Promise<number | null>;
  /** SIGTERM, then SIGKILL when it takes too long; the exit code. */
  stop(): Promise<number | null>;
}

/** Starts `src/main.ts` with these settings and none of ours; `uid`: as another user. */
export const startProcess = (
  env: Record<string, string>,
  cwd = root,
  args: readonly string[] = [],
  uid?: number,
): Started => {
  const inherited = Object.entries(process.env).filter(([name]) => !/^(SWITCHYARD_|REDIS_URL|DATABASE_URL)/.test(name));
  const child = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", join(root, "src/main.ts"), ...args], {
    cwd,
    ...(uid === undefined ? {} : { uid, gid: uid }),
    env: { ...Object.fromEntries(inherited), SWITCHYARD_LOG: "warn", SWITCHYARD_PORT: "0", ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (output += String(chunk)));
  const ended = async (): Promise<number | null> => {
    if (child.exitCode === null && child.signalCode === null) await once(child, "close");
    return child.exitCode;
  };
  return {
    child,
    pid: child.pid ?? 0,
    output: () => output,
    ended,
    stop: async () => {
      const killer = setTimeout(() => child.kill("SIGKILL"), 25_000);
      if (child.exitCode === null && child.signalCode === null) child.kill("SIGTERM");
      const code = await ended();
      clearTimeout(killer);
      return code;
    },
  };
};

/** The address that an API left in its data folder, when it answers there. */
export const untilListening = (started: Started, dataDir: string): Promise<string> =>
  until(async () => {
    if (started.child.exitCode !== null)
      throw new Error(`it ended with ${started.child.exitCode}: ${started.output()}`);
    if (!existsSync(join(dataDir, "url"))) return undefined;
    const url = readFileSync(join(dataDir, "url"), "utf8").trim();
    return (await fetch(`${url}/healthz`).catch(() => null))?.ok ? url : undefined;
  }, "an API that listens").catch((error: unknown) => {
    throw new Error(`${String(error)}; it said:\n${started.output()}`);
  });

/** Folders and processes of one test, taken back in one call. */
export const createBelongings = () => {
  const ends: (() => unknown)[] = [];
  const own = {
    add: <T>(thing: T, end: (thing: T) => unknown): T => {
      ends.unshift(() => end(thing));
      return thing;
    },
    folder: (): string =>
      own.add(mkdtempSync(join(tmpdir(), "sw-")), (dir) => rmSync(dir, { recursive: true, force: true })),
    start: (env: Record<string, string>, cwd?: string, args?: readonly string[]): Started =>
      own.add(startProcess(env, cwd, args), (started) => started.stop()),
    server: async (server: Server = createServer((socket) => socket.destroy())): Promise<number> => {
      own.add(server.listen(0, "127.0.0.1"), (one) => one.close());
      await once(server, "listening");
      const address = server.address();
      return typeof address === "object" && address !== null ? address.port : 0;
    },
    giveBack: async (): Promise<void> => {
      for (const end of ends.splice(0)) await end();
    },
  };
  return own;
};
