/** What holds for the files of a pack together, wherever they came from. */
import { SwitchyardError } from "../errors.ts";
import type { PackFile } from "../model/integration-type.ts";

const invalid = (detail: string): SwitchyardError => new SwitchyardError("archive_invalid", { detail });

/** Names that one file system keeps apart and another does not. */
const folded = (path: string): string => path.normalize("NFC").toLowerCase();

const foldersOf = (path: string): string[] => {
  const parts = path.split("/");
  return parts.slice(1).map((_, index) => parts.slice(0, index + 1).join("/"));
};

/** @throws SwitchyardError `archive_invalid` when two entries would be one file, or a file is also a folder. */
export const assertDistinct = (paths: readonly string[]): void => {
  const folders = new Set(paths.flatMap(foldersOf).map(folded));
  const seen = new Set<string>();
  for (const path of paths) {
    const key = folded(path);
    if (seen.has(key))
      throw invalid(`Expected every file once, got ${JSON.stringify(path)} twice (or in another case).`);
    if (folders.has(key)) throw invalid(`Expected files or folders, got ${JSON.stringify(path)} as both.`);
    seen.add(key);
  }
};

/** Without the one folder around everything, when there is one. */
export const withoutWrapper = (files: readonly PackFile[]): readonly PackFile[] => {
  const [first] = files;
  const wrapper = first?.path.split("/")[0];
  if (wrapper === undefined || !files.every(({ path }) => path.startsWith(`${wrapper}/`))) return files;
  return files.map(({ path, bytes }) => ({ path: path.slice(wrapper.length + 1), bytes }));
};
