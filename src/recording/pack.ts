/** A pack as it lies in its author's folder. */
import { SwitchyardError } from "../errors.ts";
import type { Language, PackFile } from "../model/integration-type.ts";
import type { Manifest } from "../model/manifest.ts";
import { checkManifest } from "../model/manifest-check.ts";
import { findDriver } from "../packs/driver-file.ts";
import { readManifestFile } from "../packs/manifest-file.ts";
import { readPackFolder } from "../packs/pack-folder.ts";
import { checkedDigest } from "../packs/quality.ts";

export interface PackAtHand {
  readonly folder: string;
  readonly manifest: Manifest;
  readonly digest: string;
  readonly language: Language;
  readonly files: readonly PackFile[];
}

/** @throws SwitchyardError `manifest_missing`, `manifest_invalid`, `archive_*`. */
export const readPack = async (folder: string): Promise<PackAtHand> => {
  const files = await readPackFolder(folder);
  const { document } = readManifestFile(files);
  const { manifest, problems } = checkManifest(document);
  if (manifest !== undefined && manifest !== null) {
    const driver = findDriver(document, files);
    const language = driver.outcome === "found" ? driver.driver.language : "node";
    return { folder, manifest, digest: checkedDigest(files), language, files };
  }
  throw new SwitchyardError("manifest_invalid", {
    detail: `The manifest is not in order: ${problems.map(({ pointer, message }) => `${pointer || "/"} ${message}`).join("; ")}.`,
    errors: problems,
  });
};
