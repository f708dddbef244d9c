/** Whether this machine has what a pack requires: looks, downloads nothing, and runs nothing by itself. */
import { access, constants, readdir } from "node:fs/promises";
import { join } from "node:path";
import semver from "semver";
import type { PackFile } from "../model/integration-type.ts";
import type { JsonObject } from "../model/json.ts";
import type { Requires } from "../model/manifest.ts";
import { findInterpreter, isRecentPython, leastPython } from "./interpreter.ts";
import { distributionsIn, meetsDependency, wheelsOf } from "./python-packages.ts";

/** What is true of the machine on which drivers run. */
export interface Machine {
  /** Version of Node, such as `26.10.0`. */
  readonly node: string;
  /** As Node names it: `linux`, `darwin` ... */
  readonly platform: string;
  /** As Node names it: `x64`, `arm64` ... */
  readonly arch: string;
  /** Folders where programs are looked for, in order. */
  readonly programFolders: readonly string[];
  /** The version that the program at this path tells; null when it tells none. */
  programVersion(path: string): Promise<string | null>;
}

/** One requirement that is not met. */
export interface Unmet {
  readonly requirement: string;
  readonly message: string;
}

/** The machine this process runs on. Programs are found where distributions put them, whatever PATH says. */
export const thisMachine = (programVersion: Machine["programVersion"]): Machine => ({
  programVersion,
  node: process.versions.node,
  platform: process.platform,
  arch: process.arch,
  programFolders: ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin", "/opt/homebrew/bin"],
});

const unmet = (requirement: string, expected: string, got: string): Unmet => ({
  requirement,
  message: `expected ${expected}, got ${got}`,
});

const inRange = (version: string, range: string): boolean | undefined =>
  semver.validRange(range, { loose: true }) === null
    ? undefined
    : semver.satisfies(semver.coerce(version) ?? "0.0.0", range, { loose: true, includePrerelease: true });

/** Python writes its ranges with commas and `~=`; otherwise they mean the same. */
const asRange = (text: string): string =>
  text
    .replace(/~=\s*(\d+)\.(\d+)\.(\d+)/g, ">=$1.$2.$3 <$1.$2.99999")
    .replace(/~=\s*(\d+)\.(\d+)/g, ">=$1.$2.0 <$1.99999.0")
    .replaceAll("==", "=")
    .replaceAll(",", " ");

const checkVersion = (name: string, range: string, version: string): Unmet[] => {
  const fits = inRange(version, asRange(range));
  if (fits === undefined) return [unmet(name, "a range of versions", JSON.stringify(range))];
  return fits ? [] : [unmet(name, `${name.replace(/^program:/, "")} ${range}`, version)];
};

/** Where a program lies, or `undefined`. Its path is fixed from here on. */
const findProgram = async (machine: Machine, name: string): Promise<string | undefined> => {
  for (const folder of machine.programFolders) {
    const path = join(folder, name);
    try {
      await access(path, constants.X_OK);
      return path;
    } catch {
      // Not in this folder.
    }
  }
  return undefined;
};

const pythonVersion = ({ programFolders }: Machine): string | undefined => findInterpreter(programFolders)?.version;

/** What keeps a driver in Python from running here, whatever its manifest asks for. */
export const checkInterpreter = (machine: Machine): Unmet[] => {
  const found = findInterpreter(machine.programFolders);
  if (found !== undefined && isRecentPython(found)) return [];
  return [unmet("python", `python >=${leastPython} for a driver in Python`, found?.version ?? "none: install python3")];
};

const checkPython = (machine: Machine, range: string): Unmet[] => {
  const version = pythonVersion(machine);
  return version === undefined
    ? [unmet("python", `python ${range}`, "none that is known")]
    : checkVersion("python", range, version);
};

const checkPlatform = (machine: Machine, platforms: readonly string[]): Unmet[] => {
  const names = [machine.platform, `${machine.platform}-${machine.arch}`];
  return platforms.some((platform) => names.includes(platform.toLowerCase()))
    ? []
    : [unmet("platform", `one of ${platforms.join(", ")}`, names[1] ?? machine.platform)];
};

type Program = NonNullable<Requires["programs"]>[number];
const checkProgram = async (machine: Machine, { name, version }: Program): Promise<Unmet[]> => {
  const path = await findProgram(machine, name);
  if (path === undefined) return [unmet(`program:${name}`, `${name} to be installed`, "none")];
  if (version === undefined) return [];
  const found = await machine.programVersion(path);
  if (found !== null) return checkVersion(`program:${name}`, version, found);
  return [unmet(`program:${name}`, `${name} ${version}`, `one at ${path} that does not tell its version`)];
};

const pythonFolders = (machine: Machine): string[] => {
  const version = pythonVersion(machine);
  const own =
    version === undefined
      ? []
      : [`/usr/local/lib/python${version}/dist-packages`, `/usr/lib/python${version}/site-packages`];
  return [...own, "/usr/lib/python3/dist-packages"];
};

const listFolder = async (path: string): Promise<string[]> => {
  try {
    return await readdir(path);
  } catch {
    return [];
  }
};

const checkDependencies = async (
  machine: Machine,
  requires: Requires,
  files: readonly PackFile[],
): Promise<Unmet[]> => {
  const { deps = [], wheelhouse } = requires;
  if (deps.length === 0) return [];
  const folders = await Promise.all(pythonFolders(machine).map(listFolder));
  const present = [...distributionsIn(folders.flat()), ...wheelsOf(files, wheelhouse ?? "wheelhouse")];
  return deps.flatMap((dependency: string | JsonObject) => meetsDependency(dependency, present, checkVersion));
};

const checkWheelhouse = (wheelhouse: string, files: readonly PackFile[]): Unmet[] =>
  files.some(({ path }) => path.startsWith(`${wheelhouse.replace(/\/$/, "")}/`))
    ? []
    : [unmet("wheelhouse", `a folder ${wheelhouse} in the pack`, "none")];

/** Every requirement of a manifest that is not met here; empty when the pack can run. */
export const checkRequires = async (
  requires: Requires | undefined,
  machine: Machine,
  files: readonly PackFile[],
): Promise<Unmet[]> => {
  if (requires === undefined) return [];
  const { node, python, platform, programs = [], wheelhouse } = requires;
  const found = await Promise.all([
    node === undefined ? [] : checkVersion("node", node, machine.node),
    python === undefined ? [] : checkPython(machine, python),
    platform === undefined ? [] : checkPlatform(machine, platform),
    ...programs.map((program) => checkProgram(machine, program)),
    wheelhouse === undefined ? [] : checkWheelhouse(wheelhouse, files),
    checkDependencies(machine, requires, files),
  ]);
  return found.flat();
};
