/** The packs that come with the runner: one folder each below the folder of shipped packs. */
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { asSwitchyardError, type SwitchyardError } from "../errors.ts";
import type { PackFile } from "../model/integration-type.ts";
import { releaseDigest } from "./digest.ts";
import { readPackFolder } from "./pack-folder.ts";

export interface ShippedPack {
  /** Name of its folder. */
  readonly folder: string;
  /** What a `pack.install` job names as its upload. */
  readonly digest: string;
  readonly files: readonly PackFile[];
}

/** A folder that could not be read as a pack. */
export interface BrokenFolder {
  readonly folder: string;
  readonly error: SwitchyardError;
}

const hasManifest = async (path: string): Promise<boolean> => {
  try {
    return (await stat(join(path, "plugin.yaml"))).isFile();
  } catch {
    return false;
  }
};

const listFolders = async (packsDir: string): Promise<string[]> => {
  try {
    const entries = await readdir(packsDir, { withFileTypes: true });
    return entries
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name)
      .sort();
  } catch {
    // No such folder: a runner may ship nothing.
    return [];
  }
};

/** Every pack of the folder, and the folders that hold a manifest but cannot be read. */
export const listShipped = async (packsDir: string): Promise<{ packs: ShippedPack[]; broken: BrokenFolder[] }> => {
  const packs: ShippedPack[] = [];
  const broken: BrokenFolder[] = [];
  for (const folder of await listFolders(packsDir)) {
    const path = join(packsDir, folder);
    if (!(await hasManifest(path))) continue;
    try {
      const files = await readPackFolder(path);
      packs.push({ folder, digest: releaseDigest(files), files });
    } catch (thrown) {
      broken.push({ folder, error: asSwitchyardError(thrown, "archive_invalid") });
    }
  }
  return { packs, broken };
};
