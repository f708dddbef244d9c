/** What the author's machine brings to looking at a pack. */
import { statSync } from "node:fs";
import { resolve } from "node:path";
import type { Alone } from "../alone.ts";
import { usage } from "../failure.ts";
import type { LocalTerms } from "./local-sandbox.ts";

/** @throws SettingError when a setting is wrong. */
export const localTerms = async ({ environment, cwd, version, now }: Alone): Promise<LocalTerms> => {
  const { loadConfig } = await import("../../config.ts");
  return { coreVersion: version, minSandbox: loadConfig(environment, cwd).minSandbox, now };
};

/** @throws CliFailure when there is no folder. */
export const folderOf = ({ cwd }: Alone, path: string): string => {
  const folder = resolve(cwd, path);
  const found = statSync(folder, { throwIfNoEntry: false });
  if (found === undefined) throw usage(`There is no folder ${folder}.`);
  if (!found.isDirectory()) throw usage(`${folder} is no folder: a pack is recorded, replayed and checked as one.`);
  return folder;
};

export const placeOf = ({ cwd }: Alone, path: string): string => resolve(cwd, path);
