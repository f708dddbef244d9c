/** Real programs for tests: found on PATH, started so that they end with the test run, and on ports of their own. */
import { type ChildProcess, spawn } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { createServer } from "node:net";
import { delimiter, join } from "node:path";

/** A program's path; system programs are found as well when PATH leaves their folders out. */
export const findProgram = (name: string): string | undefined =>
  [...(process.env["PATH"] ?? "").split(delimiter), "/usr/sbin", "/sbin"]
    .map((folder) => join(folder, name))
    .find((path) => existsSync(path));

/** In strict runs a missing program is a failure, elsewhere its tests are skipped. */
export const isStrict = process.env["SWITCHYARD_TEST_STRICT"] === "1";

/** For `describe.skipIf(!hasPrograms(...))`. */
export const hasPrograms = (...names: string[]): boolean =>
  isStrict || names.every((name) => findProgram(name) !== undefined);

export const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  return typeof address === "object" && address !== null ? address.port : 0;
};

export const freeUdpPort = async (): Promise<number> => {
  const socket = createSocket("udp4").bind(0, "127.0.0.1");
  await once(socket, "listening");
  const { port } = socket.address();
  socket.close();
  return port;
};

/** Starts a program that a killed test runner does not leave behind. */
export const spawnGuarded = (program: string, args: readonly string[], env?: NodeJS.ProcessEnv): ChildProcess => {
  const setpriv = findProgram("setpriv");
  const guard = setpriv === undefined ? [] : [setpriv, "--pdeathsig", "KILL"];
  const [command = program, ...rest] = [...guard, program, ...args];
  return spawn(command, rest, { stdio: "ignore", ...(env === undefined ? {} : { env }) });
};

export const endProgram = async (child: ChildProcess, signal: NodeJS.Signals = "SIGTERM"): Promise<void> => {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "exit");
  child.kill(signal);
  await ended;
};
