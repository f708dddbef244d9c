/** The shell of a pack's author: commands as the docs print them, `npx switchyard` being this checkout's. */
import { spawn } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { Ran, Running } from "./cli.ts";

const cli = join(import.meta.dirname, "../../scripts/cli.mjs");

export interface ShellTerms {
  /** What comes from standard input, which ends then. */
  readonly input?: string;
  readonly environment?: Readonly<Record<string, string>>;
  /** Types at a terminal that the command is given: sees all that stands on it, answers what is typed next. */
  readonly type?: (screen: string) => string | undefined;
}

export interface Shell {
  /** A folder of the test's own, in which every command runs. */
  readonly home: string;
  start(command: string, terms?: ShellTerms): Running;
  run(command: string, terms?: ShellTerms): Promise<Ran>;
  /** Writes files below `name`; answers the folder. */
  write(name: string, files: Readonly<Record<string, string | Buffer>>): string;
  dispose(): void;
}

/** Anything but our own command would be asked from the network. */
const npx = `#!/bin/sh
[ "$1" = switchyard ] || { echo "expected npx switchyard, got $1" >&2; exit 64; }
shift
exec "${process.execPath}" "${cli}" "$@"
`;

const writeBelow = (folder: string, files: Readonly<Record<string, string | Buffer>>): void => {
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), content);
  }
};

export const openShell = (environment: Readonly<Record<string, string>> = {}): Shell => {
  const home = mkdtempSync(join(tmpdir(), "sw-shell-"));
  const programs = mkdtempSync(join(tmpdir(), "sw-bin-"));
  writeFileSync(join(programs, "npx"), npx);
  chmodSync(join(programs, "npx"), 0o755);
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith("SWITCHYARD_"));
  const own = { ...Object.fromEntries(inherited), NO_COLOR: "1", ...environment };
  const start: Shell["start"] = (command, { input, environment: more = {}, type } = {}) => {
    const env = { ...own, PATH: `${programs}:${process.env["PATH"]}`, ...more };
    const [program, ...args] = type === undefined ? ["sh", "-c", command] : ["script", "-qec", command, "/dev/null"];
    // A group of its own: a person's Ctrl-C reaches all of it.
    const child = spawn(program ?? "sh", args, { cwd: home, env, detached: true, stdio: ["pipe", "pipe", "pipe"] });
    const seen = { out: "", err: "" };
    child.stdout.on("data", (chunk) => {
      seen.out += String(chunk);
      const typed = type?.(seen.out);
      if (typed !== undefined) child.stdin.write(typed);
    });
    child.stderr.on("data", (chunk) => {
      seen.err += String(chunk);
    });
    // Who ends before it has read everything is not at fault here.
    child.stdin.on("error", () => undefined);
    if (type === undefined) child.stdin.end(input ?? "");
    const done = new Promise<Ran>((resolve) => child.on("close", (code) => resolve({ code, ...seen })));
    const interrupt = (): void => {
      if (child.pid !== undefined && child.exitCode === null && child.signalCode === null)
        process.kill(-child.pid, "SIGINT");
    };
    return { done, out: () => seen.out, interrupt };
  };
  return {
    home,
    start,
    run: (command, terms) => start(command, terms).done,
    write: (name, files) => {
      writeBelow(join(home, name), files);
      return join(home, name);
    },
    dispose: () => {
      for (const folder of [home, programs]) rmSync(folder, { recursive: true, force: true });
    },
  };
};
