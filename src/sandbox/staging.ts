/** A folder of our own for what sandboxes read beside their pack: the child's code and the sdk, with types stripped. */
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  type Stats,
  statSync,
  writeFileSync,
} from "node:fs";
import { cp, rm } from "node:fs/promises";
import { stripTypeScriptTypes } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { endUsersOf } from "./left-processes.ts";
import { isRunning, ownIdentity, readIdentity } from "./process-identity.ts";
import { callFilter } from "./python/call-filter.ts";

export interface Staging {
  readonly dir: string;
  /** Relative to `dir`. */
  readonly entry: string;
  readonly sdkIndex: string;
  /** Relative to `dir`. */
  readonly pythonEntry: string;
  /** A file outside of `dir`; `null` on a processor for which there is none. */
  readonly callFilter: string | null;
  /** A copy of a release that every user of the machine may read: for sandboxes that run as another user. */
  copyRelease(dir: string): Promise<string>;
  dropCopy(path: string): Promise<void>;
  remove(): void;
}

const sandboxDir = dirname(fileURLToPath(import.meta.url));
/** Files of this folder that the child runs. */
const sharedFiles = ["frames.ts", "long-text.ts", "plain.ts", "wire.ts"] as const;

const strip = (source: string): string => stripTypeScriptTypes(source).replace(/(from\s*"\.[^"]*)\.ts"/g, '$1.mjs"');

const stripInto = (from: string, to: string, names: readonly string[]): void => {
  mkdirSync(to, { recursive: true });
  for (const name of names) {
    writeFileSync(join(to, name.replace(/\.ts$/, ".mjs")), strip(readFileSync(join(from, name), "utf8")));
  }
};

const sourcesOf = (dir: string): string[] => readdirSync(dir).filter((name) => name.endsWith(".ts"));

const openToAll = (dir: string): void => {
  chmodSync(dir, 0o755);
  for (const entry of readdirSync(dir, { withFileTypes: true })) {
    const path = join(dir, entry.name);
    if (entry.isDirectory()) openToAll(path);
    else chmodSync(path, 0o644);
  }
};

const prefix = "switchyard-sandbox-";
const ownerFile = "owner.json";
/** A folder that does not say whose it is may be in the making. */
const namelessMs = 3_600_000;

const lookAt = (path: string): Stats | undefined => {
  try {
    return statSync(path);
  } catch {
    return undefined;
  }
};

const isLeftBehind = (dir: string): boolean => {
  const found = lookAt(dir);
  if (!found?.isDirectory() || found.uid !== process.getuid?.()) return false;
  const owner = readIdentity(join(dir, ownerFile));
  return owner === undefined ? Date.now() - found.mtimeMs > namelessMs : isRunning(owner) === false;
};

/** A killed worker ends and removes nothing: the next one does it for all whose process is gone. */
const removeLeftovers = (): void => {
  for (const name of readdirSync(tmpdir())) {
    const dir = join(tmpdir(), name);
    if (!name.startsWith(prefix) || !isLeftBehind(dir)) continue;
    endUsersOf(dir);
    rmSync(dir, { recursive: true, force: true });
  }
};

/** The host of drivers in Python, and the filter that its process runs behind. */
const stagePython = (dir: string): Pick<Staging, "pythonEntry" | "callFilter"> => {
  const pythonEntry = "sandbox/python/host.py";
  mkdirSync(join(dir, "host", dirname(pythonEntry)), { recursive: true });
  copyFileSync(join(sandboxDir, "python/host.py"), join(dir, "host", pythonEntry));
  const filter = callFilter(process.arch);
  const path = join(dir, "calls.bpf");
  if (filter !== null) writeFileSync(path, filter);
  return { pythonEntry, callFilter: filter === null ? null : path };
};

/** Writes the folder below the system's temporary one; `remove` takes it away. */
export const createStaging = (sdkDir: string): Staging => {
  removeLeftovers();
  const dir = mkdtempSync(join(tmpdir(), prefix));
  writeFileSync(join(dir, ownerFile), JSON.stringify(ownIdentity()));
  stripInto(sdkDir, join(dir, "host/sdk"), sourcesOf(sdkDir));
  stripInto(sandboxDir, join(dir, "host/sandbox"), sharedFiles);
  stripInto(join(sandboxDir, "child"), join(dir, "host/sandbox/child"), sourcesOf(join(sandboxDir, "child")));
  const python = stagePython(dir);
  openToAll(dir);
  let copies = 0;
  return {
    dir: join(dir, "host"),
    entry: "sandbox/child/entry.mjs",
    sdkIndex: "sdk/index.mjs",
    ...python,
    copyRelease: async (from) => {
      copies += 1;
      const to = join(dir, `release-${copies}`);
      await cp(from, to, { recursive: true });
      openToAll(to);
      return to;
    },
    dropCopy: (path) => rm(path, { recursive: true, force: true }),
    remove: () => rmSync(dir, { recursive: true, force: true }),
  };
};
