/** Lays a release out on disk to be run: by digest, whole or not at all, never to be changed. */
import { randomBytes } from "node:crypto";
import { chmod, mkdir, open, readdir, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { SwitchyardError } from "../errors.ts";
import type { PackFile } from "../model/integration-type.ts";
import { safePath } from "./entry-path.ts";
import { withoutTypes } from "./strip-types.ts";

interface Place {
  /** The folder of all releases; it and what is above it must let the sandbox's user pass. */
  readonly root: string;
  readonly digest: string;
  /** Who lays it out, in letters that a file's name may have: so that what a dead one left is known. */
  readonly owner?: string;
}

const stagingPrefix = ".staging-";
const digestName = /^[0-9a-f]{64}$/;

const newStaging = ({ root, owner = "" }: Place): string =>
  join(root, `${stagingPrefix}${owner}.${randomBytes(8).toString("hex")}`);
const ownerOf = (name: string): string => name.slice(stagingPrefix.length, name.lastIndexOf("."));

const folderOf = ({ root, digest }: Place): string => {
  if (!digestName.test(digest)) throw new SwitchyardError("internal", { detail: "A release is named by its digest." });
  return join(root, digest);
};
const isThere = async (path: string): Promise<boolean> => {
  try {
    return (await stat(path)).isDirectory();
  } catch {
    return false;
  }
};

/** Another worker that starts sweeps the same folder. */
const ignoreMissing = (thrown: NodeJS.ErrnoException): void => {
  if (thrown.code !== "ENOENT") throw thrown;
};

/** A folder that somebody else removed in this moment is young enough to be left. */
const changedAt = async (path: string): Promise<number> => {
  try {
    return (await stat(path)).mtimeMs;
  } catch {
    return Number.POSITIVE_INFINITY;
  }
};

const syncFolder = async (path: string): Promise<void> => {
  const folder = await open(path, "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
};

const writeFile = async (folder: string, { path, bytes }: PackFile): Promise<void> => {
  const target = join(folder, safePath(path));
  await mkdir(dirname(target), { recursive: true, mode: 0o755 });
  const file = await open(target, "wx", 0o444);
  try {
    await file.writeFile(bytes);
    await file.chmod(0o444);
    await file.sync();
  } finally {
    await file.close();
  }
};

const foldersBelow = async (path: string): Promise<string[]> => {
  const entries = await readdir(path, { withFileTypes: true });
  const inner = await Promise.all(
    entries.filter((entry) => entry.isDirectory()).map((entry) => foldersBelow(join(path, entry.name))),
  );
  return [path, ...inner.flat()];
};
const setFolderModes = async (path: string, mode: number): Promise<void> => {
  for (const folder of await foldersBelow(path)) await chmod(folder, mode);
};

const removeFolder = async (path: string): Promise<void> => {
  if (!(await isThere(path))) return;
  await setFolderModes(path, 0o755);
  await rm(path, { recursive: true, force: true });
};

/** Two that lay out the same digest write the same: whoever comes second keeps what is there. */
const moveIntoPlace = async (staging: string, target: string): Promise<void> => {
  try {
    await rename(staging, target);
  } catch (thrown) {
    await removeFolder(staging);
    if (!(await isThere(target))) throw thrown;
  }
};

/**
 * Writes the files below `root/<digest>`, TypeScript also without its types as `.js` beside the source, read-only.
 * A folder of that name is always complete. Answers its path.
 */
export const layOut = async (place: Place & { readonly files: readonly PackFile[] }): Promise<string> => {
  const { root, files } = place;
  const target = folderOf(place);
  if (await isThere(target)) return target;
  await mkdir(root, { recursive: true, mode: 0o755 });
  const staging = newStaging(place);
  await mkdir(staging, { mode: 0o755 });
  try {
    for (const file of withoutTypes(files)) await writeFile(staging, file);
    for (const folder of await foldersBelow(staging)) await syncFolder(folder);
    // A folder that may not be written cannot be renamed by everybody: its own mode comes last.
    for (const folder of (await foldersBelow(staging)).slice(1)) await chmod(folder, 0o555);
  } catch (thrown) {
    await removeFolder(staging);
    throw thrown;
  }
  await moveIntoPlace(staging, target);
  await chmod(target, 0o555);
  await syncFolder(root);
  return target;
};

/** Removes a release from disk; what is not there is no error. */
export const removeLayout = async (place: Place): Promise<void> => {
  const target = folderOf(place);
  if (!(await isThere(target))) return;
  const leaving = newStaging(place);
  await rename(target, leaving);
  await removeFolder(leaving);
};

export interface Sweep {
  readonly root: string;
  /** Milliseconds since 1970: what changed later may be in the making by another process and stays. */
  readonly before: number;
  /** Whether this owner lives no more: what it left half done goes at once. */
  readonly isGone?: (owner: string) => boolean;
  /** Whether the store has this release. */
  readonly isKnown?: (digest: string) => boolean;
}

/** Removes what a killed process left half done, and releases that nobody knows. To be called at start. */
export const sweepLayouts = async (sweep: Sweep): Promise<void> => {
  const { root, before, isGone = () => false, isKnown = () => true } = sweep;
  if (!(await isThere(root))) return;
  for (const name of await readdir(root)) {
    const isStaging = name.startsWith(stagingPrefix);
    const isLeftover = isStaging || (digestName.test(name) && !isKnown(name));
    const path = join(root, name);
    const isOrphan = isStaging && isGone(ownerOf(name));
    if (isOrphan || (isLeftover && (await changedAt(path)) < before)) await removeFolder(path).catch(ignoreMissing);
  }
};
