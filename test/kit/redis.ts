/** A private Redis for a test: on a socket in a folder of its own, gone when the test is. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { createConnection } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";

export interface TestRedis {
  /** A socket path: `connectRedis` and ioredis itself both take it. */
  readonly url: string;
  /** Ends it and removes its data. */
  stop(): Promise<void>;
  /** Kills it as a power cut would; its data stay. */
  kill(): Promise<void>;
  /** Starts it again on its data, killing it first when it lives. */
  restart(): Promise<void>;
}

interface Place {
  readonly folder: string;
  readonly path: string;
  /** On 127.0.0.1 beside the socket; 0: none. */
  readonly port: number;
}

const findProgram = (names: readonly string[]): string | undefined =>
  (process.env["PATH"] ?? "")
    .split(delimiter)
    .flatMap((folder) => names.map((name) => join(folder, name)))
    .find((path) => existsSync(path));

const server = findProgram(["redis-server", "valkey-server"]);
/** For `describe.skipIf(!hasRedis)`. */
export const hasRedis = server !== undefined;

const answersPing = (path: string): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = createConnection(path);
    socket.once("connect", () => socket.write("PING\r\n"));
    socket.once("data", (data) => {
      socket.destroy();
      resolve(data.toString().startsWith("+PONG"));
    });
    socket.once("error", () => resolve(false));
  });

const settings = ({ folder, path, port }: Place): string[] => [
  ...[
    "--port",
    String(port),
    "--bind",
    "127.0.0.1",
    "--unixsocket",
    path,
    "--unixsocketperm",
    "700",
    "--dir",
    folder,
    "--save",
    "",
  ],
  // Written data outlive a killed process whatever the fsync policy; tests cut no power.
  ...["--appendonly", "yes", "--appendfsync", "no", "--maxmemory-policy", "noeviction", "--daemonize", "no"],
];

const untilAnswering = async (child: ChildProcess, path: string): Promise<void> => {
  for (let tries = 0; tries < 500 && child.exitCode === null; tries += 1) {
    if (await answersPing(path)) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  child.kill("SIGKILL");
  throw new Error(`Expected a Redis to answer on ${path}, but it did not start.`);
};

const launch = async (place: Place): Promise<ChildProcess> => {
  if (server === undefined) throw new Error("Expected redis-server or valkey-server on PATH; install redis-server.");
  const setpriv = findProgram(["setpriv"]);
  // A killed test runner must not leave servers behind.
  const guard = setpriv === undefined ? [] : [setpriv, "--pdeathsig", "KILL"];
  const [program = server, ...args] = [...guard, server, ...settings(place)];
  const child = spawn(program, args, { stdio: "ignore" });
  await once(child, "spawn");
  await untilAnswering(child, place.path);
  return child;
};

const end = async (child: ChildProcess, signal: "SIGTERM" | "SIGKILL"): Promise<void> => {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "exit");
  child.kill(signal);
  await ended;
};

/** Starts an empty private Redis. Call `stop()` when the test is over. */
export const startTestRedis = async ({ port = 0 } = {}): Promise<TestRedis> => {
  const folder = await mkdtemp(join(tmpdir(), "sw-redis-"));
  const url = join(folder, "s");
  const place = { folder, path: url, port };
  let child = await launch(place);
  return {
    url,
    stop: async () => {
      await end(child, "SIGKILL");
      await rm(folder, { recursive: true, force: true });
    },
    kill: () => end(child, "SIGKILL"),
    restart: async () => {
      await end(child, "SIGKILL");
      child = await launch(place);
    },
  };
};
