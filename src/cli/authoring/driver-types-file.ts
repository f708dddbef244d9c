/** Writes the types of a driver beside it, and what an editor needs to understand them. */
import { statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { SwitchyardError } from "../../errors.ts";
import { checkManifest } from "../../model/manifest-check.ts";
import { findDriver } from "../../packs/driver-file.ts";
import { readManifestText } from "../../packs/manifest-file.ts";
import { readPackFolder } from "../../packs/pack-folder.ts";
import { usage } from "../failure.ts";
import { driverTypes, driverTypesFile } from "./driver-types.ts";
import { editorFolder, schemaFile, writeEditorFiles } from "./editor-files.ts";

/**
 * Answers the file's name: a driver in Python has no types, its author's editor still has what it needs. Nothing is
 * written while the manifest is at fault, which a look at the pack says better.
 */
export const writeDriverTypes = async (folder: string): Promise<string | undefined> => {
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) {
    throw usage("--types writes a file beside the driver: give the pack as a folder.");
  }
  try {
    const files = await readPackFolder(folder);
    const { document } = readManifestText(files);
    const { manifest } = checkManifest(document);
    if (manifest === undefined) return undefined;
    const found = findDriver(document, files);
    const language = found.outcome === "found" ? found.driver.language : "node";
    writeEditorFiles(folder, language);
    if (language === "python") return join(editorFolder, schemaFile);
    writeFileSync(join(folder, driverTypesFile), driverTypes(manifest));
    return driverTypesFile;
  } catch (thrown) {
    if (thrown instanceof SwitchyardError) return undefined;
    throw thrown;
  }
};
