/** The command line of a sandbox: what its process may see, use and reach, by level. */
import { existsSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { pathToFileURL } from "node:url";
import type { SandboxLevel } from "../model/integration-type.ts";
import type { ChildPlan } from "./wire.ts";

export interface Command {
  readonly file: string;
  readonly args: readonly string[];
  /** Files that the process finds open, from descriptor 4 on. */
  readonly inherited?: readonly string[];
}

/** What a machine offers for walls. Paths of programs, or null. */
export interface Walls {
  readonly level: SandboxLevel;
  readonly bwrap: string | null;
  readonly setpriv: string | null;
  readonly prlimit: string | null;
  /** The user that sandboxes become at `degraded`; null when we may not change the user. */
  readonly uid: number | null;
}

/** One sandbox to start; all folders as the machine sees them. */
export interface SandboxPaths {
  readonly nodePath: string;
  readonly packDir: string;
  readonly hostDir: string;
  readonly entry: string;
  readonly sdkIndex: string;
  readonly entrypoint: string;
}

/** Not used by Debian or its packages for anybody. */
const sandboxUid = 62_741;
const programFolders = ["/usr/bin", "/bin", "/usr/sbin", "/sbin", "/usr/local/bin"];
/** Where the loader finds Node's shared libraries. */
const libraryFolders = ["/lib", "/lib64", "/usr/lib", "/usr/lib64"];

const findProgram = (name: string): string | null =>
  programFolders.map((folder) => `${folder}/${name}`).find((path) => existsSync(path)) ?? null;

/** Whether every user of the machine may walk to this file and read it. */
export const isOpenToAll = (path: string): boolean => {
  if ((statSync(path).mode & 0o005) !== 0o005) return false;
  let folder = dirname(path);
  while (folder !== dirname(folder)) {
    if ((statSync(folder).mode & 0o001) === 0) return false;
    folder = dirname(folder);
  }
  return true;
};

/** The walls that this machine has for a level. `needed`: what another user must be able to read. */
export const findWalls = (level: SandboxLevel, needed: readonly string[]): Walls => {
  const setpriv = findProgram("setpriv");
  const mayChangeUser = process.getuid?.() === 0 && setpriv !== null && needed.every(isOpenToAll);
  return {
    level,
    bwrap: level === "full" ? findProgram("bwrap") : null,
    setpriv,
    prlimit: findProgram("prlimit"),
    uid: level === "degraded" && mayChangeUser ? sandboxUid : null,
  };
};

/** Files are counted by the descriptors Node opens at start; nothing may be written, no core is kept. */
const resourceLimits = ["--core=0", "--fsize=0", "--nofile=128", "--memlock=0"];

const nodeArgs = (readable: readonly string[], memoryCapBytes: number): string[] => {
  const heapMiB = Math.max(32, Math.floor(memoryCapBytes / 1_048_576));
  return [
    "--permission",
    ...readable.map((folder) => `--allow-fs-read=${folder}/`),
    "--no-warnings",
    "--no-addons",
    // SQLite and the engine's traces, which a flag switches on, open files past the permission model.
    "--no-experimental-sqlite",
    "--freeze-flags-after-init",
    "--title=switchyard-sandbox",
    "--single-threaded",
    "--expose-gc",
    "--max-semi-space-size=1",
    `--max-old-space-size=${heapMiB}`,
  ];
};

const inside = (paths: SandboxPaths): { readonly plan: ChildPlan; readonly script: string } => ({
  script: `${paths.hostDir}/${paths.entry}`,
  plan: {
    packDir: paths.packDir,
    entrypoint: paths.entrypoint,
    sdkUrl: pathToFileURL(`${paths.hostDir}/${paths.sdkIndex}`).href,
  },
});

const nodeCommand = (paths: SandboxPaths, memoryCapBytes: number): Command => {
  const { plan, script } = inside(paths);
  const args = nodeArgs([paths.packDir, paths.hostDir], memoryCapBytes);
  return { file: paths.nodePath, args: [...args, script, JSON.stringify(plan)] };
};

const behind = (file: string | null, options: readonly string[], { file: inner, args }: Command): Command =>
  file === null ? { file: inner, args } : { file, args: [...options, inner, ...args] };

/**
 * The mounts and namespaces of level `full`: nothing of the machine but Node, its libraries and the given folders. It is
 * started in a session of its own and makes no further one: what the session weighs must weigh for all in it.
 */
export const bubblewrapOptions = (mounts: readonly (readonly [string, string])[]): string[] => [
  "--unshare-all",
  "--unshare-user",
  "--die-with-parent",
  "--as-pid-1",
  "--cap-drop",
  "ALL",
  "--uid",
  "65534",
  "--gid",
  "65534",
  "--hostname",
  "sandbox",
  ...libraryFolders.flatMap((folder) => ["--ro-bind-try", folder, folder]),
  ...mounts.flatMap(([from, to]) => ["--ro-bind", from, to]),
  "--remount-ro",
  "/",
  "--chdir",
  "/",
];

const dropOptions = ({ uid }: Walls): string[] => [
  "--pdeathsig",
  "KILL",
  ...(uid === null
    ? []
    : [
        `--reuid=${uid}`,
        `--regid=${uid}`,
        "--clear-groups",
        "--inh-caps=-all",
        "--bounding-set=-all",
        "--no-new-privs",
      ]),
  "--",
];

/** A command behind what the walls offer; `options` are bubblewrap's and count at `full` only. */
export const behindWalls = (
  walls: Walls,
  options: readonly string[],
  command: Command,
  limits: readonly string[] = [],
): Command =>
  behind(
    walls.setpriv,
    dropOptions(walls),
    behind(walls.prlimit, [...resourceLimits, ...limits], behind(walls.bwrap, options, command)),
  );

/** The whole command of one sandbox. */
export const commandOf = (walls: Walls, paths: SandboxPaths, memoryCapBytes: number): Command => {
  if (walls.bwrap === null) return behindWalls(walls, [], nodeCommand(paths, memoryCapBytes));
  const seen = { ...paths, nodePath: "/node", packDir: "/pack", hostDir: "/switchyard" };
  const options = bubblewrapOptions([
    [paths.nodePath, seen.nodePath],
    [paths.packDir, seen.packDir],
    [paths.hostDir, seen.hostDir],
  ]);
  return behindWalls(walls, options, nodeCommand(seen, memoryCapBytes));
};
