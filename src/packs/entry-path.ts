/** Which paths a file of a pack may have, and which files are left out because no pack means them. */
import { SwitchyardError } from "../errors.ts";

export const packLimits = {
  /** Of the archive as it was uploaded. */
  archiveBytes: 10 * 1024 * 1024,
  unpackedBytes: 50 * 1024 * 1024,
  entries: 2000,
  /** Unpacked bytes per byte of the archive. */
  ratio: 200,
} as const;

const maxPathLength = 500;
const maxNameBytes = 200;

const shown = (path: string): string => {
  const text = JSON.stringify(path);
  return text.length > 120 ? `${text.slice(0, 120)}..."` : text;
};
const unsafe = (path: string, seen: string): SwitchyardError =>
  new SwitchyardError("archive_path_unsafe", {
    detail: `Expected entries with plain relative paths, got ${shown(path)}: ${seen}. Build the archive again without it.`,
    details: { entry: path.slice(0, maxPathLength) },
  });

const faults: readonly { readonly seen: string; readonly isIn: (path: string) => boolean }[] = [
  { seen: "it is empty", isIn: (path) => path === "" },
  { seen: "it holds a NUL or another control character", isIn: (path) => /[\0-\x1f\x7f]/.test(path) },
  { seen: "it holds a backslash", isIn: (path) => path.includes("\\") },
  { seen: "it is absolute", isIn: (path) => path.startsWith("/") },
  { seen: "it names a drive", isIn: (path) => /^[A-Za-z]:/.test(path) },
  { seen: "it climbs out of its folder", isIn: (path) => path.split("/").includes("..") },
  {
    seen: "it holds an empty or a dot segment",
    isIn: (path) => path.split("/").some((part) => part === "" || part === "."),
  },
  {
    seen: "it is too long",
    isIn: (path) =>
      path.length > maxPathLength || path.split("/").some((part) => Buffer.byteLength(part) > maxNameBytes),
  },
];

/**
 * The path as it is kept: without a leading `./` and without the slash at the end of a folder.
 * @throws SwitchyardError `archive_path_unsafe`.
 */
export const safePath = (name: string): string => {
  const path = name.replace(/^(\.\/)+/, "").replace(/([^/])\/$/, "$1");
  const fault = faults.find(({ isIn }) => isIn(path));
  if (fault !== undefined) throw unsafe(name, fault.seen);
  return path;
};

/** The error for an entry that is neither a file nor a folder. */
export const notAFile = (name: string, kind: string): SwitchyardError => unsafe(name, `it is a ${kind}`);

const ignoredNames: ReadonlySet<string> = new Set([
  "__pycache__",
  "__MACOSX",
  ".DS_Store",
  "Thumbs.db",
  "desktop.ini",
  ".git",
  ".hg",
  ".svn",
  "node_modules",
  // What serves the author's editor on one machine.
  ".switchyard",
]);
const isIgnoredName = (name: string): boolean =>
  ignoredNames.has(name) || name.startsWith("._") || /\.py[co]$/.test(name);

/** What tools leave behind and no pack means. */
export const isIgnored = (path: string): boolean => path.split("/").some(isIgnoredName);
