/** Makes the archive of a pack: the same bytes from the same content, on every machine. */
import { ZipFile } from "yazl";
import type { PackFile } from "../model/integration-type.ts";
import { readArchive } from "./archive.ts";
import { packLimits } from "./entry-path.ts";

/** Room for names and headers beside the content. */
const headerBytes = 1024;

const byPath = (left: PackFile, right: PackFile): number =>
  Buffer.compare(Buffer.from(left.path), Buffer.from(right.path));

const sizeOf = (files: readonly PackFile[]): number =>
  files.reduce((sum, { path, bytes }) => sum + bytes.length + 2 * Buffer.byteLength(path) + headerBytes, 0);

/**
 * The `.int` archive of these files: entries in the order of their paths, one time and one mode for all. What fits is
 * stored as it is, because compressors differ between processors, and the bytes would with them.
 */
export const buildArchive = async (files: readonly PackFile[]): Promise<Buffer> => {
  const archive = new ZipFile();
  const compress = sizeOf(files) > packLimits.archiveBytes;
  // The beginning of the format's own calendar, without the field that would add the time zone.
  const options = { mtime: new Date(1980, 0, 1), mode: 0o100644, forceDosTimestamp: true, compress };
  for (const { path, bytes } of files.toSorted(byPath)) archive.addBuffer(Buffer.from(bytes), path, options);
  archive.end();
  const chunks: Buffer[] = [];
  for await (const chunk of archive.outputStream as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
};

/**
 * The archive of these files, read back as an install reads it.
 * @throws SwitchyardError `archive_too_large`, `archive_quota`, `archive_path_unsafe` or `archive_invalid`.
 */
export const buildInstallable = async (files: readonly PackFile[]): Promise<Buffer> => {
  const bytes = await buildArchive(files);
  await readArchive(bytes);
  return bytes;
};
