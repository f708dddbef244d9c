/** A pack for upload: an archive as it lies there, or a folder that is zipped in memory. */
import { readFileSync, statSync } from "node:fs";
import { basename, resolve } from "node:path";
import { loadConfig } from "../../config.ts";
import { SwitchyardError } from "../../errors.ts";
import { buildArchive } from "../../packs/build.ts";
import { readPackFolder } from "../../packs/pack-folder.ts";
import type { Alone } from "../alone.ts";
import { exitCodes } from "../exit-codes.ts";
import { CliFailure, usage } from "../failure.ts";

export interface PackArchive {
  /** Ends in `.int`. */
  readonly name: string;
  readonly bytes: Buffer;
}

const zip = async (folder: string): Promise<Buffer> => {
  const files = await readPackFolder(folder);
  if (!files.some(({ path }) => path === "plugin.yaml" || path === "pack.yaml")) {
    throw usage(`${folder} holds no plugin.yaml, so it is not a pack.`);
  }
  return buildArchive(files);
};

const refused = ({ title, message, code, status }: SwitchyardError): CliFailure =>
  new CliFailure(exitCodes.usage, { title, detail: message, code, status });

/** @throws CliFailure when there is no pack at that path, or one that no server would take. */
export const readPack = async (path: string): Promise<PackArchive> => {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined) throw usage(`There is no file or folder ${path}.`);
  if (!found.isDirectory()) return { name: basename(path), bytes: readFileSync(path) };
  try {
    return { name: `${basename(resolve(path))}.int`, bytes: await zip(path) };
  } catch (thrown) {
    throw thrown instanceof SwitchyardError ? refused(thrown) : thrown;
  }
};

/** A file or folder here; otherwise, and wherever a catalogue was asked for, a name of it. @throws CliFailure */
export const findPack = async (alone: Alone, asked: string, catalog?: string): Promise<PackArchive> => {
  const path = resolve(alone.cwd, asked);
  const { catalogueName, fetchPack } = await import("./catalogue/find.ts");
  const isHere = catalog === undefined && statSync(path, { throwIfNoEntry: false }) !== undefined;
  const isName = catalogueName.test(asked) && !isHere;
  const known = catalog ?? loadConfig(alone.environment, alone.cwd).catalogUrl;
  return isName && known !== null ? fetchPack(alone, asked, known) : readPack(path);
};
