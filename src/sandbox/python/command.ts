/** The command line of a sandbox for a driver in Python: always behind bubblewrap, since nothing else would hold it. */
import { existsSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { SwitchyardError } from "../../errors.ts";
import { findInterpreter, type Interpreter, isRecentPython, leastPython } from "../../packs/interpreter.ts";
import { behindWalls, bubblewrapOptions, type Command, type Walls } from "../limits.ts";

export interface PythonPaths {
  readonly packDir: string;
  readonly hostDir: string;
  /** Relative to `hostDir`. */
  readonly pythonEntry: string;
  /** The filter of calls to the kernel; `null` where none is known for the processor. */
  readonly callFilter: string | null;
  readonly entrypoint: string;
}

const title = "switchyard-sandbox";
/** The first descriptor behind the line to the runner. */
const filterDescriptor = 4;

const prefixOf = (path: string): string => dirname(dirname(path));
const isOfDistribution = (path: string): boolean => ["/usr", "/"].includes(prefixOf(path));

/** An interpreter that a person installed brings its library along; a distribution's lies where all libraries do. */
const ownLibrary = (prefix: string, version: string): readonly string[] => {
  const folder = join(prefix, "lib");
  if (!existsSync(folder)) return [];
  const shared = readdirSync(folder).filter((name) => name.startsWith(`libpython${version}`) && name.includes(".so"));
  return [`python${version}`, ...shared].map((name) => join(folder, name)).filter((path) => existsSync(path));
};

/** What is read beside the usual libraries: the interpreter itself, under the name that its process shall have. */
const mountsOf = ({ path, version }: Interpreter): readonly (readonly [string, string])[] => {
  const added = [`/usr/local/lib/python${version}/dist-packages`].filter((folder) => existsSync(folder));
  const own = isOfDistribution(path) ? added : ownLibrary(prefixOf(path), version);
  return [[path, titleOf(path)], ...own.map((one) => [one, one] as const)];
};

/**
 * A name without a folder is what the process is listed by; Python finds its library from the folder on the path.
 * Shared libraries are looked for where the distribution puts them, unless the loader is told of another place.
 */
const environmentOf = ({ path }: Interpreter): readonly string[] => [
  ...["--setenv", "PATH", dirname(path)],
  ...(isOfDistribution(path) ? [] : ["--setenv", "LD_LIBRARY_PATH", join(prefixOf(path), "lib")]),
];

/** Beside the interpreter, so that it finds its library as ever. */
const titleOf = (path: string): string => join(dirname(path), title);

/** Libraries open these without asking whether they are there; nothing comes of it. */
const devices = ["/dev/null", "/dev/urandom"].flatMap((path) => ["--dev-bind-try", path, path]);

/**
 * What may be mapped. Tables of pages and stacks of threads are no resident memory of the process, so that its cap does
 * not meet them; this does. Node cannot be held so: it reserves far more than it uses.
 */
const processLimits = [`--as=${4 * 1024 ** 3}`];

/** Isolated from environment and user, without site, writing no byte code. */
const pythonArgs = ["-I", "-S", "-B", "-X", "utf8"];

const tooWeak = (): SwitchyardError =>
  new SwitchyardError("sandbox_level_too_low", {
    detail:
      "Drivers in Python run behind bubblewrap only, and this machine's sandbox is degraded: install bubblewrap, or allow user namespaces.",
  });

const notInstalled = (seen: string): SwitchyardError =>
  new SwitchyardError("program_missing", {
    detail: `Expected Python ${leastPython} or newer for a driver in Python, got ${seen}: install python3 on the worker's machine.`,
  });

/** @throws SwitchyardError `program_missing`. */
const requireInterpreter = (found: Interpreter | null | undefined): Interpreter => {
  if (found === null || found === undefined) throw notInstalled("none");
  if (!isRecentPython(found)) throw notInstalled(found.version);
  return found;
};

/**
 * The whole command of one sandbox. `interpreter`: instead of the machine's own.
 * @throws SwitchyardError `sandbox_level_too_low`, `program_missing`.
 */
export const pythonCommand = (walls: Walls, paths: PythonPaths, interpreter?: Interpreter | null): Command => {
  if (walls.bwrap === null || paths.callFilter === null) throw tooWeak();
  const python = requireInterpreter(interpreter === undefined ? findInterpreter() : interpreter);
  const options = bubblewrapOptions([...mountsOf(python), [paths.packDir, "/pack"], [paths.hostDir, "/switchyard"]]);
  const plan = { packDir: "/pack", entrypoint: paths.entrypoint };
  const command = behindWalls(
    walls,
    ["--seccomp", String(filterDescriptor), ...environmentOf(python), ...devices, ...options],
    {
      file: title,
      args: [...pythonArgs, `/switchyard/${paths.pythonEntry}`, JSON.stringify(plan)],
    },
    processLimits,
  );
  return { ...command, inherited: [paths.callFilter] };
};
