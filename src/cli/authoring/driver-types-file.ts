/** Writes the types of a driver beside it, and what an editor needs to understand them. */
import { statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { SwitchyardError } from "../../errors.ts";
import { checkManifest } from "../../model/manifest-check.ts";
import { readManifestText } from "../../packs/manifest-file.ts";
import { readPackFolder } from "../../packs/pack-folder.ts";
import { usage } from "../failure.ts";
import { driverTypes, driverTypesFile } from "./driver-types.ts";
import { writeEditorFiles } from "./editor-files.ts";

/** Answers the file's name; nothing is written while the manifest is at fault, which a look at the pack says better. */
export const writeDriverTypes = async (folder: string): Promise<string | undefined> => {
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) {
    throw usage("--types writes a file beside the driver: give the pack as a folder.");
  }
  try {
    const { manifest } = checkManifest(readManifestText(await readPackFolder(folder)).document);
    if (manifest === undefined) return undefined;
    writeFileSync(join(folder, driverTypesFile), driverTypes(manifest));
    writeEditorFiles(folder);
    return driverTypesFile;
  } catch (thrown) {
    if (thrown instanceof SwitchyardError) return undefined;
    throw thrown;
  }
};
