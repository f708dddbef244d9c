/** A pack for upload: an archive as it lies there, or a folder zipped in memory. */
import { lstatSync, readdirSync, readFileSync, statSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { ZipFile } from "yazl";
import { usage } from "./failure.ts";

export interface PackArchive {
  /** Ends in `.int`. */
  readonly name: string;
  readonly bytes: Buffer;
}

/** What tools leave behind and no pack means; the server leaves the rest of its kind out. */
const ignored: ReadonlySet<string> = new Set([".git", ".hg", ".svn", "node_modules", "__pycache__", ".DS_Store"]);
const maxBytes = 50 * 1024 * 1024;

const filesBelow = (folder: string, below = ""): string[] =>
  readdirSync(join(folder, below), { withFileTypes: true }).flatMap((entry) => {
    if (ignored.has(entry.name)) return [];
    const path = below === "" ? entry.name : `${below}/${entry.name}`;
    if (entry.isDirectory()) return filesBelow(folder, path);
    if (entry.isFile()) return [path];
    throw usage(`${path} is neither a file nor a folder; a pack holds nothing else.`, [
      "Replace links by what they point to.",
    ]);
  });

const assertSize = (folder: string, paths: readonly string[]): void => {
  const total = paths.reduce((sum, path) => sum + lstatSync(join(folder, path)).size, 0);
  if (total > maxBytes) throw usage(`${folder} holds more than 50 MiB: that is no pack.`);
};

/** The same content gives the same archive: paths in order, one time for all. */
const zip = (folder: string): Promise<Buffer> => {
  const paths = filesBelow(folder).sort();
  if (!paths.includes("plugin.yaml") && !paths.includes("pack.yaml")) {
    throw usage(`${folder} holds no plugin.yaml, so it is not a pack.`);
  }
  assertSize(folder, paths);
  const archive = new ZipFile();
  const mtime = new Date(1980, 0, 1);
  for (const path of paths) archive.addBuffer(readFileSync(join(folder, path)), path, { mtime, mode: 0o100644 });
  archive.end();
  const chunks: Buffer[] = [];
  return new Promise((resolve, reject) => {
    archive.outputStream.on("data", (chunk: Buffer) => chunks.push(chunk));
    archive.outputStream.on("error", reject);
    archive.outputStream.on("end", () => resolve(Buffer.concat(chunks)));
  });
};

/** @throws CliFailure when there is no pack at that path. */
export const readPack = async (path: string): Promise<PackArchive> => {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined) throw usage(`There is no file or folder ${path}.`);
  if (found.isDirectory()) return { name: `${basename(resolve(path))}.int`, bytes: await zip(path) };
  return { name: basename(path), bytes: readFileSync(path) };
};
