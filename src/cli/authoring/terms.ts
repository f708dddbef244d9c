/** What the author's machine brings to looking at a pack. */
import { resolve } from "node:path";
import type { Alone } from "../alone.ts";
import type { LocalTerms } from "./local-sandbox.ts";

/** @throws SettingError when a setting is wrong. */
export const localTerms = async ({ environment, cwd, version, now }: Alone): Promise<LocalTerms> => {
  const { loadConfig } = await import("../../config.ts");
  return { coreVersion: version, minSandbox: loadConfig(environment, cwd).minSandbox, now };
};

export const placeOf = ({ cwd }: Alone, path: string): string => resolve(cwd, path);
