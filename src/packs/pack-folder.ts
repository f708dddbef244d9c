/** Reads a pack that lies as a folder on disk, under the same rules as an archive. */
import type { Dirent } from "node:fs";
import { constants } from "node:fs";
import { lstat, open, readdir } from "node:fs/promises";
import { join } from "node:path";
import { SwitchyardError } from "../errors.ts";
import type { PackFile } from "../model/integration-type.ts";
import { isIgnored, notAFile, packLimits, safePath } from "./entry-path.ts";
import { assertDistinct } from "./pack-files.ts";

const kindOf = (entry: Dirent): string => (entry.isSymbolicLink() ? "symbolic link" : "special file");

const quota = (limit: string): SwitchyardError =>
  new SwitchyardError("archive_quota", {
    detail: `Expected a pack of at most ${limit}, got more. Leave out what the driver does not need.`,
  });

const listPaths = async (root: string, folder = ""): Promise<string[]> => {
  const entries = await readdir(join(root, folder), { withFileTypes: true });
  const paths: string[] = [];
  for (const entry of entries) {
    const path = safePath(folder === "" ? entry.name : `${folder}/${entry.name}`);
    if (isIgnored(path)) continue;
    if (entry.isDirectory()) paths.push(...(await listPaths(root, path)));
    else if (entry.isFile()) paths.push(path);
    else throw notAFile(path, kindOf(entry));
    if (paths.length > packLimits.entries) throw quota(`${packLimits.entries} files`);
  }
  return paths;
};

/** Opened without following a link that took the file's place since it was listed. */
const readPlainFile = async (root: string, path: string): Promise<PackFile> => {
  const file = await open(join(root, path), constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    return { path, bytes: await file.readFile() };
  } finally {
    await file.close();
  }
};

const assertSize = async (root: string, paths: readonly string[]): Promise<void> => {
  let total = 0;
  for (const path of paths) {
    total += (await lstat(join(root, path))).size;
    if (total > packLimits.unpackedBytes) throw quota(`${packLimits.unpackedBytes} bytes`);
  }
};

/**
 * The files below a folder, in the order of their paths.
 * @throws SwitchyardError `archive_path_unsafe`, `archive_quota`, `archive_invalid`.
 */
export const readPackFolder = async (root: string): Promise<readonly PackFile[]> => {
  const paths = (await listPaths(root)).sort();
  assertDistinct(paths);
  await assertSize(root, paths);
  const files: PackFile[] = [];
  for (const path of paths) files.push(await readPlainFile(root, path));
  return files;
};
