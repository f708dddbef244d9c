/** Reads an uploaded archive into files and refuses everything that is not a plain, sound, small zip. */
import type { Readable } from "node:stream";
import { crc32 } from "node:zlib";
import { type Entry, fromBufferPromise, getFileNameLowLevel, type ZipFile } from "yauzl";
import { SwitchyardError } from "../errors.ts";
import type { PackFile } from "../model/integration-type.ts";
import { isIgnored, notAFile, packLimits, safePath } from "./entry-path.ts";
import { assertDistinct, withoutWrapper } from "./pack-files.ts";

const invalid = (seen: string, cause?: unknown): SwitchyardError =>
  new SwitchyardError("archive_invalid", {
    detail: `Expected a sound zip archive, got one where ${seen.replace(/\.$/, "")}. Build and upload it again.`,
    cause,
  });
const overQuota = (limit: string, seen: number | string): SwitchyardError =>
  new SwitchyardError("archive_quota", {
    detail: `Expected at most ${limit}, got ${seen}. Leave out what the driver does not need.`,
  });

/** Faults of the zip library are faults of the archive; ours keep their code. */
const asArchiveFault = (thrown: unknown): SwitchyardError => {
  if (thrown instanceof SwitchyardError) return thrown;
  const reason = thrown instanceof Error ? thrown.message : "it cannot be read";
  return invalid(`the zip reader says: ${reason.replace(/[^\x20-\x7e]/g, "?").slice(0, 200)}`, thrown);
};

const nameOf = (entry: Entry): string => {
  const isUtf8 = (entry.generalPurposeBitFlag & 0x800) !== 0;
  if (isUtf8) new TextDecoder("utf-8", { fatal: true }).decode(entry.fileNameRaw);
  return getFileNameLowLevel(entry.generalPurposeBitFlag, entry.fileNameRaw, entry.extraFields, true);
};

const fileKinds: Readonly<Record<number, string>> = {
  4096: "named pipe",
  8192: "character device",
  24576: "block device",
  40960: "symbolic link",
  49152: "socket",
};
const kindOfMode = (mode: number): string | undefined => {
  const type = mode & 0xf000;
  if (type === 0 || type === 0x4000 || type === 0x8000) return undefined;
  return fileKinds[type] ?? "special file";
};

const pkwareUnix = 0x000d;
const asiUnix = 0x756e;
/** Links and devices that older Unix zip programs describe in extra fields. */
const kindInExtraFields = ({ extraFields }: Entry): string | undefined => {
  for (const { id, data } of extraFields) {
    if (id === pkwareUnix && data.length > 12) return "hard link or device";
    if (id !== asiUnix || data.length < 14) continue;
    const kind = kindOfMode(data.readUInt16LE(4)) ?? (data.length > 14 ? "hard link" : undefined);
    if (kind !== undefined) return kind;
  }
  return undefined;
};

const assertPlain = (entry: Entry, name: string): void => {
  const kind = kindOfMode(entry.externalFileAttributes >>> 16) ?? kindInExtraFields(entry);
  if (kind !== undefined) throw notAFile(name, kind);
  if (entry.isEncrypted()) throw invalid(`${JSON.stringify(name)} is encrypted`);
  if (entry.compressionMethod !== 0 && entry.compressionMethod !== 8) {
    throw invalid(
      `${JSON.stringify(name)} is packed by method ${entry.compressionMethod} (expected stored or deflated)`,
    );
  }
};

interface NamedEntry {
  readonly entry: Entry;
  readonly path: string;
  readonly isFolder: boolean;
}

const isFolder = (entry: Entry, name: string): boolean =>
  name.endsWith("/") || ((entry.externalFileAttributes >>> 16) & 0xf000) === 0x4000;

const centralHeader = 0x02014b50;
/** A directory that goes on after the announced number of entries hides some from one reader or the other. */
const assertEnded = (zip: ZipFile, bytes: Buffer): void => {
  const at = zip.readEntryCursor as unknown as number;
  if (at + 4 <= bytes.length && bytes.readUInt32LE(at) === centralHeader) {
    throw invalid("the directory lists more entries than it announces");
  }
};

const listEntries = async (zip: ZipFile, bytes: Buffer): Promise<NamedEntry[]> => {
  if (zip.entryCount > packLimits.entries) throw overQuota(`${packLimits.entries} entries`, zip.entryCount);
  const entries: NamedEntry[] = [];
  let declared = 0;
  for await (const entry of zip.eachEntry()) {
    const name = nameOf(entry);
    // The wrapper `./` itself names nothing.
    if (name === "./") continue;
    const path = safePath(name);
    assertPlain(entry, name);
    declared += entry.uncompressedSize;
    if (declared > packLimits.unpackedBytes) throw overQuota(`${packLimits.unpackedBytes} bytes unpacked`, declared);
    entries.push({ entry, path, isFolder: isFolder(entry, name) });
  }
  assertEnded(zip, bytes);
  if (declared > bytes.length * packLimits.ratio) {
    throw overQuota(
      `${packLimits.ratio} times the size of the archive`,
      `${Math.round(declared / bytes.length)} times`,
    );
  }
  return entries;
};

const readContent = async (zip: ZipFile, { entry, path }: NamedEntry): Promise<Buffer> => {
  const stream: Readable = await zip.openReadStreamPromise(entry);
  const chunks: Buffer[] = [];
  let checksum = 0;
  // The reader itself stops a stream that holds more or less than the entry announces.
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    checksum = crc32(chunk, checksum);
    chunks.push(chunk);
  }
  if (checksum !== entry.crc32) throw invalid(`the checksum of ${JSON.stringify(path)} does not fit its content`);
  return Buffer.concat(chunks);
};

const readFiles = async (bytes: Buffer): Promise<readonly PackFile[]> => {
  const zip = await fromBufferPromise(bytes, { decodeStrings: false, validateEntrySizes: true });
  const entries = await listEntries(zip, bytes);
  const wanted = entries.filter(({ path, isFolder: isDirectory }) => !isDirectory && !isIgnored(path));
  assertDistinct(wanted.map(({ path }) => path));
  const files: PackFile[] = [];
  for (const entry of wanted) files.push({ path: entry.path, bytes: await readContent(zip, entry) });
  return withoutWrapper(files);
};

/**
 * The files of a pack's archive, checked entry by entry while it is unpacked into memory; the one folder around
 * everything is taken off, and what tools leave behind (`__pycache__`, `.DS_Store` ...) is left out.
 * @throws SwitchyardError `archive_too_large`, `archive_invalid`, `archive_path_unsafe` or `archive_quota`.
 */
export const readArchive = async (bytes: Uint8Array): Promise<readonly PackFile[]> => {
  if (bytes.length > packLimits.archiveBytes) {
    throw new SwitchyardError("archive_too_large", {
      detail: `Expected an archive of at most ${packLimits.archiveBytes} bytes, got ${bytes.length}. Leave out what the driver does not need.`,
    });
  }
  try {
    return await readFiles(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  } catch (thrown) {
    throw asArchiveFault(thrown);
  }
};
