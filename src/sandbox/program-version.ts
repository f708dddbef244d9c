/** Asks an installed program for its version, behind the walls of a sandbox. */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import type { Readable } from "node:stream";
import type { SandboxLevel } from "../model/integration-type.ts";
import { behindWalls, bubblewrapOptions, type Command, findWalls } from "./limits.ts";

const patienceMs = 5_000;
const mostBytes = 64 * 1024;
/** Programs that are scripts find their interpreter and their modules here; nothing else of the machine is in view. */
const visible = ["/usr", "/bin", "/sbin", "/opt", "/etc/alternatives", "/etc/ld.so.cache"];
const environment = { PATH: "/usr/local/bin:/usr/bin:/bin", LANG: "C.UTF-8", HOME: "/nonexistent" };

/** The first thing in a text that reads as a version: `2.14.18` of `ansible [core 2.14.18]`. */
export const versionIn = (text: string): string | null => {
  const dotted = /(?<![\w.])v?(\d+(?:\.\d+)+(?:[-+~.]?[0-9A-Za-z]+)*)/.exec(text)?.[1];
  return dotted ?? /(?<![\w.])v?(\d+)(?![\w.])/.exec(text)?.[1] ?? null;
};

const commandOf = (level: SandboxLevel, path: string): Command => {
  const mounts = visible.filter((folder) => existsSync(folder)).map((folder) => [folder, folder] as const);
  // Many a program opens /dev/null before it says anything.
  const options = ["--dev", "/dev", ...bubblewrapOptions(mounts)];
  return behindWalls(findWalls(level, [path]), options, { file: path, args: ["--version"] });
};

const killGroup = (pid: number | undefined): void => {
  if (pid === undefined) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // It ended by itself.
  }
};

/** What it says on both of its outputs until it ends, says too much, or takes too long. */
const listen = ({ file, args }: Command, timeoutMs: number): Promise<readonly [string, string]> =>
  new Promise((resolve) => {
    const child = spawn(file, args, { env: environment, cwd: "/", detached: true, stdio: ["ignore", "pipe", "pipe"] });
    const end = (): void => killGroup(child.pid);
    const timer = setTimeout(end, timeoutMs);
    const read = (stream: Readable): (() => string) => {
      let text = "";
      stream.setEncoding("utf8").on("data", (chunk: string) => {
        text += chunk;
        if (text.length > mostBytes) end();
      });
      return () => text.slice(0, mostBytes);
    };
    const stdout = read(child.stdout);
    const stderr = read(child.stderr);
    const done = (): void => {
      clearTimeout(timer);
      end();
      resolve([stdout(), stderr()]);
    };
    child.once("error", done);
    child.once("close", done);
  });

/** The version that `<path> --version` tells; null when it tells none within its time. Never throws. */
export const readProgramVersion = async (
  path: string,
  { level, timeoutMs = patienceMs }: { readonly level: SandboxLevel; readonly timeoutMs?: number },
): Promise<string | null> => {
  if (!existsSync(path)) return null;
  const [stdout, stderr] = await listen(commandOf(level, path), timeoutMs);
  return versionIn(stdout) ?? versionIn(stderr);
};
