/** The Python that drivers of this machine run with: found where distributions put it, and not run to be known. */
import { accessSync, constants, readdirSync, realpathSync } from "node:fs";
import { basename, join } from "node:path";

/** A Python by the name under which it was installed. */
export interface Interpreter {
  /** Without links. */
  readonly path: string;
  /** `3.13`. */
  readonly version: string;
}

/** Older ones lack what the host of Python drivers is made of. */
export const leastPython = "3.11";

/** Where programs are looked for, whatever PATH says. */
export const interpreterFolders = ["/usr/local/bin", "/usr/bin", "/bin", "/opt/homebrew/bin"];

const minorOf = (version: string): number => Number(version.split(".")[1]);

export const isRecentPython = ({ version }: Pick<Interpreter, "version">): boolean =>
  version.startsWith("3.") && minorOf(version) >= minorOf(leastPython);

/** Distributions install `python3` as a link to `python3.13`: its name tells the version. */
const readInterpreter = (path: string): Interpreter | undefined => {
  try {
    accessSync(path, constants.X_OK);
    const real = realpathSync(path);
    const version = /^python(\d+\.\d+)/.exec(basename(real))?.[1];
    return version === undefined ? undefined : { path: real, version };
  } catch {
    return undefined;
  }
};

const versionedIn = (folder: string): readonly Interpreter[] => {
  try {
    const names = readdirSync(folder).filter((name) => /^python3\.\d+$/.test(name));
    return names.flatMap((name) => readInterpreter(join(folder, name)) ?? []);
  } catch {
    return [];
  }
};

/** `python3`; where that is too old, the newest that stands beside it. `undefined`: there is none. */
export const findInterpreter = (folders: readonly string[] = interpreterFolders): Interpreter | undefined => {
  const usual = folders.map((folder) => readInterpreter(join(folder, "python3"))).find((found) => found !== undefined);
  if (usual !== undefined && isRecentPython(usual)) return usual;
  const [newest] = folders.flatMap(versionedIn).sort((one, other) => minorOf(other.version) - minorOf(one.version));
  return newest !== undefined && isRecentPython(newest) ? newest : (usual ?? newest);
};
