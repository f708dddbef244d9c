/** Where a pack's driver lies and in which language it is written. */
import type { Language, PackFile } from "../model/integration-type.ts";
import { isJsonObject, type JsonObject } from "../model/json.ts";

interface DriverFile {
  /** `module:Class`. */
  readonly entrypoint: string;
  readonly language: Language;
  /** The module's file in the pack. */
  readonly path: string;
}

export type FoundDriver =
  | { readonly outcome: "found"; readonly driver: DriverFile }
  /** No such file beside the manifest. */
  | { readonly outcome: "missing"; readonly message: string }
  /** The manifest's `driver` block is not in order, which its schema says better. */
  | { readonly outcome: "unreadable" };

const entrypointPattern = /^([A-Za-z_][A-Za-z0-9_]*):[A-Za-z_][A-Za-z0-9_]*$/;
const extensions = { node: ["ts", "js", "mjs"], python: ["py"] } as const;
const languages = ["node", "python"] as const;

/** Node comes first when the manifest names no language and the files would fit both. */
export const findDriver = (document: JsonObject, files: readonly PackFile[]): FoundDriver => {
  const { driver } = document;
  const { entrypoint, language } = isJsonObject(driver) ? driver : {};
  const module = typeof entrypoint === "string" ? entrypointPattern.exec(entrypoint)?.[1] : undefined;
  if (typeof entrypoint !== "string" || module === undefined) return { outcome: "unreadable" };
  const asked = languages.filter((name) => language === undefined || language === name);
  const paths = new Set(files.map(({ path }) => path));
  for (const name of asked) {
    const path = extensions[name]
      .map((extension) => `${module}.${extension}`)
      .find((candidate) => paths.has(candidate));
    if (path !== undefined) return { outcome: "found", driver: { entrypoint, language: name, path } };
  }
  const names = asked.flatMap((name) => extensions[name].map((extension) => `${module}.${extension}`));
  return { outcome: "missing", message: `expected one of ${names.join(", ")} beside the manifest, got none` };
};
